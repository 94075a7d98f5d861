//! Any of the data loaders of a text.

use super::batch::TextBatch;
use super::lines::Lines;
use super::loader::DataLoader;
use super::sequences::Sequences;
use super::windows::Windows;
use crate::{Note, Result};

/// A data loader of a text.
#[derive(Debug)]
pub enum Batches {
    /// Rows that read contiguous parts of a text, with the state carried from window to window.
    Windows(Windows),
    /// The lines of a text.
    Lines(Box<Lines>),
    /// Given sequences, all in one batch.
    Sequences(Sequences),
}

impl DataLoader for Batches {
    type Batch = TextBatch;

    fn batch(&mut self, epoch: u64, index: u64, batch: &mut TextBatch) -> Result<bool> {
        match self {
            Batches::Windows(windows) => windows.batch(index, batch),
            Batches::Lines(lines) => lines.batch(epoch, index, batch),
            Batches::Sequences(sequences) => {
                if index == 0 {
                    sequences.batch(batch);
                }
                Ok(index == 0)
            }
        }
    }

    fn batches_per_epoch(&self) -> u64 {
        match self {
            Batches::Windows(windows) => windows.len(),
            Batches::Lines(lines) => lines.len(),
            Batches::Sequences(_) => 1,
        }
    }

    fn rows(&self) -> usize {
        match self {
            Batches::Windows(windows) => windows.rows(),
            Batches::Lines(lines) => lines.rows(),
            Batches::Sequences(sequences) => sequences.rows(),
        }
    }

    fn carries_state(&self) -> bool {
        matches!(self, Batches::Windows(_))
    }
}

impl Batches {
    /// The number of targets so far that were not in the vocabulary.
    pub fn unknown_count(&self) -> u64 {
        match self {
            Batches::Windows(windows) => windows.unknown_count(),
            Batches::Lines(lines) => lines.unknown_count(),
            Batches::Sequences(_) => 0,
        }
    }

    /// Notes on how the text was read, for the user.
    pub fn notes(&self) -> Vec<Note> {
        match self {
            Batches::Lines(lines) => lines.notes(),
            Batches::Windows(_) | Batches::Sequences(_) => Vec::new(),
        }
    }
}

impl From<Windows> for Batches {
    fn from(windows: Windows) -> Self {
        Batches::Windows(windows)
    }
}

impl From<Lines> for Batches {
    fn from(lines: Lines) -> Self {
        Batches::Lines(Box::new(lines))
    }
}

impl From<Sequences> for Batches {
    fn from(sequences: Sequences) -> Self {
        Batches::Sequences(sequences)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::text::{Corpus, EncodedText, Source, Units, Vocabulary};

    #[test]
    fn every_kind_follows_the_contract_of_data_loaders() {
        let corpus =
            Corpus::scan(vec![Source::memory("text", "one\ntwo\nthree\n")], Units::Char, false).unwrap();
        let vocabulary = Arc::new(Vocabulary::from_counts(Units::Char, corpus.counts(), 1, false).unwrap());
        let text = EncodedText::new(&corpus, vocabulary).unwrap();
        let windows = Windows::new(&text, 0..14, 2, 4).unwrap();
        let lines = Lines::new(&text, 0..14, 2, Some(0)).unwrap();
        let kinds: [Batches; 3] =
            [windows.into(), lines.into(), Sequences::new(vec![vec![0, 1, 2]]).unwrap().into()];
        for (mut batches, carries) in kinds.into_iter().zip([true, false, false]) {
            let (mut batch, mut count) = (TextBatch::default(), 0);
            while batches.batch(3, count, &mut batch).unwrap() {
                assert!(batch.rows <= batches.rows());
                assert_eq!(batches.resets_state(count), count == 0 || !carries);
                count += 1;
            }
            assert_eq!(count, batches.batches_per_epoch());
            assert_eq!((batches.unknown_count(), batches.notes().len()), (0, 0));
        }
    }
}
