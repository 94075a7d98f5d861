//! What one token of a text held in memory is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::units::Units;
use crate::{Error, Result};

/// The pieces that a [`super::Tokenizer`] cuts a text into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenUnits {
    /// A Unicode scalar value.
    #[default]
    Char,
    /// A byte of UTF-8.
    Byte,
    /// A word, a number or a mark of punctuation.
    Word,
    /// A piece of a word, as frequent as they come: byte pair encoding (Sennrich, Haddow & Birch 2016) over the
    /// bytes of UTF-8 (Radford et al. 2019).
    Bpe,
}

impl TokenUnits {
    /// All of them, in the order in which they are listed for people.
    pub const ALL: [TokenUnits; 4] = [TokenUnits::Char, TokenUnits::Byte, TokenUnits::Word, TokenUnits::Bpe];

    /// The symbols that it is made of.
    pub fn symbols(self) -> Units {
        match self {
            TokenUnits::Byte => Units::Byte,
            TokenUnits::Char | TokenUnits::Word | TokenUnits::Bpe => Units::Char,
        }
    }

    /// What this unit is called in a message.
    pub fn singular(self) -> &'static str {
        match self {
            TokenUnits::Char => Units::Char.singular(),
            TokenUnits::Byte => Units::Byte.singular(),
            TokenUnits::Word => "word",
            TokenUnits::Bpe => "word piece",
        }
    }

    /// What this unit is called in a message about several of them.
    pub fn plural(self) -> &'static str {
        match self {
            TokenUnits::Char => Units::Char.plural(),
            TokenUnits::Byte => Units::Byte.plural(),
            TokenUnits::Word => "words",
            TokenUnits::Bpe => "word pieces",
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
    fn a_name_reads_back_as_the_same_units() {
        for units in TokenUnits::ALL {
            assert_eq!(units.to_string().parse::<TokenUnits>().unwrap(), units);
            assert_eq!(serde_json::to_string(&units).unwrap(), format!("\"{units}\""));
        }
        for units in [Units::Char, Units::Byte] {
            assert_eq!(TokenUnits::from(units).to_string(), units.to_string());
        }
    }

    #[test]
    fn a_wrong_name_is_refused_with_the_right_ones() {
        let error = "words".parse::<TokenUnits>().unwrap_err();
        assert_eq!(error.to_string(), "`units` is \"words\": give char, byte, word or bpe");
    }
}
