//! What the ids of a model stand for: characters, bytes, words or pieces of words.
//!
//! A language model cuts a text so that its tokens, one behind the other, are the text again. Its words have the blank
//! before them in them (` the`), as word pieces do, and every line end stands alone.

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

/// The size of a vocabulary of word pieces where none is asked for.
const DEFAULT_PIECES: usize = 8_000;

/// The tokens that a model knows, numbered `0..len()`. Where rare ones share one *unknown* token, it is id 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vocabulary {
    pub(super) tokens: Tokens,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tokens {
    /// Characters, or bytes.
    Symbols(Alphabet),
    Words(WordList),
    /// Pieces of words, which a file has as the merges that make them.
    #[serde(rename = "merges")]
    Pieces(BytePairs),
}

impl Vocabulary {
    /// The characters or bytes that occur at least `min_count` times. With `with_unknown`, all others are one unknown
    /// symbol.
    ///
    /// # Errors
    /// [`Error::Setting`] if `min_count` is above 1 without an unknown symbol, or if no symbol is that frequent.
    pub fn from_counts(
        units: Units,
        counts: &SymbolCounts,
        min_count: u64,
        with_unknown: bool,
    ) -> Result<Self> {
        Ok(Self { tokens: Tokens::Symbols(Alphabet::from_counts(units, counts, min_count, with_unknown)?) })
    }

    /// The tokens of a text for a language model: those that occur at least `min_count` times (pairs of word pieces
    /// that occur less often are not merged), and no more than `max_size` ids in all.
    ///
    /// # Errors
    /// [`Error::Setting`] if nothing is frequent enough, for a `max_size` that has no room for any token, or for
    /// characters or bytes, which have none, and if the text was read in other symbols than the units are made of;
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
                Self::of_pieces(&lines, min_count, max_size, 0)
            }
        }
    }

    /// The most frequent of these words: with the unknown word and `boundaries` no more than `max_size` ids.
    pub(super) fn of_words(
        counts: WordCounts,
        min_count: u64,
        max_size: Option<usize>,
        boundaries: usize,
    ) -> Result<Self> {
        let max_size = max_size.unwrap_or(usize::MAX);
        match max_size.saturating_sub(1 + boundaries) {
            0 => {
                let allowed = format!(
                    "at least {}, to have room for a word beside the special symbols",
                    2 + boundaries
                );
                Err(Error::out_of_range("vocab_size", max_size, allowed))
            }
            most => Ok(Self { tokens: Tokens::Words(WordList::from_counts(counts, min_count, most)?) }),
        }
    }

    /// Word pieces of these texts: with `boundaries` no more than `max_size` ids.
    pub(super) fn of_pieces(
        texts: &[Cow<'_, str>],
        min_count: u64,
        max_size: Option<usize>,
        boundaries: usize,
    ) -> Result<Self> {
        let pieces = max_size.map_or(DEFAULT_PIECES, |size| size.saturating_sub(boundaries));
        if pieces < 256 {
            let allowed = format!("at least {}: the 256 bytes are word pieces, too", 256 + boundaries);
            return Err(Error::out_of_range("vocab_size", max_size.unwrap_or(DEFAULT_PIECES), allowed));
        }
        Ok(Self { tokens: Tokens::Pieces(BytePairs::train(texts, min_count, pieces)?) })
    }

    /// What a token is.
    pub fn units(&self) -> TokenUnits {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.units().into(),
            Tokens::Words(_) => TokenUnits::Word,
            Tokens::Pieces(_) => TokenUnits::Bpe,
        }
    }

    /// How many ids there are, the unknown token included: the `V` of a model.
    pub fn len(&self) -> usize {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.len(),
            Tokens::Words(words) => words.len(),
            Tokens::Pieces(pieces) => pieces.len(),
        }
    }

    /// Always false: a vocabulary has at least one token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the unknown token (0), if there is one; word pieces can write any text.
    pub fn unknown(&self) -> Option<u32> {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.unknown(),
            Tokens::Words(_) => Some(word_list::UNKNOWN),
            Tokens::Pieces(_) => None,
        }
    }

    /// How many of these ids are the unknown token.
    pub fn unknown_among(&self, ids: &[u32]) -> usize {
        self.unknown().map_or(0, |unknown| ids.iter().filter(|&&id| id == unknown).count())
    }

    /// The id of the line end, where the vocabulary has one.
    pub fn line_end(&self) -> Option<u32> {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.line_end(),
            Tokens::Words(words) => words.known("\n"),
            // A byte has its value as its id.
            Tokens::Pieces(_) => Some(u32::from(b'\n')),
        }
    }

    /// The id to start from where there is no prompt: a line end, where the vocabulary has one, or else a blank, or
    /// else its first token.
    pub fn first_context(&self) -> u32 {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.first_context(),
            _ => self.line_end().unwrap_or(word_list::UNKNOWN + 1),
        }
    }

    /// The ids of a prompt. Where a model of words has not seen the first one without a blank before it, it is read as
    /// if it had one.
    ///
    /// # Errors
    /// [`Error::Input`] where the vocabulary lacks a token, whether or not it has an unknown one: it names the
    /// tokens (the first five of them).
    pub fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>> {
        let words = match &self.tokens {
            Tokens::Symbols(alphabet) => return alphabet.encode_prompt(prompt),
            Tokens::Pieces(pieces) => return Ok(pieces.encode(prompt)),
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
            false => Err(alphabet::never_seen(missing, &described, "words")),
        }
    }

    /// The text of the first token of a text, known or not.
    pub(crate) fn first_token<'t>(&self, text: &'t str) -> &'t str {
        let end = match &self.tokens {
            Tokens::Symbols(_) => text.chars().next().map_or(0, char::len_utf8),
            Tokens::Words(_) => split_chunks(text).next().map_or(0, str::len),
            Tokens::Pieces(pieces) => {
                let first = pieces.encode(text).first().copied();
                let length = first.and_then(|id| pieces.piece(id)).map_or(0, <[u8]>::len);
                // A piece may end within a character, which then counts as a part of it.
                (length..=text.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(text.len())
            }
        };
        &text[..end]
    }

    /// The text of a token, UTF-8 but for bytes and parts of characters; what it is written to is `buffer` where it has
    /// to be made. The unknown token comes out as U+FFFD, `?` among bytes, and `<unknown>` among words.
    pub fn text_of<'b>(&'b self, id: u32, buffer: &'b mut [u8; 4]) -> &'b [u8] {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.text_of(id, buffer),
            Tokens::Words(words) => words.word(id).unwrap_or(UNKNOWN_NAME).as_bytes(),
            Tokens::Pieces(pieces) => pieces.piece(id).unwrap_or_default(),
        }
    }

    /// The text of these ids, as [`Vocabulary::text_of`].
    pub fn decode(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().fold(Vec::with_capacity(ids.len()), |mut text, &id| {
            text.extend_from_slice(self.text_of(id, &mut [0; 4]));
            text
        })
    }

    /// A token for display on one line, with what cannot be seen escaped; `<unknown>` for the unknown token and for an
    /// id that is not below [`len`](Self::len).
    pub fn render(&self, id: u32) -> Cow<'_, str> {
        match &self.tokens {
            Tokens::Symbols(alphabet) => alphabet.render(id).into(),
            Tokens::Words(words) => words.word(id).map_or(UNKNOWN_NAME.into(), |word| escaped(word).into()),
            Tokens::Pieces(pieces) => {
                pieces.piece(id).map_or(UNKNOWN_NAME.into(), |piece| shown(piece).into())
            }
        }
    }

    /// In words: how many of which tokens it has.
    pub fn about(&self) -> String {
        format!("{} {}", thousands(self.len() as u64), self.units().plural())
    }
}

/// Refuses a size for a vocabulary that has none to choose.
pub(super) fn refuse_size(units: TokenUnits, max_size: Option<usize>) -> Result<()> {
    match (units, max_size) {
        (TokenUnits::Char | TokenUnits::Byte, Some(_)) => {
            let context = format!("by a vocabulary of {}, which is as large as it is", units.plural());
            Err(Error::unused("vocab_size", context))
        }
        _ => Ok(()),
    }
}

/// The bytes of a word piece on one line, as [`escaped`]; those that are a part of a character in hexadecimal.
fn shown(piece: &[u8]) -> String {
    piece.utf8_chunks().fold(String::new(), |mut shown, chunk| {
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
    fn words_have_their_blank_and_line_ends_stand_alone() {
        let words = vocabulary("to be, or\nnot to be\n\nto be", TokenUnits::Word, 2, None);
        let all: Vec<_> = (0..words.len() as u32).map(|id| words.render(id)).collect();
        assert_eq!(all, ["<unknown>", "\\n", " be", "to"]);
        assert_eq!((words.unknown(), words.line_end(), words.first_context()), (Some(0), Some(1), 1));
        assert_eq!(words.decode(&[3, 2, 1, 0]), b"to be\n<unknown>");
    }

    #[test]
    fn a_prompt_may_begin_in_mid_line() {
        let words = vocabulary("to be or not to be", TokenUnits::Word, 1, None);
        assert_eq!(words.decode(&words.encode_prompt("be or").unwrap()), b" be or");
        let message = words.encode_prompt("to be x, x").unwrap_err().to_string();
        assert!(
            message.starts_with("prompt: the model has never seen the word \"x\", the word \",\""),
            "{message}"
        );
    }

    #[test]
    fn the_most_frequent_words_stay_where_there_is_little_room() {
        let words = vocabulary("a b a b", TokenUnits::Word, 1, Some(2));
        assert_eq!((words.len(), words.render(1).into_owned()), (2, " b".to_owned()));
        let corpus = Corpus::scan(vec![Source::memory("text", "a b")], Units::Char, false).unwrap();
        for (units, size) in [(TokenUnits::Char, 9), (TokenUnits::Word, 1), (TokenUnits::Bpe, 255)] {
            assert!(Vocabulary::of_text(&corpus, units, 1, Some(size)).is_err(), "{units}");
        }
    }

    #[test]
    fn a_vocabulary_of_any_units_survives_its_file() {
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
