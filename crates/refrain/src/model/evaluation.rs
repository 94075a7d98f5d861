//! Evaluation of a model on batches.

use std::ops::ControlFlow;

use refrain_kernels::Backend;

use super::network::{Network, Part, rows_of_part};
use crate::Result;
use crate::data::{Batch, DataLoader};
use crate::layer::Score;
use crate::params::Weights;

/// Approximate number of rows per part. It is fixed, so that the order of sums does not depend on the number of threads.
const ROWS_OF_PART: usize = 8;

/// Evaluates on `batches`, the parts of each batch in parallel. After each batch, `on_batch` is called with the number of
/// batches and the score so far; it may stop the evaluation.
///
/// # Errors
/// If the data cannot be read.
pub fn evaluate<N: Network, B: Backend>(
    backend: &B,
    network: &N,
    weights: &Weights<B>,
    batches: &mut impl DataLoader<Batch = N::Batch>,
    mut on_batch: impl FnMut(u64, &Score) -> ControlFlow<()>,
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
        if on_batch(index + 1, &score).is_break() {
            break;
        }
    }
    Ok(score)
}
