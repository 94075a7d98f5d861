//! The lines of a text as sequences, in order.
//!
//! A line `abc` becomes the tokens of `"\nabc\n"`: the newline before it is the start token and the one after it the
//! end token, so that the vocabulary needs no separate ones. Empty lines are skipped. A line of more than 1,024
//! tokens is split into pieces; each starts with the last token of the previous one as an input only, so that every
//! token is predicted exactly once.

use std::ops::Range;

use crate::Result;
use crate::text::{EncodedText, IdReader};

/// Maximum number of tokens of a line, without its end, in one piece.
pub(super) const MAX_PIECE_LENGTH: usize = 1024;

#[derive(Debug)]
pub(super) struct LinePieces {
    range: Range<u64>,
    reader: IdReader,
    /// The id of the newline.
    line_end: u32,
    /// Tokens that were read ahead: `chunk[next..end]`.
    chunk: Vec<u32>,
    next: usize,
    end: usize,
    /// The previous token; the start of the range counts as the start of a line.
    previous: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinePiece {
    /// Whether it continues a line that an earlier piece started.
    pub(super) is_continuation: bool,
}

impl LinePieces {
    /// # Errors
    /// As [`EncodedText::reader`].
    pub(super) fn new(text: &EncodedText, line_end: u32, range: Range<u64>) -> Result<Self> {
        let reader = text.reader(range.start)?;
        Ok(Self { range, reader, line_end, chunk: vec![0; 4096], next: 0, end: 0, previous: line_end })
    }

    /// The start of the next [`read`](Self::read), to which [`go_to`](Self::go_to) can move any reader of the same
    /// range.
    pub(super) fn position(&self) -> u64 {
        self.reader.position() - (self.end - self.next) as u64
    }

    /// # Errors
    /// As [`IdReader::seek`].
    pub(super) fn go_to(&mut self, position: u64) -> Result<()> {
        if position == self.position() {
            return Ok(());
        }
        (self.next, self.end, self.previous) = (0, 0, self.line_end);
        if position > self.range.start {
            self.reader.seek(position - 1)?;
            let mut previous = [self.line_end];
            self.reader.read(&mut previous)?;
            self.previous = previous[0];
        } else {
            self.reader.seek(position)?;
        }
        Ok(())
    }

    /// Appends the tokens of the next piece, from its first input to its last target: at least two. `None` at the
    /// end of the range. The last line gets a newline if the text does not end with one.
    ///
    /// # Errors
    /// As [`IdReader::read`].
    pub(super) fn read(&mut self, symbols: &mut Vec<u32>) -> Result<Option<LinePiece>> {
        while self.peek()? == Some(self.line_end) {
            self.take(self.line_end);
        }
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let piece = LinePiece { is_continuation: self.previous != self.line_end };
        symbols.push(self.previous);
        for taken in 0.. {
            match self.peek()? {
                Some(id) if id == self.line_end => {
                    self.take(self.line_end);
                    symbols.push(self.line_end);
                    break;
                }
                None => {
                    symbols.push(self.line_end);
                    break;
                }
                Some(_) if taken == MAX_PIECE_LENGTH => break,
                Some(symbol) => {
                    self.take(symbol);
                    symbols.push(symbol);
                }
            }
        }
        Ok(Some(piece))
    }

    fn peek(&mut self) -> Result<Option<u32>> {
        if self.next == self.end {
            let left = self.range.end.saturating_sub(self.reader.position());
            let count = left.min(self.chunk.len() as u64) as usize;
            self.end = 0;
            self.next = 0;
            self.end = self.reader.read(&mut self.chunk[..count])?;
        }
        Ok(self.chunk[..self.end].get(self.next).copied())
    }

    fn take(&mut self, symbol: u32) {
        self.previous = symbol;
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Corpus, Source, Units, Vocabulary};

    fn encoded(text: &str) -> EncodedText {
        let corpus = Corpus::scan(vec![Source::memory("text", text)], Units::Char, false).unwrap();
        let vocabulary = Vocabulary::from_counts(Units::Char, corpus.counts(), 1, false).unwrap();
        EncodedText::new(&corpus, vocabulary.into()).unwrap()
    }

    fn pieces(text: &EncodedText, range: Range<u64>) -> LinePieces {
        LinePieces::new(text, text.vocabulary().line_end().unwrap(), range).unwrap()
    }

    fn pieces_of(text: &str, range: Range<u64>) -> Vec<String> {
        let text = encoded(text);
        let mut pieces = pieces(&text, range);
        let (mut all, mut ids) = (Vec::new(), Vec::new());
        while pieces.read(&mut ids).unwrap().is_some() {
            all.push(String::from_utf8(text.vocabulary().decode(&ids)).unwrap());
            ids.clear();
        }
        all
    }

    #[test]
    fn a_line_is_between_two_line_ends() {
        assert_eq!(pieces_of("abc\nd\n", 0..6), ["\nabc\n", "\nd\n"]);
    }

    #[test]
    fn empty_lines_are_skipped_and_the_last_line_is_ended() {
        assert_eq!(pieces_of("\n\na\n\n\nb", 0..7), ["\na\n", "\nb\n"]);
        assert!(pieces_of("\n\n", 0..2).is_empty());
    }

    #[test]
    fn a_range_is_read_like_a_whole_text() {
        assert_eq!(pieces_of("ab\ncd\nef\n", 3..6), ["\ncd\n"]);
        assert_eq!(pieces_of("ab\ncd\nef\n", 1..5), ["\nb\n", "\ncd\n"]);
    }

    #[test]
    fn a_long_line_is_split_into_pieces_that_overlap_by_one_input() {
        for (length, expected) in [(1024, vec![1026]), (1025, vec![1025, 3]), (2048, vec![1025, 1026])] {
            let line: String = (0..length).map(|index| char::from(b'a' + (index % 26) as u8)).collect();
            let pieces = pieces_of(&format!("{line}\nx\n"), 0..length + 3);
            assert_eq!(pieces[..expected.len()].iter().map(String::len).collect::<Vec<_>>(), expected);
            let targets: String = pieces[..expected.len()].iter().map(|piece| &piece[1..]).collect();
            assert_eq!(targets, format!("{line}\n"));
            for pair in pieces[..expected.len()].windows(2) {
                assert_eq!(pair[0].chars().last(), pair[1].chars().next());
            }
            assert_eq!(pieces[expected.len()..], ["\nx\n"]);
        }
    }

    #[test]
    fn reading_can_restart_at_any_reported_position() {
        let text = format!("ab\n\n{}\nc", "long ".repeat(700));
        let text = encoded(&text);
        let (mut forward, mut found) = (pieces(&text, 0..text.len()), Vec::new());
        loop {
            let (position, mut symbols) = (forward.position(), Vec::new());
            let Some(piece) = forward.read(&mut symbols).unwrap() else { break };
            found.push((position, piece, symbols));
        }
        assert_eq!(found.iter().filter(|(_, piece, _)| piece.is_continuation).count(), 3);
        for (position, piece, symbols) in found.iter().rev() {
            let mut again = Vec::new();
            forward.go_to(*position).unwrap();
            assert_eq!(forward.read(&mut again).unwrap(), Some(*piece));
            assert_eq!(&again, symbols);
        }
    }
}
