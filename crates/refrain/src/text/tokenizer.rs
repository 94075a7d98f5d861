//! Texts that a task holds in memory, to ids and back: a codec for each side that has a text.
//!
//! The ids of a tokenizer are, in this order: the unknown symbol, for characters and words; the tokens; the start and
//! the end symbol, where they are asked for. Characters stand in order of code point, words and word pieces in
//! order of frequency (ties of words in order of code point); a byte's id is its value. The same texts and
//! options give the same ids on every machine, whatever the order of the texts.

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

/// What a [`Tokenizer`] is made to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenizerOptions {
    /// What a token is.
    pub units: TokenUnits,
    /// Characters and words that occur less often are unknown; pairs of word pieces that do are not merged. Nothing
    /// to bytes.
    pub min_count: u64,
    /// The most ids there may be, special symbols included: the most frequent words get them, and word pieces are
    /// merged until they are used up (8,000 if none is given). Not for characters and bytes.
    pub max_size: Option<usize>,
    /// Whether capital letters are read as small ones.
    pub lowercase: bool,
    /// Whether there are a start and an end symbol, which a decoder needs.
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
    /// How many ids the start and the end symbol take.
    fn boundary_count(&self) -> usize {
        if self.boundaries { 2 } else { 0 }
    }
}

/// How a text is cut into tokens, and their ids: what a model file holds for each of its text sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokenizer {
    lowercase: bool,
    boundaries: bool,
    /// Without the boundaries.
    #[serde(deserialize_with = "complete")]
    vocabulary: Vocabulary,
}

impl Tokenizer {
    /// A tokenizer of these texts, each whole.
    ///
    /// # Errors
    /// [`Error::Setting`] if nothing is frequent enough to be a token, and for a `max_size` that has no room for any
    /// token, or is one for characters or bytes.
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
                Vocabulary::of_pieces(&texts, options.min_count, options.max_size, options.boundary_count())?
            }
        };
        Ok(Self { lowercase: options.lowercase, boundaries: options.boundaries, vocabulary })
    }

    /// A tokenizer of words for texts that come cut into words (those of CoNLL files, for one): none of them is cut
    /// any further.
    ///
    /// # Errors
    /// [`Error::Setting`] if the options ask for other units than words; otherwise as [`Tokenizer::train`].
    pub fn of_tokens<'a>(tokens: impl Iterator<Item = &'a str>, options: &TokenizerOptions) -> Result<Self> {
        if options.units != TokenUnits::Word {
            let allowed = "word: texts that come cut into words are read in words";
            return Err(Error::out_of_range("units", options.units, allowed));
        }
        let mut counts = WordCounts::default();
        tokens.for_each(|word| counts.add(&cased(word, options.lowercase)));
        let vocabulary =
            Vocabulary::of_words(counts, options.min_count, options.max_size, options.boundary_count())?;
        Ok(Self { lowercase: options.lowercase, boundaries: options.boundaries, vocabulary })
    }

    /// In words: how many of which tokens it has.
    pub fn about(&self) -> String {
        let case = if self.lowercase { ", read in small letters" } else { "" };
        format!("{} {}{case}", thousands(self.len() as u64), self.units().plural())
    }

    /// What a token is.
    pub fn units(&self) -> TokenUnits {
        self.vocabulary.units()
    }

    /// How many ids there are, special symbols included.
    pub fn len(&self) -> usize {
        self.vocabulary.len() + if self.boundaries { 2 } else { 0 }
    }

    /// Always false: a tokenizer has at least one token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the unknown symbol (0): for characters and words, not for bytes and word pieces, which can write
    /// any text.
    pub fn unknown(&self) -> Option<u32> {
        self.vocabulary.unknown()
    }

    /// The id of the start symbol, the last but one, where there are boundaries.
    pub fn start(&self) -> Option<u32> {
        self.boundaries.then_some(self.vocabulary.len() as u32)
    }

    /// The id of the end symbol, the last of all, where there are boundaries.
    pub fn end(&self) -> Option<u32> {
        self.boundaries.then_some(self.vocabulary.len() as u32 + 1)
    }

    /// The ids of a text, which is cut as those of [`Tokenizer::train`], without boundaries.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let text = cased(text, self.lowercase);
        match &self.vocabulary.tokens {
            Tokens::Symbols(alphabet) => {
                let symbols = alphabet.units().symbols(&text).into_iter();
                symbols.filter_map(|symbol| alphabet.id_or_unknown(symbol)).collect()
            }
            Tokens::Words(words) => split_words(&text).map(|word| words.id(word)).collect(),
            Tokens::Pieces(pieces) => pieces.encode(&text),
        }
    }

    /// The ids of a text that comes cut into words: one for each of them where words are the units, and otherwise
    /// those of the words with a blank between.
    pub fn encode_words(&self, words: &[String]) -> Vec<u32> {
        match &self.vocabulary.tokens {
            Tokens::Words(list) => words.iter().map(|word| list.id(&cased(word, self.lowercase))).collect(),
            _ => self.encode(&words.join(" ")),
        }
    }

    /// The text of these ids. Boundaries have none; what is unknown comes out as `<unknown>`, or as U+FFFD among
    /// characters.
    ///
    /// But for capitals that were made small, the text of [`Tokenizer::encode`] comes back as it was from bytes, word
    /// pieces, and characters that are known; words are set with blanks as usual, whatever stood between them.
    pub fn decode(&self, ids: &[u32]) -> String {
        let boundaries = [self.start(), self.end()];
        let ids = ids.iter().copied().filter(|&id| !boundaries.contains(&Some(id)));
        match &self.vocabulary.tokens {
            Tokens::Words(words) => join_words(ids.map(|id| words.word(id).unwrap_or(UNKNOWN_NAME))),
            _ => lossy(self.vocabulary.decode(&ids.collect::<Vec<_>>())),
        }
    }

    /// A token for display on one line, with what cannot be seen escaped; `<unknown>`, `<start>` and `<end>` for the
    /// special symbols, and `<unknown>` for an id that is not below [`len`](Self::len).
    pub fn token(&self, id: u32) -> Cow<'_, str> {
        if Some(id) == self.start() {
            return "<start>".into();
        }
        if Some(id) == self.end() {
            return "<end>".into();
        }
        self.vocabulary.render(id)
    }

    /// How many of these ids are the unknown symbol.
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

/// Reads a vocabulary that has an id for every text.
fn complete<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vocabulary, D::Error> {
    let vocabulary = Vocabulary::deserialize(deserializer)?;
    let Tokens::Symbols(alphabet) = &vocabulary.tokens else { return Ok(vocabulary) };
    match alphabet.units() {
        Units::Char if alphabet.unknown().is_none() => {
            Err(D::Error::custom("a tokenizer of characters must have an unknown symbol"))
        }
        Units::Byte if alphabet.unknown().is_some() || alphabet.len() != 256 => {
            Err(D::Error::custom("a tokenizer of bytes must have all 256 of them, and nothing else"))
        }
        _ => Ok(vocabulary),
    }
}

#[cfg(test)]
#[path = "tokenizer_tests.rs"]
mod tests;
