//! Dropout masks: one for every layer, derived from one random number per training step.

use refrain_kernels::{Backend, Dropout};

/// The masks of one training pass.
#[derive(Clone, Copy, Debug)]
pub struct DropoutMask {
    /// A new one for every training step.
    pub seed: u64,
    /// Rows of the whole batch, of which this pass processes those starting at `first_row`.
    pub batch_rows: usize,
    /// See `batch_rows`.
    pub first_row: usize,
}

/// Dropout of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DropoutRate {
    /// Dropout probability, `0 <= rate < 1`.
    pub rate: f32,
    /// Whether all steps of a sequence use the same mask (variational dropout, Gal & Ghahramani 2016).
    pub locked: bool,
}

impl DropoutMask {
    /// The mask of activations of `rows` rows, if any are dropped; `place` identifies the layer.
    pub fn on(self, dropout: DropoutRate, place: u64, rows: usize) -> Option<Dropout> {
        (dropout.rate > 0.0).then(|| Dropout {
            rate: dropout.rate,
            // Layers and steps use well-separated streams.
            seed: self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(place),
            rows,
            batch_rows: self.batch_rows,
            first_row: self.first_row,
            locked: dropout.locked,
        })
    }
}

/// Drops activations of `rows` rows in place, or their gradients in the backward pass, if there is a mask and the
/// layer has dropout; `place` identifies the layer.
pub(crate) fn drop_in_place<B: Backend>(
    backend: &B,
    mask: Option<DropoutMask>,
    rate: DropoutRate,
    place: u64,
    rows: usize,
    frames: &mut B::Frames,
) {
    if let Some(dropout) = mask.and_then(|mask| mask.on(rate, place, rows)) {
        backend.dropout_in_place(&dropout, frames);
    }
}
