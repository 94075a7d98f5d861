//! A few given sequences, all in one batch: the data of the sentences example.

use std::cmp::Reverse;

use super::batch::TextBatch;
use crate::{Error, Place, Result};

/// Sequences of ids in one batch: all ids but the last are inputs, all but the first are targets. The state is
/// zero before every batch.
#[derive(Clone, Debug)]
pub struct Sequences {
    sequences: Vec<Vec<u32>>,
}

impl Sequences {
    /// Sorts the sequences longest first, stably.
    ///
    /// # Errors
    /// [`Error::Input`] without any sequence, and for one of fewer than two ids, which has no target.
    pub fn new(mut sequences: Vec<Vec<u32>>) -> Result<Self> {
        if sequences.is_empty() {
            return Err(Error::too_little("sequences", "there is no sequence", "give at least one"));
        }
        if let Some(index) = sequences.iter().position(|ids| ids.len() < 2) {
            let place =
                Place::of("sequences").field(format!("sequence {} of {}", index + 1, sequences.len()));
            let expected = "it needs two tokens, an input and a target";
            return Err(Error::too_little(place, "is too short", expected));
        }
        sequences.sort_by_key(|ids| Reverse(ids.len()));
        Ok(Self { sequences })
    }

    /// `B`.
    pub fn rows(&self) -> usize {
        self.sequences.len()
    }

    /// Fills `batch`; `lengths` are set only if the sequences differ in length.
    pub fn batch(&self, batch: &mut TextBatch) {
        batch.set_sequences(self.sequences.iter().map(Vec::as_slice));
        if batch.lengths.as_ref().is_some_and(|lengths| lengths.iter().all(|&length| length == batch.steps)) {
            batch.lengths = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Batch as _;
    use crate::data::IGNORE;
    use crate::text::{SymbolCounts, Units, Vocabulary, examples};

    #[test]
    fn the_example_sentences_are_one_full_batch() {
        let sentences = examples::sentences();
        let counts = SymbolCounts::of(Units::Char, &sentences.concat());
        let vocabulary = Vocabulary::from_counts(Units::Char, &counts, 1, false).unwrap();
        let encoded: Vec<_> = sentences.iter().map(|text| vocabulary.encode_prompt(text).unwrap()).collect();
        let mut batch = TextBatch::default();
        Sequences::new(encoded).unwrap().batch(&mut batch);
        assert_eq!((batch.rows, batch.steps, batch.count()), (3, 14, 42));
        assert_eq!(batch.lengths, None);
        let row = |ids: &[u32], row| {
            let ids: Vec<u32> = ids.iter().skip(row).step_by(3).copied().collect();
            String::from_utf8(vocabulary.decode(&ids)).unwrap()
        };
        assert_eq!(row(&batch.inputs, 0), "hey how are yo");
        assert_eq!(row(&batch.targets, 1), "ood i am fine ");
    }

    #[test]
    fn sequences_of_different_lengths_are_sorted_and_padded() {
        let mut batch = TextBatch::default();
        let sequences = Sequences::new(vec![vec![1, 2], vec![3, 4, 5]]).unwrap();
        sequences.batch(&mut batch);
        assert_eq!(batch.inputs, [3, 1, 4, 0]);
        assert_eq!(batch.targets, [4, 2, 5, IGNORE]);
        assert_eq!(batch.lengths, Some(vec![2, 1]));
        assert_eq!(batch.count(), 3);
    }

    #[test]
    fn sequences_without_a_target_are_refused() {
        let message = Sequences::new(vec![vec![1, 2], vec![3]]).unwrap_err().to_string();
        assert_eq!(
            message,
            "sequences, sequence 2 of 2: is too short: it needs two tokens, an input and a target"
        );
        let message = Sequences::new(Vec::new()).unwrap_err().to_string();
        assert_eq!(message, "sequences: there is no sequence: give at least one");
    }
}
