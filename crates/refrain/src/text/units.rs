//! The symbols of a text: characters or bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of symbols in which a text is read. A symbol of either kind is a `u32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Units {
    /// A Unicode scalar value: 0..=0x10FFFF without the surrogates. The text must be UTF-8.
    #[default]
    Char,
    /// A byte, 0..=255. Any file can be read.
    Byte,
}

impl Units {
    /// The symbols of a text in memory, without changes to line endings or byte-order marks.
    pub fn symbols(self, text: &str) -> Vec<u32> {
        match self {
            Units::Char => text.chars().map(u32::from).collect(),
            Units::Byte => text.bytes().map(u32::from).collect(),
        }
    }

    /// A symbol in a message, with its code: `'é' (U+00E9)`, or `byte 0xE9`.
    pub fn describe(self, symbol: u32) -> String {
        match (self, char::from_u32(symbol)) {
            (Units::Char, Some(character)) => format!("{character:?} (U+{symbol:04X})"),
            (Units::Char, None) => format!("U+{symbol:04X}"),
            (Units::Byte, _) => format!("byte 0x{symbol:02X}"),
        }
    }

    /// The name in messages, singular.
    pub fn singular(self) -> &'static str {
        match self {
            Units::Char => "character",
            Units::Byte => "byte",
        }
    }

    /// The name in messages, plural.
    pub fn plural(self) -> &'static str {
        match self {
            Units::Char => "characters",
            Units::Byte => "bytes",
        }
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Units::Char => "char",
            Units::Byte => "byte",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_files_and_messages_agree() {
        for units in [Units::Char, Units::Byte] {
            assert_eq!(serde_json::to_string(&units).unwrap(), format!("\"{units}\""));
        }
    }

    #[test]
    fn a_symbol_is_described_with_its_code() {
        assert_eq!(Units::Char.describe(0xE9), "'é' (U+00E9)");
        assert_eq!(Units::Char.describe(0x0A), "'\\n' (U+000A)");
        assert_eq!(Units::Char.describe(0x1F600), "'😀' (U+1F600)");
        assert_eq!(Units::Byte.describe(0xE9), "byte 0xE9");
    }
}
