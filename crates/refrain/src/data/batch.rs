//! A batch of ids: inputs and targets.

use std::ops::Range;

pub use refrain_kernels::IGNORE;

use super::loader::Batch;

/// A batch of `T` steps of `B` rows, time-major, so that the ids of one step are one slice.
///
/// The batches of one loader differ in `B` and `T`; the vectors are reused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextBatch {
    /// `B`.
    pub rows: usize,
    /// `T`.
    pub steps: usize,
    /// `[T, B]` ids; 0 for padding.
    pub inputs: Vec<u32>,
    /// `[T, B]` ids; [`IGNORE`] for steps without a target.
    pub targets: Vec<u32>,
    /// `[B]` steps per row, longest first; `None` if all rows have `T` steps.
    pub lengths: Option<Vec<usize>>,
}

impl Batch for TextBatch {
    fn rows(&self) -> usize {
        self.rows
    }

    fn count(&self) -> usize {
        self.targets.iter().filter(|&&target| target != IGNORE).count()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        let steps = match &whole.lengths {
            Some(lengths) => lengths[rows.clone()].iter().copied().max().unwrap_or(0),
            None => whole.steps,
        };
        (self.rows, self.steps) = (rows.len(), steps);
        for (own, all) in [(&mut self.inputs, &whole.inputs), (&mut self.targets, &whole.targets)] {
            own.clear();
            own.extend(all.chunks_exact(whole.rows).take(steps).flat_map(|row| &row[rows.clone()]));
        }
        self.lengths = whole.lengths.as_ref().map(|lengths| lengths[rows].to_vec());
    }
}

impl TextBatch {
    /// Resizes to `[steps, rows]`, all of it padding, without `lengths`.
    pub(super) fn reshape(&mut self, rows: usize, steps: usize) {
        (self.rows, self.steps) = (rows, steps);
        self.inputs.clear();
        self.inputs.resize(steps * rows, 0);
        self.targets.clear();
        self.targets.resize(steps * rows, IGNORE);
        self.lengths = None;
    }

    /// Sets one row per sequence (of at least two ids, longest first): all ids but the last are inputs, all but the
    /// first are targets, and shorter rows are padded at the end.
    pub(crate) fn set_sequences<'a>(&mut self, sequences: impl ExactSizeIterator<Item = &'a [u32]> + Clone) {
        let mut lengths = self.lengths.take().unwrap_or_default();
        lengths.clear();
        lengths.extend(sequences.clone().map(|ids| ids.len() - 1));
        let rows = lengths.len();
        self.reshape(rows, lengths.first().copied().unwrap_or(0));
        for (row, ids) in sequences.enumerate() {
            for (step, pair) in ids.windows(2).enumerate() {
                self.inputs[step * rows + row] = pair[0];
                self.targets[step * rows + row] = pair[1];
            }
        }
        self.lengths = Some(lengths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_shifted_padded_and_masked() {
        let mut batch = TextBatch::default();
        let sequences: [&[u32]; 2] = [&[1, 2, 3, 4], &[5, 6]];
        for _ in 0..2 {
            batch.set_sequences(sequences.into_iter());
            assert_eq!((batch.rows, batch.steps), (2, 3));
            assert_eq!(batch.inputs, [1, 5, 2, 0, 3, 0]);
            assert_eq!(batch.targets, [2, 6, 3, IGNORE, 4, IGNORE]);
            assert_eq!(batch.lengths, Some(vec![3, 1]));
            assert_eq!(batch.count(), 4);
        }
    }
}
