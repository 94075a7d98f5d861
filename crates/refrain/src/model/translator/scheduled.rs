//! Scheduled sampling in parallel (Duckworth, Neelakantan, Goodrich, Kaiser & Bengio 2019): some true inputs are
//! replaced by predictions from a first pass. So the decoder is trained on its own mistakes (Bengio et al. 2015) without
//! being run step by step.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use refrain_kernels::Real;

use crate::layer::{DropoutMask, most_probable};

/// The inputs `[T, rows]`, each replaced with probability `share` by the most probable token, from the logits
/// `[T, rows, V]` of a first pass. The first time step is kept. The choice depends on the training step and the row, not on
/// how a batch is split into parts.
pub(super) fn mix<R: Real>(
    logits: &[R],
    inputs: &[u32],
    rows: usize,
    share: f32,
    mask: DropoutMask,
) -> Vec<u32> {
    let classes = logits.len() / inputs.len().max(1);
    let mut mixed = inputs.to_vec();
    for row in 0..rows {
        let mut rng = ChaCha8Rng::seed_from_u64(mask.seed);
        rng.set_stream((mask.first_row + row) as u64);
        for at in (row + rows..inputs.len()).step_by(rows) {
            if rng.random::<f32>() < share {
                let before = &logits[(at - rows) * classes..][..classes];
                mixed[at] = most_probable(before) as u32;
            }
        }
    }
    mixed
}
