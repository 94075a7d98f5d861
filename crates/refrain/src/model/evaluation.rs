//! How well a model predicts many batches.

use std::ops::ControlFlow;

use refrain_kernels::Backend;

use super::network::{Network, Part, rows_of_part};
use crate::Result;
use crate::data::{Batch, DataLoader};
use crate::layer::Score;
use crate::params::Weights;

/// Rows of a batch that are measured on one thread, about. A number of its own, so that the order of sums does not
/// depend on the threads.
const ROWS_OF_PART: usize = 8;

/// Measures on `batches`, the rows of each batch in parts side by side. After each batch, `listen` hears how many there
/// have been and the score so far, and says whether to go on.
///
/// # Errors
/// If the data cannot be read any more.
pub fn evaluate<N: Network, B: Backend>(
    backend: &B,
    network: &N,
    weights: &Weights<B>,
    batches: &mut impl DataLoader<Batch = N::Batch>,
    mut listen: impl FnMut(u64, &Score) -> ControlFlow<()>,
) -> Result<Score> {
    let (mut batch, mut parts, mut score) = (N::Batch::default(), vec![], Score::default());
    for index in 0.. {
        if !batches.batch(0, index, &mut batch)? {
            break;
        }
        let rows = batch.rows();
        if batches.resets_state(index) {
            let count = rows.div_ceil(ROWS_OF_PART);
            parts.resize_with(count, Part::<N, B>::default);
            for (i, part) in parts.iter_mut().enumerate() {
                part.state = network.zero_state::<B>(rows_of_part(rows, count, i).len());
            }
        }
        let count = parts.len();
        backend.parallel(&mut parts, |i, part| {
            part.batch.take(&batch, rows_of_part(rows, count, i));
            part.score = network.evaluate(backend, weights, part);
        });
        parts.iter().for_each(|part| score += part.score);
        if listen(index + 1, &score).is_break() {
            break;
        }
    }
    Ok(score)
}
