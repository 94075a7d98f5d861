//! Sequences of different lengths in a batch, shorter ones padded at the end.

use std::ops::Range;

/// `B` sequences of at most `T` steps, time-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Padded<X> {
    /// `[B]` steps of each row.
    pub lengths: Vec<usize>,
    /// `T`: steps of the longest row.
    pub steps: usize,
    /// Values per step: 1 for ids, the features of frames.
    pub width: usize,
    /// `[T, B, width]`, zeros for padding.
    pub values: Vec<X>,
}

impl<X: Copy + Default> Padded<X> {
    /// `B`.
    pub fn rows(&self) -> usize {
        self.lengths.len()
    }

    /// Steps of all rows, without padding.
    pub fn positions(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// The positions without padding, as `step * B + row`.
    pub fn filled(&self) -> impl Iterator<Item = usize> + '_ {
        let step = move |t: usize| {
            let rows = self.lengths.iter().enumerate().filter(move |&(_, &length)| t < length);
            rows.map(move |(row, _)| t * self.rows() + row)
        };
        (0..self.steps).flat_map(step)
    }

    /// Sets one row per sequence, `[steps, width]`.
    pub fn set<'a>(&mut self, width: usize, sequences: impl Iterator<Item = &'a [X]> + Clone)
    where
        X: 'a,
    {
        self.lengths.clear();
        self.lengths.extend(sequences.clone().map(|sequence| sequence.len() / width));
        self.width = width;
        self.steps = self.lengths.iter().copied().max().unwrap_or(0);
        let rows = self.lengths.len();
        self.values.clear();
        self.values.resize(self.steps * rows * width, X::default());
        for (row, sequence) in sequences.enumerate() {
            for (step, frame) in sequence.chunks_exact(width).enumerate() {
                self.values[(step * rows + row) * width..][..width].copy_from_slice(frame);
            }
        }
    }

    /// Copies some rows of another batch.
    pub fn take(&mut self, whole: &Self, rows: Range<usize>) {
        self.lengths.clear();
        self.lengths.extend_from_slice(&whole.lengths[rows.clone()]);
        self.width = whole.width;
        self.steps = self.lengths.iter().copied().max().unwrap_or(0);
        self.values.clear();
        for step in whole.values.chunks_exact((whole.rows() * whole.width).max(1)).take(self.steps) {
            self.values.extend_from_slice(&step[rows.start * whole.width..rows.end * whole.width]);
        }
    }

    /// Row `row` without its padding, `[steps, width]`.
    pub fn row(&self, row: usize) -> Vec<X> {
        let (rows, width) = (self.rows(), self.width);
        let steps = 0..self.lengths[row];
        steps.flat_map(|step| &self.values[(step * rows + row) * width..][..width]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_padded_and_copied() {
        let sequences: [&[u32]; 3] = [&[1, 2, 3, 4], &[5, 6], &[7, 8, 9, 10, 11, 12]];
        let mut all = Padded::default();
        all.set(2, sequences.into_iter());
        assert_eq!((all.rows(), all.steps, all.positions()), (3, 3, 6));
        assert_eq!(all.values[..6], [1, 2, 5, 6, 7, 8]);
        assert_eq!(all.values[6..], [3, 4, 0, 0, 9, 10, 0, 0, 0, 0, 11, 12]);
        let mut some = Padded::default();
        some.take(&all, 0..2);
        assert_eq!(
            (some.steps, &some.values[..], &some.lengths[..]),
            (2, &[1, 2, 5, 6, 3, 4, 0, 0][..], &[2, 1][..])
        );
        for (row, sequence) in sequences.iter().enumerate() {
            assert_eq!(all.row(row), *sequence);
        }
        some.take(&all, 1..1);
        assert_eq!((some.rows(), some.steps), (0, 0));
    }
}
