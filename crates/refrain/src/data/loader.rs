//! The interface of training and evaluation to their data: batches, epoch by epoch.

use std::ops::Range;

use crate::Result;

/// A batch that can be split by rows.
pub trait Batch: Default + Clone + Send + Sync {
    /// `B`.
    fn rows(&self) -> usize;
    /// Number of targets, the divisor of a sum of losses.
    fn count(&self) -> usize;
    /// Copies some rows of another batch.
    fn take(&mut self, whole: &Self, rows: Range<usize>);
}

/// A source of batches. Each is a function of epoch and index alone, so that a run can resume at any of them.
pub trait DataLoader: Send {
    /// The type of batches.
    type Batch: Batch;

    /// Fills `batch` with batch `index` of an epoch and returns true, or returns false beyond the last. Batches in
    /// order are cheapest.
    ///
    /// # Errors
    /// If the data cannot be read, or have changed.
    fn batch(&mut self, epoch: u64, index: u64, batch: &mut Self::Batch) -> Result<bool>;

    /// Batches per epoch, at least 1.
    fn batches_per_epoch(&self) -> u64;

    /// The maximum number of rows of a batch: `B` of the buffers to allocate.
    fn rows(&self) -> usize;

    /// Whether the state is carried from each batch of an epoch to the next.
    fn carries_state(&self) -> bool {
        false
    }

    /// Whether batch `index` starts from the zero state instead of the final state of the previous batch.
    fn resets_state(&self, index: u64) -> bool {
        index == 0 || !self.carries_state()
    }
}
