//! Tokenizers of the texts that a task holds in memory, one for each side that is text.
//!
//! The ids of a tokenizer are, in order: the unknown token (characters and words only), the tokens, and the start and
//! end tokens if requested. Characters are sorted by code point, words and subwords by frequency (words of equal
//! frequency by code point); the id of a byte is its value. The same texts and options give the same ids on every
//! machine, whatever the order of the texts.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::alphabet::UNKNOWN_NAME;
use super::counts::SymbolCounts;
use super::token_units::TokenUnits;
use super::units::Units;
use super::vocabulary::{Tokens, Vocabulary, refuse_size};
use super::word_list::WordCounts;
use super::words::{join_words, split_words};
use crate::number::thousands;
use crate::{Error, Result};

/// Options of a [`Tokenizer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenizerOptions {
    /// The kind of tokens.
    pub units: TokenUnits,
    /// Characters and words that occur less often are unknown; less frequent pairs of subwords are not merged. No
    /// effect on bytes.
    pub min_count: u64,
    /// Maximum number of ids, special tokens included: the most frequent words are kept, and subwords are merged up
    /// to this size (default 8,000). Not for characters and bytes.
    pub max_size: Option<usize>,
    /// Whether the text is lowercased.
    pub lowercase: bool,
    /// Whether there are a start and an end token, which a decoder needs.
    pub boundaries: bool,
}

impl Default for TokenizerOptions {
    fn default() -> Self {
        Self {
            units: TokenUnits::default(),
            min_count: 1,
            max_size: None,
            lowercase: false,
            boundaries: false,
        }
    }
}

impl TokenizerOptions {
    /// The number of start and end tokens.
    fn boundary_count(&self) -> usize {
        if self.boundaries { 2 } else { 0 }
    }
}

/// Splits texts into tokens and encodes them as ids; stored in a model file for each side that is text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokenizer {
    lowercase: bool,
    boundaries: bool,
    /// Without the start and end tokens.
    #[serde(deserialize_with = "deserialize_complete")]
    vocabulary: Vocabulary,
}

impl Tokenizer {
    /// A tokenizer for these texts.
    ///
    /// # Errors
    /// [`Error::Setting`] if no token is frequent enough, for a `max_size` that is too small for any token, and for
    /// a `max_size` with characters or bytes.
    pub fn train<'a>(
        texts: impl Iterator<Item = &'a str> + Clone,
        options: &TokenizerOptions,
    ) -> Result<Self> {
        let texts = texts.map(|text| cased(text, options.lowercase));
        refuse_size(options.units, options.max_size)?;
        let vocabulary = match options.units {
            TokenUnits::Char => {
                let mut counts = SymbolCounts::default();
                texts.for_each(|text| counts.add(&Units::Char.symbols(&text)));
                Vocabulary::from_counts(Units::Char, &counts, options.min_count, true)?
            }
            TokenUnits::Byte => {
                let mut each_once = SymbolCounts::default();
                each_once.add(&(0..=u8::MAX).map(u32::from).collect::<Vec<_>>());
                Vocabulary::from_counts(Units::Byte, &each_once, 1, false)?
            }
            TokenUnits::Word => {
                let mut counts = WordCounts::default();
                texts.for_each(|text| split_words(&text).for_each(|word| counts.add(word)));
                Vocabulary::of_words(counts, options.min_count, options.max_size, options.boundary_count())?
            }
            TokenUnits::Bpe => {
                let texts: Vec<_> = texts.collect();
                Vocabulary::of_subwords(
                    &texts,
                    options.min_count,
                    options.max_size,
                    options.boundary_count(),
                )?
            }
        };
        Ok(Self { lowercase: options.lowercase, boundaries: options.boundaries, vocabulary })
    }

    /// A tokenizer of words for texts that are already split into words, such as CoNLL files. Words are not split
    /// further.
    ///
    /// # Errors
    /// [`Error::Setting`] if the units of the options are not words; otherwise as [`Tokenizer::train`].
    pub fn of_tokens<'a>(tokens: impl Iterator<Item = &'a str>, options: &TokenizerOptions) -> Result<Self> {
        if options.units != TokenUnits::Word {
            let allowed = "word, because the texts are already split into words";
            return Err(Error::out_of_range("units", options.units, allowed));
        }
        let mut counts = WordCounts::default();
        tokens.for_each(|word| counts.add(&cased(word, options.lowercase)));
        let vocabulary =
            Vocabulary::of_words(counts, options.min_count, options.max_size, options.boundary_count())?;
        Ok(Self { lowercase: options.lowercase, boundaries: options.boundaries, vocabulary })
    }

    /// Size and units: `8,000 subwords, lowercased`.
    pub fn about(&self) -> String {
        let case = if self.lowercase { ", lowercased" } else { "" };
        format!("{} {}{case}", thousands(self.len() as u64), self.units().plural())
    }

    /// The kind of tokens.
    pub fn units(&self) -> TokenUnits {
        self.vocabulary.units()
    }

    /// The number of ids, special tokens included.
    pub fn len(&self) -> usize {
        self.vocabulary.len() + if self.boundaries { 2 } else { 0 }
    }

    /// Always false: a tokenizer has at least one token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the unknown token (0) of characters and words; bytes and subwords can encode any text.
    pub fn unknown(&self) -> Option<u32> {
        self.vocabulary.unknown()
    }

    /// The id of the start token, the last but one, if there is one.
    pub fn start(&self) -> Option<u32> {
        self.boundaries.then_some(self.vocabulary.len() as u32)
    }

    /// The id of the end token, the last one, if there is one.
    pub fn end(&self) -> Option<u32> {
        self.boundaries.then_some(self.vocabulary.len() as u32 + 1)
    }

    /// Encodes a text, without start and end tokens.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let text = cased(text, self.lowercase);
        match &self.vocabulary.tokens {
            Tokens::Symbols(alphabet) => {
                let symbols = alphabet.units().symbols(&text).into_iter();
                symbols.filter_map(|symbol| alphabet.id_or_unknown(symbol)).collect()
            }
            Tokens::Words(words) => split_words(&text).map(|word| words.id(word)).collect(),
            Tokens::Subwords(subwords) => subwords.encode(&text),
        }
    }

    /// Encodes a text that is already split into words: one id per word if the units are words, otherwise the ids of
    /// the words joined by spaces.
    pub fn encode_words(&self, words: &[String]) -> Vec<u32> {
        match &self.vocabulary.tokens {
            Tokens::Words(list) => words.iter().map(|word| list.id(&cased(word, self.lowercase))).collect(),
            _ => self.encode(&words.join(" ")),
        }
    }

    /// Decodes ids. Start and end tokens are skipped; an unknown token is `<unknown>`, or U+FFFD for characters.
    ///
    /// This inverts [`Tokenizer::encode`] for bytes, subwords and known characters, except for lowercasing; words are
    /// joined with spaces as usual, whatever white space the text had.
    pub fn decode(&self, ids: &[u32]) -> String {
        let boundaries = [self.start(), self.end()];
        let ids = ids.iter().copied().filter(|&id| !boundaries.contains(&Some(id)));
        match &self.vocabulary.tokens {
            Tokens::Words(words) => join_words(ids.map(|id| words.word(id).unwrap_or(UNKNOWN_NAME))),
            _ => lossy(self.vocabulary.decode(&ids.collect::<Vec<_>>())),
        }
    }

    /// A token for display on one line, with invisible characters escaped; `<unknown>`, `<start>` and `<end>` for the
    /// special tokens, and `<unknown>` for an id that is not below [`len`](Self::len).
    pub fn token(&self, id: u32) -> Cow<'_, str> {
        if Some(id) == self.start() {
            return "<start>".into();
        }
        if Some(id) == self.end() {
            return "<end>".into();
        }
        self.vocabulary.render(id)
    }

    /// The number of unknown tokens among these ids.
    pub fn unknown_among(&self, ids: &[u32]) -> usize {
        self.vocabulary.unknown_among(ids)
    }
}

fn cased(text: &str, lowercase: bool) -> Cow<'_, str> {
    if lowercase { text.to_lowercase().into() } else { text.into() }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Reads a vocabulary that can encode every text.
fn deserialize_complete<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vocabulary, D::Error> {
    let vocabulary = Vocabulary::deserialize(deserializer)?;
    let Tokens::Symbols(alphabet) = &vocabulary.tokens else { return Ok(vocabulary) };
    match alphabet.units() {
        Units::Char if alphabet.unknown().is_none() => {
            Err(D::Error::custom("a tokenizer of characters must have an unknown token"))
        }
        Units::Byte if alphabet.unknown().is_some() || alphabet.len() != 256 => {
            Err(D::Error::custom("a tokenizer of bytes must have exactly the 256 bytes"))
        }
        _ => Ok(vocabulary),
    }
}

#[cfg(test)]
#[path = "tokenizer_tests.rs"]
mod tests;
