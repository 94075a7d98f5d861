//! Reads the symbols of a corpus from any position.

use super::NEWLINE;
use super::corpus::{Corpus, INDEX_SPACING, SCAN_SYMBOLS};
use super::stream::Stream;
use super::units::Units;
use crate::{Error, Place, Result};

/// Small, because a batch has one reader per row.
const BUFFER_SIZE: usize = 16 * 1024;
/// Position of a reader after an error: beyond any text, so that the next seek is never skipped.
const INVALID_POSITION: u64 = u64::MAX;

impl Corpus {
    /// A reader that starts at `position`.
    ///
    /// # Errors
    /// As [`Reader::seek`].
    pub fn reader(&self, position: u64) -> Result<Reader> {
        let source = self.sources()[0].source.clone();
        let stream = Stream::new(source, self.units(), self.is_raw(), BUFFER_SIZE);
        let mut reader = Reader { corpus: self.clone(), source: 0, stream, position: 0 };
        reader.seek(position)?;
        Ok(reader)
    }

    /// The lines of the text, with their line endings.
    ///
    /// # Errors
    /// [`Error::Setting`] for bytes; as [`Reader::read`](Reader::read).
    pub fn lines(&self) -> Result<impl Iterator<Item = Result<String>>> {
        if self.units() != Units::Char {
            return Err(Error::out_of_range(
                "units",
                self.units(),
                "char, because words consist of characters",
            ));
        }
        let mut reader = self.reader(0)?;
        let mut symbols = vec![0; SCAN_SYMBOLS];
        let (mut next, mut end) = (0, 0);
        let mut line = move || -> Result<String> {
            let mut line = String::new();
            loop {
                if next == end {
                    (next, end) = (0, reader.read(&mut symbols)?);
                }
                let Some(&symbol) = symbols[..end].get(next) else { return Ok(line) };
                next += 1;
                line.extend(char::from_u32(symbol));
                if symbol == NEWLINE {
                    return Ok(line);
                }
            }
        };
        let not_the_end = |line: &Result<String>| !matches!(line, Ok(line) if line.is_empty());
        Ok(std::iter::from_fn(move || Some(line()).filter(not_the_end)))
    }

    /// The name of the source that contains the symbol at `position`, and its line, from 1. Reads that source up to
    /// the symbol: for messages only.
    ///
    /// # Errors
    /// As [`Reader::seek`](Reader::seek).
    pub fn locate(&self, position: u64) -> Result<Place> {
        let indexed = &self.sources()[self.source_at(position)];
        let mut reader = self.reader(indexed.first)?;
        let (mut line, mut buffer) = (1, [0; 1024]);
        while reader.position() < position {
            let count = (position - reader.position()).min(buffer.len() as u64) as usize;
            let count = reader.read(&mut buffer[..count])?;
            if count == 0 {
                break;
            }
            line += buffer[..count].iter().filter(|&&symbol| symbol == NEWLINE).count() as u64;
        }
        Ok(indexed.source.place().line(line))
    }
}

/// Reads a [`Corpus`] from a position to its end, across its sources, through a buffer of 16 KiB.
///
/// Every refill of the buffer checks that the file has not changed since the scan.
#[derive(Debug)]
pub struct Reader {
    corpus: Corpus,
    source: usize,
    stream: Stream,
    position: u64,
}

impl Reader {
    /// The position of the next symbol in the corpus.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves to a position: decodes at most 65,535 symbols before it, and nothing if the reader is already there.
    ///
    /// # Errors
    /// [`Error::Input`] beyond the end of the corpus; otherwise as [`read`](Self::read).
    pub fn seek(&mut self, position: u64) -> Result<()> {
        if position == self.position {
            return Ok(());
        }
        let length = self.corpus.len();
        if position > length {
            let found = format!("position {position} is beyond the {length} symbols of the text");
            return Err(Error::too_little(&self.corpus.name(), found, "use a position within it"));
        }
        self.source = self.corpus.source_at(position);
        let indexed = &self.corpus.sources()[self.source];
        let within = position - indexed.first;
        let entry = within / INDEX_SPACING;
        self.stream.go_to(indexed.source.clone(), indexed.offsets[entry as usize]);
        self.position = indexed.first + entry * INDEX_SPACING;
        let mut skipped = [0; 1024];
        while self.position < position {
            let count = (position - self.position).min(skipped.len() as u64) as usize;
            if self.read(&mut skipped[..count])? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Fills `symbols` and returns their number: less than its length only at the end of the corpus.
    ///
    /// # Errors
    /// [`Error::Input`] if a file changed or was truncated since the scan, [`Error::Io`] if it cannot be read. A
    /// [`seek`](Self::seek) is needed before the next read.
    pub fn read(&mut self, symbols: &mut [u32]) -> Result<usize> {
        let mut written = 0;
        loop {
            let count = self
                .stream
                .read(&mut symbols[written..])
                .inspect_err(|_| self.position = INVALID_POSITION)?;
            written += count;
            self.position += count as u64;
            if written == symbols.len() {
                break;
            }
            let indexed = &self.corpus.sources()[self.source];
            if self.position != indexed.first + indexed.length {
                return Err(Error::changed(indexed.source.place()));
            }
            let Some(next) = self.corpus.sources().get(self.source + 1) else {
                break;
            };
            self.source += 1;
            self.stream.go_to(next.source.clone(), 0);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::text::{Source, Units};

    /// Reads to the end, `piece` symbols at a time.
    fn read_all(reader: &mut Reader, piece: usize) -> Vec<u32> {
        let (mut all, mut buffer) = (Vec::new(), vec![0; piece]);
        loop {
            let count = reader.read(&mut buffer).unwrap();
            all.extend(&buffer[..count]);
            if count < piece {
                return all;
            }
        }
    }

    fn decoded(texts: &[String], units: Units, raw: bool) -> Vec<u32> {
        let texts = texts.iter().map(|text| {
            let text = if raw { text } else { text.strip_prefix('\u{FEFF}').unwrap_or(text) };
            units.symbols(&if raw { text.to_owned() } else { text.replace("\r\n", "\n") })
        });
        texts.collect::<Vec<_>>().concat()
    }

    /// A text with characters of every width and both line endings, from shorter than a buffer to longer than an index
    /// entry.
    fn text() -> impl Strategy<Value = String> {
        let unit = proptest::collection::vec(
            proptest::sample::select(vec![
                "a",
                "b",
                "\r\n",
                "\n",
                "\r",
                "é",
                "語",
                "😀",
                "\u{FEFF}",
                "plain words ",
            ]),
            1..12,
        );
        (unit, prop_oneof![1usize..4, 5_000usize..9_000])
            .prop_map(|(unit, times)| unit.concat().repeat(times) + "z")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn a_reader_at_any_position_gives_the_rest_of_the_text(
            texts in proptest::collection::vec(text(), 1..4),
            places in proptest::collection::vec(0.0f64..=1.0, 1..6),
            piece in 1usize..3_000,
            raw: bool,
            chars: bool,
        ) {
            let units = if chars { Units::Char } else { Units::Byte };
            let directory = tempfile::tempdir().unwrap();
            let sources = texts.iter().enumerate().map(|(index, text)| {
                let path = directory.path().join(index.to_string());
                fs::write(&path, text).unwrap();
                if index == 1 { Source::memory("second", text) } else { Source::file(path) }
            });
            let corpus = Corpus::scan(sources, units, raw).unwrap();
            let whole = decoded(&texts, units, raw);
            prop_assert_eq!(corpus.len(), whole.len() as u64);
            let mut travelling = corpus.reader(0).unwrap();
            for place in places {
                let position = (place * whole.len() as f64) as usize;
                let mut fresh = corpus.reader(position as u64).unwrap();
                prop_assert_eq!(fresh.position(), position as u64);
                prop_assert!(read_all(&mut fresh, piece) == whole[position..], "fresh reader at {}", position);
                travelling.seek(position as u64).unwrap();
                let mut some = vec![0; piece.min(whole.len() - position)];
                travelling.read(&mut some).unwrap();
                prop_assert!(some == whole[position..position + some.len()], "moved reader at {}", position);
            }
        }
    }

    #[test]
    fn a_crlf_across_a_buffer_boundary_is_one_line_end() {
        for before in BUFFER_SIZE - 2..BUFFER_SIZE + 2 {
            let text = "x".repeat(before) + "\r\ny";
            let corpus = Corpus::scan(vec![Source::memory("text", &text)], Units::Char, false).unwrap();
            let symbols = read_all(&mut corpus.reader(before as u64 - 1).unwrap(), 7);
            assert_eq!(symbols, Units::Char.symbols("x\ny"));
        }
    }

    #[test]
    fn a_position_beyond_the_end_is_refused() {
        let corpus = Corpus::scan(vec![Source::memory("text", "abc")], Units::Char, false).unwrap();
        assert_eq!(corpus.reader(3).unwrap().read(&mut [0; 2]).unwrap(), 0);
        let message = corpus.reader(4).unwrap_err().to_string();
        assert_eq!(message, "text: position 4 is beyond the 3 symbols of the text: use a position within it");
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&b"some words\n".repeat(10_000)).unwrap();
        for length in [50_000, 200_000] {
            let corpus = Corpus::scan(vec![Source::file(file.path())], Units::Char, false).unwrap();
            let mut reader = corpus.reader(0).unwrap();
            let mut buffer = vec![0; 40_000];
            reader.read(&mut buffer).unwrap();
            file.as_file().set_len(length).unwrap();
            let expected = format!(
                "{}: changed while it was being read: do not modify the file during a run, and start again",
                file.path().display()
            );
            assert_eq!(reader.read(&mut buffer).unwrap_err().to_string(), expected);
            fs::write(file.path(), b"some words\n".repeat(10_000)).unwrap();
        }
    }
}
