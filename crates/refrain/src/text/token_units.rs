//! The kinds of tokens of a vocabulary.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::units::Units;
use crate::{Error, Result};

/// The units into which a text is split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenUnits {
    /// A Unicode scalar value.
    #[default]
    Char,
    /// A byte of UTF-8.
    Byte,
    /// A word, a number or a punctuation mark.
    Word,
    /// A subword: byte pair encoding (Sennrich, Haddow & Birch 2016) over the bytes of UTF-8 (Radford et al. 2019).
    Bpe,
}

impl TokenUnits {
    /// All of them, in the order in which they are displayed.
    pub const ALL: [TokenUnits; 4] = [TokenUnits::Char, TokenUnits::Byte, TokenUnits::Word, TokenUnits::Bpe];

    /// The symbols that tokens consist of.
    pub fn symbols(self) -> Units {
        match self {
            TokenUnits::Byte => Units::Byte,
            TokenUnits::Char | TokenUnits::Word | TokenUnits::Bpe => Units::Char,
        }
    }

    /// The name in messages, singular.
    pub fn singular(self) -> &'static str {
        match self {
            TokenUnits::Char => Units::Char.singular(),
            TokenUnits::Byte => Units::Byte.singular(),
            TokenUnits::Word => "word",
            TokenUnits::Bpe => "subword",
        }
    }

    /// The name in messages, plural.
    pub fn plural(self) -> &'static str {
        match self {
            TokenUnits::Char => Units::Char.plural(),
            TokenUnits::Byte => Units::Byte.plural(),
            TokenUnits::Word => "words",
            TokenUnits::Bpe => "subwords",
        }
    }
}

impl From<Units> for TokenUnits {
    fn from(units: Units) -> Self {
        match units {
            Units::Char => TokenUnits::Char,
            Units::Byte => TokenUnits::Byte,
        }
    }
}

impl fmt::Display for TokenUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenUnits::Char => "char",
            TokenUnits::Byte => "byte",
            TokenUnits::Word => "word",
            TokenUnits::Bpe => "bpe",
        })
    }
}

impl FromStr for TokenUnits {
    type Err = Error;

    /// # Errors
    /// [`Error::Setting`] for anything but `char`, `byte`, `word` and `bpe`.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|units| units.to_string() == name)
            .ok_or_else(|| Error::out_of_range("units", format!("{name:?}"), "char, byte, word or bpe"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_to_the_same_units() {
        for units in TokenUnits::ALL {
            assert_eq!(units.to_string().parse::<TokenUnits>().unwrap(), units);
            assert_eq!(serde_json::to_string(&units).unwrap(), format!("\"{units}\""));
        }
        for units in [Units::Char, Units::Byte] {
            assert_eq!(TokenUnits::from(units).to_string(), units.to_string());
        }
    }

    #[test]
    fn an_invalid_name_is_refused_with_the_valid_ones() {
        let error = "words".parse::<TokenUnits>().unwrap_err();
        assert_eq!(error.to_string(), "`units` is \"words\": give char, byte, word or bpe");
    }
}
