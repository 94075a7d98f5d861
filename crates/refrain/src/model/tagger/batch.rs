//! Training examples of a tagger.

use std::ops::Range;

use crate::data::{Batch, DistinctWords, Padded};

/// Sequences with one label per time step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaggerBatch {
    /// Words, for a model over words.
    pub ids: Padded<u32>,
    /// Their characters, for a model with a spelling.
    pub spelled: DistinctWords,
    /// Frames, for a model over frames.
    pub frames: Padded<f32>,
    /// One per time step; padding is arbitrary.
    pub labels: Padded<u32>,
}

impl TaggerBatch {
    /// `[B]`: time steps of each row.
    pub fn lengths(&self) -> &[usize] {
        &self.labels.lengths
    }
}

impl Batch for TaggerBatch {
    fn rows(&self) -> usize {
        self.labels.rows()
    }

    fn count(&self) -> usize {
        self.labels.positions()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        self.labels.take(&whole.labels, rows.clone());
        if whole.ids.rows() > 0 {
            self.ids.take(&whole.ids, rows.clone());
        }
        if whole.spelled.places.rows() > 0 {
            self.spelled.take(&whole.spelled, rows.clone());
        }
        if whole.frames.rows() > 0 {
            self.frames.take(&whole.frames, rows);
        }
    }
}
