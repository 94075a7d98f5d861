//! What a captioner learns from.

use std::ops::Range;

use crate::data::{Batch, TextBatch};

/// Inputs with a text each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptionerBatch {
    /// `[B, F]`.
    pub inputs: Vec<f32>,
    /// `F`.
    pub size: usize,
    /// The texts: the start symbol and all ids but the end are inputs, all ids and the end symbol are targets.
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
