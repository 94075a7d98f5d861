//! Which elements a step of training drops: a mask for every layer, from one number a step.

use refrain_kernels::Dropout;

/// The masks of one training pass.
#[derive(Clone, Copy, Debug)]
pub struct DropoutMask {
    /// A new one for every step of training.
    pub seed: u64,
    /// Rows of the whole batch, of which this pass holds those from `first_row`.
    pub batch_rows: usize,
    /// See `batch_rows`.
    pub first_row: usize,
}

/// How much a layer drops.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DropoutRate {
    /// Probability of dropping, `0 <= rate < 1`.
    pub rate: f32,
    /// Whether all steps of a sequence drop the same (variational dropout, Gal & Ghahramani 2016).
    pub locked: bool,
}

/// Which recurrent weights a training step drops (DropConnect on `weight_hh`, Merity et al. 2018, section 2): the
/// same ones at all steps of the window and in all shards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightDrop {
    /// Probability of dropping, `0 < rate < 1`. The weights kept are multiplied by `1 / (1 - rate)`.
    pub rate: f32,
    /// A new one for every step of training.
    pub seed: u64,
}

impl DropoutMask {
    /// The mask of activations of `rows` rows, if any are dropped; `place` tells the layers of a model apart.
    pub fn on(self, dropout: DropoutRate, place: u64, rows: usize) -> Option<Dropout> {
        (dropout.rate > 0.0).then(|| Dropout {
            rate: dropout.rate,
            // Layers and steps draw from well-separated places.
            seed: self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(place),
            rows,
            batch_rows: self.batch_rows,
            first_row: self.first_row,
            locked: dropout.locked,
        })
    }
}

impl WeightDrop {
    /// The mask of the recurrent weights of layer `place`.
    pub(super) fn on(self, place: u64) -> Dropout {
        // Apart from the masks of outputs, which are multiples of the same number.
        let seed = (self.seed ^ 0x5851_f42d_4c95_7f2d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let seed = seed.wrapping_add(place);
        Dropout { rate: self.rate, seed, rows: 1, batch_rows: 1, first_row: 0, locked: false }
    }
}
