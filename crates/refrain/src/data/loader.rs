//! What training and measuring know of their data: batches, epoch after epoch.

use std::ops::Range;

use crate::Result;

/// A batch: rows that can be taken apart.
pub trait Batch: Default + Clone + Send + Sync {
    /// `B`.
    fn rows(&self) -> usize;
    /// Targets: what a sum of losses is divided by.
    fn count(&self) -> usize;
    /// Becomes some rows of another batch.
    fn take(&mut self, whole: &Self, rows: Range<usize>);
}

/// Where batches come from. Each is a function of epoch and index alone, so a run can go on from any of them.
pub trait DataLoader: Send {
    /// What a batch is.
    type Batch: Batch;

    /// Fills `batch` with batch `index` of an epoch and returns true, or returns false past the last. Batches in order
    /// are cheapest.
    ///
    /// # Errors
    /// If the data cannot be read any more, or have changed.
    fn batch(&mut self, epoch: u64, index: u64, batch: &mut Self::Batch) -> Result<bool>;

    /// Batches in an epoch, at least 1.
    fn batches_per_epoch(&self) -> u64;

    /// The most rows that a batch has: `B` of the buffers to allocate.
    fn rows(&self) -> usize;

    /// Whether the state is carried from each batch of an epoch to the next.
    fn carries_state(&self) -> bool {
        false
    }

    /// Whether batch `index` starts from the zero state rather than from the state after the batch before it.
    fn starts_afresh(&self, index: u64) -> bool {
        index == 0 || !self.carries_state()
    }
}
