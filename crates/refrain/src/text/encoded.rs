//! A text as ids, readable from any position.

use std::sync::Arc;

use super::corpus::Corpus;
use super::reader::Reader;
use super::vocabulary::{Tokens, Vocabulary};
use super::words::split_chunks;
use crate::{Error, InputProblem, Result};

/// A corpus with its vocabulary. Characters and bytes are read from the corpus and encoded on the fly; words and
/// subwords have no predictable offsets and are held as ids, four bytes each. Clones are cheap.
#[derive(Clone, Debug)]
pub struct EncodedText {
    corpus: Corpus,
    vocabulary: Arc<Vocabulary>,
    /// Only for words and subwords.
    held: Option<Arc<[u32]>>,
}

impl EncodedText {
    /// # Errors
    /// [`Error::Setting`] if the units of the text and of the vocabulary differ; as [`Reader::read`].
    pub fn new(corpus: &Corpus, vocabulary: Arc<Vocabulary>) -> Result<Self> {
        let mut ids = vec![];
        let held = match &vocabulary.tokens {
            Tokens::Symbols(alphabet) => {
                let (text, model) = (corpus.units(), alphabet.units());
                if text != model {
                    let found = format!("is {text} for this text");
                    let expected = format!("the units of the vocabulary are {model}: use `units = {model}`");
                    return Err(Error::mismatch("units", found, expected));
                }
                None
            }
            Tokens::Words(words) => {
                for line in corpus.lines()? {
                    ids.extend(split_chunks(&line?).map(|word| words.id(word)));
                }
                Some(ids.into())
            }
            Tokens::Subwords(subwords) => {
                for line in corpus.lines()? {
                    ids.extend(subwords.encode(&line?));
                }
                Some(ids.into())
            }
        };
        Ok(Self { corpus: corpus.clone(), vocabulary, held })
    }

    /// The underlying text.
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// The vocabulary of its ids.
    pub fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// Length in tokens, at least 1.
    pub fn len(&self) -> u64 {
        self.held.as_ref().map_or(self.corpus.len(), |ids| ids.len() as u64)
    }

    /// Always false: a corpus is not empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader that starts at token `position`.
    ///
    /// # Errors
    /// As [`IdReader::seek`].
    pub fn reader(&self, position: u64) -> Result<IdReader> {
        let place = match &self.held {
            None => Cursor::InCorpus(self.corpus.reader(position)?),
            Some(_) => Cursor::Held(position.min(self.len())),
        };
        Ok(IdReader { text: self.clone(), place })
    }

    /// The first position at or after `position` where a line starts, or [`len`](Self::len) if none does.
    ///
    /// # Errors
    /// As [`IdReader::read`].
    pub fn next_line_start(&self, position: u64) -> Result<u64> {
        let line_end = self.vocabulary.line_end();
        if position == 0 {
            return Ok(0);
        }
        let mut reader = self.reader(position - 1)?;
        let mut buffer = [0; 1024];
        loop {
            let start = reader.position();
            let count = reader.read(&mut buffer)?;
            if let Some(place) = buffer[..count].iter().position(|&id| Some(id) == line_end) {
                return Ok(start + place as u64 + 1);
            }
            if count == 0 {
                return Ok(self.len());
            }
        }
    }
}

/// Reads an [`EncodedText`] from a position to its end.
#[derive(Debug)]
pub struct IdReader {
    text: EncodedText,
    place: Cursor,
}

#[derive(Debug)]
enum Cursor {
    InCorpus(Reader),
    Held(u64),
}

impl IdReader {
    /// The position of the next token in the text.
    pub fn position(&self) -> u64 {
        match &self.place {
            Cursor::InCorpus(reader) => reader.position(),
            Cursor::Held(position) => *position,
        }
    }

    /// Moves to a position.
    ///
    /// # Errors
    /// As [`Reader::seek`].
    pub fn seek(&mut self, position: u64) -> Result<()> {
        match &mut self.place {
            Cursor::InCorpus(reader) => reader.seek(position),
            Cursor::Held(place) => {
                *place = position.min(self.text.len());
                Ok(())
            }
        }
    }

    /// Fills `ids` and returns their number: less than its length only at the end of the text.
    ///
    /// # Errors
    /// [`Error::Input`] for a symbol that is not in a vocabulary without an unknown token; as [`Reader::read`].
    pub fn read(&mut self, ids: &mut [u32]) -> Result<usize> {
        let from = self.position();
        match (&mut self.place, &self.text.held) {
            (Cursor::InCorpus(reader), _) => {
                let count = reader.read(ids)?;
                self.encode(&mut ids[..count], from)?;
                Ok(count)
            }
            (Cursor::Held(position), held) => {
                let left = held.as_ref().map_or(&[][..], |held| &held[from as usize..]);
                let count = left.len().min(ids.len());
                ids[..count].copy_from_slice(&left[..count]);
                *position += count as u64;
                Ok(count)
            }
        }
    }

    /// Replaces symbols by their ids; the first one is at `position`.
    fn encode(&self, symbols: &mut [u32], position: u64) -> Result<()> {
        let Tokens::Symbols(alphabet) = &self.text.vocabulary.tokens else { return Ok(()) };
        for (index, symbol) in symbols.iter_mut().enumerate() {
            match alphabet.id_or_unknown(*symbol) {
                Some(id) => *symbol = id,
                None => {
                    let name = alphabet.units().describe(*symbol);
                    return Err(self.unknown_symbol_error(&name, position + index as u64));
                }
            }
        }
        Ok(())
    }

    #[cold]
    fn unknown_symbol_error(&self, name: &str, position: u64) -> Error {
        match self.text.corpus.locate(position) {
            Err(error) => error,
            Ok(place) => {
                let message = format!(
                    "contains {name}, which is not in the vocabulary: remove it from the text, or train a model with \
                     an unknown token"
                );
                Error::input(place, InputProblem::UnknownSymbols { symbols: vec![name.to_owned()], message })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::{Source, TokenUnits, Units};

    fn encoded(text: &str, units: TokenUnits) -> EncodedText {
        let corpus = Corpus::scan(vec![Source::memory("text", text)], Units::Char, false).unwrap();
        let vocabulary = Vocabulary::of_text(&corpus, units, 1, None).unwrap();
        EncodedText::new(&corpus, Arc::new(vocabulary)).unwrap()
    }

    fn rest(text: &EncodedText, position: u64) -> Vec<u32> {
        let mut ids = vec![0; text.len() as usize + 1];
        let mut reader = text.reader(0).unwrap();
        reader.seek(position).unwrap();
        let count = reader.read(&mut ids).unwrap();
        assert_eq!(reader.position(), text.len());
        ids[..count].to_vec()
    }

    #[test]
    fn the_next_line_start_is_at_or_after_a_position() {
        for units in [TokenUnits::Char, TokenUnits::Word, TokenUnits::Bpe] {
            let text = encoded("a\n\nc", units);
            let starts: Vec<u64> = (0..=4).map(|position| text.next_line_start(position).unwrap()).collect();
            assert_eq!(starts, [0, 2, 2, 3, 4], "{units}");
        }
    }

    proptest! {
        #[test]
        fn decoding_the_ids_gives_the_text(text in "[a-c .,'é\n]{1,60}", place in 0.0..1.0_f64) {
            for units in [TokenUnits::Char, TokenUnits::Word, TokenUnits::Bpe] {
                let encoded = encoded(&text, units);
                let all = rest(&encoded, 0);
                prop_assert_eq!(encoded.vocabulary().decode(&all), text.as_bytes());
                let position = (place * all.len() as f64) as usize;
                prop_assert_eq!(&rest(&encoded, position as u64)[..], &all[position..]);
            }
        }
    }
}
