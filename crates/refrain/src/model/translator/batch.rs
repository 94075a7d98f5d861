//! Training examples of a translator.

use std::ops::Range;

use refrain_kernels::IGNORE;

use crate::data::{Batch, Padded};

/// Pairs of sequences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TranslatorBatch {
    /// `[S, B]`
    pub source: Padded<u32>,
    /// Decoder inputs `[T, B]`: the start token, then the target.
    pub inputs: Padded<u32>,
    /// `[T, B]`: the target, then the end token.
    pub targets: Padded<u32>,
}

impl TranslatorBatch {
    /// The targets `[T, B]`, [`IGNORE`] where a row is padded.
    pub(super) fn masked_targets(&self) -> Vec<u32> {
        let mut targets = vec![IGNORE; self.targets.values.len()];
        self.targets.filled().for_each(|at| targets[at] = self.targets.values[at]);
        targets
    }
}

impl Batch for TranslatorBatch {
    fn rows(&self) -> usize {
        self.source.rows()
    }

    fn count(&self) -> usize {
        self.targets.positions()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        self.source.take(&whole.source, rows.clone());
        self.inputs.take(&whole.inputs, rows.clone());
        self.targets.take(&whole.targets, rows);
    }
}
