//! The vocabulary of a model: characters, bytes, words or subwords.
//!
//! A language model splits a text into tokens whose concatenation is the text. Words include the space before them
//! (` the`), as subwords do, and every newline is a separate token.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::alphabet::{self, Alphabet, UNKNOWN_NAME, escaped};
use super::byte_pairs::BytePairs;
use super::corpus::Corpus;
use super::counts::SymbolCounts;
use super::token_units::TokenUnits;
use super::units::Units;
use super::word_list::{self, WordCounts, WordList};
use super::words::split_chunks;
use crate::number::thousands;
use crate::{Error, Result};

/// The default vocabulary size of subwords.
const DEFAULT_SUBWORDS: usize = 8_000;

/// The tokens of a model, numbered `0..len()`. The unknown token, if there is one, has id 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vocabulary {
    pub(super) tokens: Tokens,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tokens {
    /// Characters or bytes.
    Symbols(Alphabet),
    Words(WordList),
    /// Subwords, stored as the merges that build them.
    #[serde(rename = "merges")]
    Subwords(BytePairs),
}

impl Vocabulary {
    /// The characters or bytes that occur at least `min_count` times. With `with_unknown`, all others map to one
    /// unknown token.
    ///
    /// # Errors
    /// [`Error::Setting`] if `min_count` is above 1 without an unknown token, or if no symbol is that frequent.
    pub fn from_counts(
        units: Units,
        counts: &SymbolCounts,
        min_count: u64,
        with_unknown: bool,
    ) -> Result<Self> {
        Ok(Self { tokens: Tokens::Symbols(Alphabet::from_counts(units, counts, min_count, with_unknown)?) })
    }

    /// The tokens of a text for a language model: those that occur at least `min_count` times (less frequent pairs of
    /// subwords are not merged), and at most `max_size` ids in total.
    ///
    /// # Errors
    /// [`Error::Setting`] if no token is frequent enough, for a `max_size` that is too small for any token, for a
    /// `max_size` with characters or bytes, and if the text was read in other symbols than the tokens consist of;
    /// as [`super::Reader::read`].
    pub fn of_text(
        corpus: &Corpus,
        units: TokenUnits,
        min_count: u64,
        max_size: Option<usize>,
    ) -> Result<Self> {
        match units {
            TokenUnits::Char | TokenUnits::Byte => {
                refuse_size(units, max_size)?;
                Self::from_counts(corpus.units(), corpus.counts(), min_count, true)
            }
            TokenUnits::Word => {
                let mut counts = WordCounts::default();
                for line in corpus.lines()? {
                    split_chunks(&line?).for_each(|word| counts.add(word));
                }
                Self::of_words(counts, min_count, max_size, 0)
            }
            TokenUnits::Bpe => {
                let lines: Vec<Cow<'_, str>> =
                    corpus.lines()?.map(|line| Ok(line?.into())).collect::<Result<_>>()?;
                Self::of_subwords(&lines, min_count, max_size, 0)
            }
        }
    }

    /// The most frequent of these words: at most `max_size` ids, including the unknown token and `boundaries`.
    pub(super) fn of_words(
        counts: WordCounts,
        min_count: u64,
        max_size: Option<usize>,
        boundaries: usize,
    ) -> Result<Self> {
        let max_size = max_size.unwrap_or(usize::MAX);
        match max_size.saturating_sub(1 + boundaries) {
            0 => {
                let allowed = format!("at least {}: the special tokens and one word", 2 + boundaries);
                Err(Error::out_of_range("vocab_size", max_size, allowed))
            }
            max => Ok(Self { tokens: Tokens::Words(WordList::from_counts(counts, min_count, max)?) }),
        }
    }

    /// Subwords of these texts: at most `max_size` ids, including `boundaries`.
    pub(super) fn of_subwords(
        texts: &[Cow<'_, str>],
        min_count: u64,
        max_size: Option<usize>,
        boundaries: usize,
    ) -> Result<Self> {
        let subwords = max_size.map_or(DEFAULT_SUBWORDS, |size| size.saturating_sub(boundaries));
        if subwords < 256 {
            let allowed = format!("at least {}: every byte is a subword", 256 + boundaries);
            return Err(Error::out_of_range("vocab_size", max_size.unwrap_or(DEFAULT_SUBWORDS), allowed));
        }
        Ok(Self { tokens: Tokens::Subwords(BytePairs::train(texts, min_count, subwords)?) })
    }

    /// The kind of tokens.
    pub fn units(&self) -> TokenUnits {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.units().into(),
            Tokens::Words(_) => TokenUnits::Word,
            Tokens::Subwords(_) => TokenUnits::Bpe,
        }
    }

    /// The number of ids, including the unknown token: the `V` of a model.
    pub fn len(&self) -> usize {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.len(),
            Tokens::Words(words) => words.len(),
            Tokens::Subwords(subwords) => subwords.len(),
        }
    }

    /// Always false: a vocabulary has at least one token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the unknown token (0), if there is one; subwords can encode any text.
    pub fn unknown(&self) -> Option<u32> {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.unknown(),
            Tokens::Words(_) => Some(word_list::UNKNOWN),
            Tokens::Subwords(_) => None,
        }
    }

    /// The number of unknown tokens among these ids.
    pub fn unknown_among(&self, ids: &[u32]) -> usize {
        self.unknown().map_or(0, |unknown| ids.iter().filter(|&&id| id == unknown).count())
    }

    /// The id of the newline, if the vocabulary has one.
    pub fn line_end(&self) -> Option<u32> {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.line_end(),
            Tokens::Words(words) => words.known("\n"),
            // The id of a byte is its value.
            Tokens::Subwords(_) => Some(u32::from(b'\n')),
        }
    }

    /// The id to start from without a prompt: the newline if the vocabulary has one, or else the space, or else the
    /// first token.
    pub fn first_context(&self) -> u32 {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.first_context(),
            _ => self.line_end().unwrap_or(word_list::UNKNOWN + 1),
        }
    }

    /// Encodes a prompt. If its first word is only known with a space before it, it is read with the space.
    ///
    /// # Errors
    /// [`Error::Input`] for tokens that are not in the vocabulary, even with an unknown token: lists the first five.
    pub fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>> {
        let words = match &self.tokens {
            Tokens::Symbols(alphabet) => return alphabet.encode_prompt(prompt),
            Tokens::Subwords(subwords) => return Ok(subwords.encode(prompt)),
            Tokens::Words(words) => words,
        };
        let mut missing: Vec<String> = vec![];
        let mut ids = vec![];
        for word in split_chunks(prompt) {
            let in_mid_line = || words.known(&format!(" {word}")).filter(|_| ids.is_empty());
            match words.known(word).or_else(in_mid_line) {
                Some(id) => ids.push(id),
                None => missing.push(word.trim_start().to_owned()),
            }
        }
        missing.dedup();
        let described: Vec<_> =
            missing.iter().map(|word| format!("the word \"{}\"", escaped(word))).collect();
        match missing.is_empty() {
            true => Ok(ids),
            false => Err(alphabet::not_in_vocabulary(missing, &described, "words")),
        }
    }

    /// The first token of a text, known or not.
    pub(crate) fn first_token<'t>(&self, text: &'t str) -> &'t str {
        let end = match &self.tokens {
            Tokens::Symbols(_) => text.chars().next().map_or(0, char::len_utf8),
            Tokens::Words(_) => split_chunks(text).next().map_or(0, str::len),
            Tokens::Subwords(subwords) => {
                let first = subwords.encode(text).first().copied();
                let length = first.and_then(|id| subwords.subword(id)).map_or(0, <[u8]>::len);
                // A subword may end within a character, which then counts as a part of it.
                (length..=text.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(text.len())
            }
        };
        &text[..end]
    }

    /// The text of a token, in UTF-8 except for bytes and parts of characters; written to `buffer` if it is not stored.
    /// The unknown token gives U+FFFD, `?` for bytes and `<unknown>` for words.
    pub fn text_of<'b>(&'b self, id: u32, buffer: &'b mut [u8; 4]) -> &'b [u8] {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.text_of(id, buffer),
            Tokens::Words(words) => words.word(id).unwrap_or(UNKNOWN_NAME).as_bytes(),
            Tokens::Subwords(subwords) => subwords.subword(id).unwrap_or_default(),
        }
    }

    /// Decodes ids, each as in [`Vocabulary::text_of`].
    pub fn decode(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().fold(Vec::with_capacity(ids.len()), |mut text, &id| {
            text.extend_from_slice(self.text_of(id, &mut [0; 4]));
            text
        })
    }

    /// A token for display on one line, with invisible characters escaped; `<unknown>` for the unknown token and for an
    /// id that is not below [`len`](Self::len).
    pub fn render(&self, id: u32) -> Cow<'_, str> {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.render(id).into(),
            Tokens::Words(words) => words.word(id).map_or(UNKNOWN_NAME.into(), |word| escaped(word).into()),
            Tokens::Subwords(subwords) => {
                subwords.subword(id).map_or(UNKNOWN_NAME.into(), |subword| shown(subword).into())
            }
        }
    }

    /// Size and units: `8,000 subwords`.
    pub fn about(&self) -> String {
        format!("{} {}", thousands(self.len() as u64), self.units().plural())
    }
}

/// Refuses a size for characters and bytes, which have a fixed one.
pub(super) fn refuse_size(units: TokenUnits, max_size: Option<usize>) -> Result<()> {
    match (units, max_size) {
        (TokenUnits::Char | TokenUnits::Byte, Some(_)) => {
            let context = format!("by a vocabulary of {}, whose size is fixed", units.plural());
            Err(Error::unused("vocab_size", context))
        }
        _ => Ok(()),
    }
}

/// The bytes of a subword on one line, as [`escaped`]; bytes that are part of a character in hexadecimal.
fn shown(subword: &[u8]) -> String {
    subword.utf8_chunks().fold(String::new(), |mut shown, chunk| {
        shown.push_str(&escaped(chunk.valid()));
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    fn vocabulary(text: &str, units: TokenUnits, min_count: u64, max_size: Option<usize>) -> Vocabulary {
        let corpus = Corpus::scan(vec![Source::memory("text", text)], Units::Char, false).unwrap();
        Vocabulary::of_text(&corpus, units, min_count, max_size).unwrap()
    }

    #[test]
    fn words_include_their_space_and_line_ends_are_tokens() {
        let words = vocabulary("to be, or\nnot to be\n\nto be", TokenUnits::Word, 2, None);
        let all: Vec<_> = (0..words.len() as u32).map(|id| words.render(id)).collect();
        assert_eq!(all, ["<unknown>", "\\n", " be", "to"]);
        assert_eq!((words.unknown(), words.line_end(), words.first_context()), (Some(0), Some(1), 1));
        assert_eq!(words.decode(&[3, 2, 1, 0]), b"to be\n<unknown>");
    }

    #[test]
    fn a_prompt_may_start_in_the_middle_of_a_line() {
        let words = vocabulary("to be or not to be", TokenUnits::Word, 1, None);
        assert_eq!(words.decode(&words.encode_prompt("be or").unwrap()), b" be or");
        let message = words.encode_prompt("to be x, x").unwrap_err().to_string();
        assert!(
            message.starts_with("prompt: the vocabulary does not contain the word \"x\", the word \",\""),
            "{message}"
        );
    }

    #[test]
    fn the_most_frequent_words_are_kept() {
        let words = vocabulary("a b a b", TokenUnits::Word, 1, Some(2));
        assert_eq!((words.len(), words.render(1).into_owned()), (2, " b".to_owned()));
        let corpus = Corpus::scan(vec![Source::memory("text", "a b")], Units::Char, false).unwrap();
        for (units, size) in [(TokenUnits::Char, 9), (TokenUnits::Word, 1), (TokenUnits::Bpe, 255)] {
            assert!(Vocabulary::of_text(&corpus, units, 1, Some(size)).is_err(), "{units}");
        }
    }

    #[test]
    fn a_vocabulary_of_any_units_is_stored_without_loss() {
        for units in TokenUnits::ALL {
            let text = "né au bord de l'eau\nné au\n";
            let corpus = Corpus::scan(vec![Source::memory("text", text)], units.symbols(), false).unwrap();
            let vocabulary = Vocabulary::of_text(&corpus, units, 1, None).unwrap();
            let stored = serde_json::to_string(&vocabulary).unwrap();
            assert_eq!(serde_json::from_str::<Vocabulary>(&stored).unwrap(), vocabulary);
            assert_eq!(vocabulary.units(), units);
            assert_eq!(vocabulary.decode(&vocabulary.encode_prompt(text).unwrap()), text.as_bytes());
        }
    }
}
