//! The loss of a model on many batches.

use std::ops::{ControlFlow, Range};

use refrain_kernels::{Backend, Loss};

use super::language::{LanguageModel, Part, Weights};
use crate::Result;
use crate::data::{Batch, Batches};

/// Rows of a batch that are measured on one thread, about. A number of its own, so that the order of sums does not
/// depend on the threads.
const ROWS_OF_PART: usize = 8;

/// Measures the loss on `batches`, the rows of each batch in parts side by side. After each batch, `listen` hears
/// how many there have been and the loss so far, and says whether to go on.
///
/// # Errors
/// If the text cannot be read any more.
pub fn evaluate<B: Backend>(
    backend: &B,
    model: &LanguageModel,
    weights: &Weights<B>,
    batches: &mut Batches,
    mut listen: impl FnMut(u64, &Loss) -> ControlFlow<()>,
) -> Result<Loss> {
    let (mut batch, mut parts, mut loss) = (Batch::default(), vec![], Loss::default());
    for index in 0.. {
        if !batches.batch(0, index, &mut batch)? {
            break;
        }
        let rows = batch.rows;
        if batches.starts_afresh(index) {
            let count = rows.div_ceil(ROWS_OF_PART);
            parts.resize_with(count, Part::<B>::default);
            for (i, part) in parts.iter_mut().enumerate() {
                part.state = model.zero_state::<B>(rows_of_part(rows, count, i).len());
            }
        }
        let count = parts.len();
        backend.parallel(&mut parts, |i, part| {
            part.take(&batch, rows_of_part(rows, count, i));
            model.evaluate(backend, weights, part);
        });
        parts.iter().for_each(|part| loss.add(part.loss));
        if listen(index + 1, &loss).is_break() {
            break;
        }
    }
    Ok(loss)
}

/// Rows of part `i` of `parts`: contiguous, as equal as can be.
pub(crate) fn rows_of_part(rows: usize, parts: usize, i: usize) -> Range<usize> {
    rows * i / parts..rows * (i + 1) / parts
}
