//! Training examples of a captioner.

use std::ops::Range;

use crate::data::{Batch, TextBatch};

/// Inputs with one text each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptionerBatch {
    /// `[B, F]`.
    pub inputs: Vec<f32>,
    /// `F`.
    pub size: usize,
    /// The texts: inputs begin with the start token, targets end with the end token.
    pub texts: TextBatch,
}

impl Batch for CaptionerBatch {
    fn rows(&self) -> usize {
        self.texts.rows
    }

    fn count(&self) -> usize {
        self.texts.count()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        self.size = whole.size;
        self.inputs.clear();
        self.inputs.extend_from_slice(&whole.inputs[rows.start * whole.size..rows.end * whole.size]);
        self.texts.take(&whole.texts, rows);
    }
}
