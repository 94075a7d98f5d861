//! Vocabulary of characters or bytes: encoding to ids and decoding.
//!
//! Symbols are sorted by code, so that the same text gives the same ids on every machine.
//! With an *unknown* token, its id is 0 and the symbols follow from 1.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::NEWLINE;
use super::counts::SymbolCounts;
use super::units::Units;
use crate::{Error, InputProblem, Result};

/// Codes below this limit are looked up in a table that ends at the highest of them; codes above it, such as
/// emoji, in a map.
const TABLE_END: u32 = 0x1_0000;
const ABSENT: u32 = u32::MAX;
/// How the unknown token is displayed.
pub(super) const UNKNOWN_NAME: &str = "<unknown>";
/// The number of symbols that a message lists; the rest are counted.
const MAX_LISTED: usize = 5;

/// The symbols of a vocabulary, numbered `0..len()`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredAlphabet", into = "StoredAlphabet")]
pub(super) struct Alphabet {
    units: Units,
    /// In ascending order of code.
    symbols: Vec<u32>,
    unknown: Option<u32>,
    table: Vec<u32>,
    map: HashMap<u32, u32>,
}

impl Alphabet {
    /// The symbols that occur at least `min_count` times. With `with_unknown`, all others map to one unknown token.
    ///
    /// # Errors
    /// [`Error::Setting`] if `min_count` is above 1 without an unknown token, or if no symbol is that
    /// frequent.
    pub(super) fn from_counts(
        units: Units,
        counts: &SymbolCounts,
        min_count: u64,
        with_unknown: bool,
    ) -> Result<Self> {
        if min_count > 1 && !with_unknown {
            let allowed = format!("1, because there is no unknown token for rare {}", units.plural());
            return Err(Error::out_of_range("min_count", min_count, allowed));
        }
        let frequent = counts.iter().filter(|&(_, count)| count >= min_count);
        let symbols: Vec<u32> = frequent.map(|(symbol, _)| symbol).collect();
        if symbols.is_empty() {
            return Err(too_rare(units.plural(), min_count));
        }
        // Counted symbols are sorted, and valid in these units.
        let refused = |why| Error::malformed("vocabulary", why, "build it from the counts of a text");
        Self::from_symbols(units, symbols, with_unknown).map_err(refused)
    }

    /// Checks that the symbols are valid in these units and in strictly ascending order.
    fn from_symbols(units: Units, symbols: Vec<u32>, with_unknown: bool) -> Result<Self, String> {
        if symbols.is_empty() {
            return Err("the vocabulary has no symbols".to_owned());
        }
        for pair in symbols.windows(2) {
            let (one, next) = (units.describe(pair[0]), units.describe(pair[1]));
            if pair[0] == pair[1] {
                return Err(format!("the vocabulary has {one} twice"));
            }
            if pair[0] > pair[1] {
                return Err(format!("the vocabulary is not in order of code: {one} comes before {next}"));
            }
        }
        for &symbol in &symbols {
            if units == Units::Byte && symbol > 0xFF {
                return Err(format!("the vocabulary of bytes contains {symbol}"));
            }
            if char::from_u32(symbol).is_none() {
                return Err(format!("the vocabulary contains {symbol:#x}, which is not a character"));
            }
        }
        let unknown = with_unknown.then_some(0);
        let in_table =
            symbols.iter().filter(|&&symbol| symbol < TABLE_END).max().map_or(0, |&highest| highest + 1);
        let (mut table, mut map) = (vec![ABSENT; in_table as usize], HashMap::new());
        for (id, &symbol) in (u32::from(with_unknown)..).zip(&symbols) {
            match table.get_mut(symbol as usize) {
                Some(entry) => *entry = id,
                None => drop(map.insert(symbol, id)),
            }
        }
        Ok(Self { units, symbols, unknown, table, map })
    }

    /// The units of the symbols.
    pub(super) fn units(&self) -> Units {
        self.units
    }

    /// The number of ids, including the unknown token: the `V` of a model.
    pub(super) fn len(&self) -> usize {
        self.symbols.len() + usize::from(self.unknown.is_some())
    }

    /// The id of the unknown token (0), if there is one.
    pub(super) fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    /// The id of a symbol, or `None` if it is not in the alphabet.
    #[inline]
    pub(super) fn id(&self, symbol: u32) -> Option<u32> {
        match self.table.get(symbol as usize) {
            Some(&id) => (id != ABSENT).then_some(id),
            None => self.map.get(&symbol).copied(),
        }
    }

    /// The id of a symbol, or else of the unknown token; `None` if the alphabet has neither.
    #[inline]
    pub(super) fn id_or_unknown(&self, symbol: u32) -> Option<u32> {
        self.id(symbol).or(self.unknown)
    }

    /// The symbol of an id; `None` for the unknown token and for an id that is not below [`len`](Self::len).
    pub(super) fn symbol(&self, id: u32) -> Option<u32> {
        let index = id.checked_sub(u32::from(self.unknown.is_some()))?;
        self.symbols.get(index as usize).copied()
    }

    /// Encodes a prompt.
    ///
    /// # Errors
    /// [`Error::Input`] for symbols that are not in the alphabet, even with an unknown token: lists the first five
    /// with their codes.
    pub(super) fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>> {
        let symbols = self.units.symbols(prompt);
        let mut missing = Vec::new();
        let mut ids = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            match self.id(symbol) {
                Some(id) => ids.push(id),
                None if missing.contains(&symbol) => {}
                None => missing.push(symbol),
            }
        }
        if missing.is_empty() {
            return Ok(ids);
        }
        let described: Vec<_> = missing.iter().map(|&symbol| self.units.describe(symbol)).collect();
        let written = |symbol| char::from_u32(symbol).map(String::from).unwrap_or_default();
        Err(not_in_vocabulary(missing.into_iter().map(written).collect(), &described, self.units.plural()))
    }

    /// The id of the newline, if the alphabet has one.
    pub(super) fn line_end(&self) -> Option<u32> {
        self.id(NEWLINE)
    }

    /// The id to start from without a prompt: the newline if the alphabet has one, or else the space, or else the
    /// first symbol.
    pub(super) fn first_context(&self) -> u32 {
        let start = self.line_end().or_else(|| self.id(u32::from(b' ')));
        start.unwrap_or(u32::from(self.unknown.is_some() && self.len() > 1))
    }

    /// The text of an id, written to the start of `bytes`: UTF-8 for a character, the byte itself for a byte. The
    /// unknown token gives U+FFFD, or `?` for bytes.
    pub(super) fn text_of<'b>(&self, id: u32, bytes: &'b mut [u8; 4]) -> &'b [u8] {
        let symbol = self.symbol(id);
        match self.units {
            Units::Char => {
                let character = symbol.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
                character.encode_utf8(bytes).as_bytes()
            }
            Units::Byte => {
                bytes[0] = symbol.map_or(b'?', |byte| byte as u8);
                &bytes[..1]
            }
        }
    }

    /// A symbol for display on one line: control characters and other invisible ones are escaped (`\n`, `\u{feff}`),
    /// and so are non-ASCII bytes (`\xe9`). The unknown token is `<unknown>`.
    pub(super) fn render(&self, id: u32) -> String {
        match (self.units, self.symbol(id)) {
            (_, None) => UNKNOWN_NAME.to_owned(),
            (Units::Byte, Some(byte @ 0x80..)) => format!("\\x{byte:02x}"),
            (_, Some(symbol)) => match char::from_u32(symbol) {
                Some(character) => escaped(character.encode_utf8(&mut [0; 4])),
                None => UNKNOWN_NAME.to_owned(),
            },
        }
    }
}

/// An error for the tokens of a prompt that are `missing` in the vocabulary; `symbols` as in the prompt.
pub(super) fn not_in_vocabulary(symbols: Vec<String>, missing: &[String], plural: &str) -> Error {
    let listed = &missing[..missing.len().min(MAX_LISTED)];
    let more = match missing.len() - listed.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let pronoun = if missing.len() == 1 { "it" } else { "them" };
    let message = format!(
        "the vocabulary does not contain {}{more}: remove {pronoun}, or use only the {plural} of the vocabulary",
        listed.join(", "),
    );
    let problem = InputProblem::UnknownSymbols { symbols, message };
    Error::input("prompt", problem)
}

/// An error for a minimum count that leaves no token.
pub(super) fn too_rare(plural: &str, min_count: u64) -> Error {
    let found = format!("is {min_count}");
    Error::mismatch("min_count", found, format!("no {plural} occur that often: lower it, or use more text"))
}

/// A text on one line, with invisible characters escaped; quotation marks and backslashes are not.
pub(super) fn escaped(text: &str) -> String {
    const PLAIN: [char; 3] = ['\'', '"', '\\'];
    text.split_inclusive(PLAIN).fold(String::new(), |mut shown, piece| {
        let body = piece.trim_end_matches(PLAIN);
        shown.extend(body.escape_debug());
        shown + &piece[body.len()..]
    })
}

/// The alphabet as stored in a model file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAlphabet {
    units: Units,
    /// Whether id 0 is the unknown token.
    unknown: bool,
    symbols: StoredSymbols,
}

/// Characters as one string, bytes as an array of numbers.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "the symbols of a vocabulary must be a string, or an array of byte values")]
enum StoredSymbols {
    Characters(String),
    Bytes(Vec<u32>),
}

impl From<Alphabet> for StoredAlphabet {
    fn from(alphabet: Alphabet) -> Self {
        let symbols = match alphabet.units {
            Units::Char => StoredSymbols::Characters(
                alphabet.symbols.iter().copied().filter_map(char::from_u32).collect(),
            ),
            Units::Byte => StoredSymbols::Bytes(alphabet.symbols),
        };
        Self { units: alphabet.units, unknown: alphabet.unknown.is_some(), symbols }
    }
}

impl TryFrom<StoredAlphabet> for Alphabet {
    type Error = String;

    fn try_from(stored: StoredAlphabet) -> Result<Self, String> {
        let symbols = match (stored.units, stored.symbols) {
            (Units::Char, StoredSymbols::Characters(text)) => text.chars().map(u32::from).collect(),
            (Units::Byte, StoredSymbols::Bytes(symbols)) => symbols,
            (Units::Char, _) => {
                return Err("a vocabulary of characters must be written as a string".to_owned());
            }
            (Units::Byte, _) => {
                return Err("a vocabulary of bytes must be written as an array of numbers".to_owned());
            }
        };
        Self::from_symbols(stored.units, symbols, stored.unknown)
    }
}

#[cfg(test)]
#[path = "alphabet_tests.rs"]
mod tests;
