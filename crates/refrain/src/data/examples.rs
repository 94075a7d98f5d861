//! Examples in memory, in batches of about equal length.

use std::cmp::Reverse;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::loader::{Batch, DataLoader};
use crate::Result;

/// An example, which can be put into a batch with others.
pub trait Example: Send + Sync {
    /// The type of batches.
    type Batch: Batch;

    /// Its number of input steps, and of output steps if it has a separate output: batches have examples of about equal
    /// lengths.
    fn steps(&self) -> (usize, usize);

    /// Fills a batch, one row per example.
    fn fill(examples: &[&Self], batch: &mut Self::Batch);
}

/// Batches of examples. With a seed every epoch has its own order; without one, all have the same.
#[derive(Debug)]
pub struct Examples<E> {
    examples: Vec<E>,
    batch_size: usize,
    seed: Option<u64>,
    /// The examples of each batch, and their epoch.
    order: Vec<usize>,
    epoch: Option<u64>,
}

/// Maximum number of batches that are sorted by length together: enough to keep padding low.
const MAX_SORTED_BATCHES: usize = 50;
/// Minimum number of pools of an epoch: with few of them the same examples would be batched together in every epoch.
const MIN_POOLS: usize = 4;

impl<E: Example> Examples<E> {
    /// Batches of `batch_size` of the `examples`, of which there is at least one; the last batch may be smaller.
    pub fn new(examples: Vec<E>, batch_size: usize, seed: Option<u64>) -> Self {
        Self { examples, batch_size, seed, order: vec![], epoch: None }
    }

    /// The examples, in the given order.
    pub fn examples(&self) -> &[E] {
        &self.examples
    }

    /// Sorts the examples for an epoch.
    fn sort(&mut self, epoch: u64) {
        let steps: Vec<_> = self.examples.iter().map(Example::steps).collect();
        self.order = order_of_epoch(&steps, self.batch_size, self.seed, epoch);
    }
}

/// The order of an epoch for examples of these `steps`.
fn order_of_epoch(steps: &[(usize, usize)], batch_size: usize, seed: Option<u64>, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..steps.len()).collect();
    let Some(seed) = seed else {
        sort_longest_first(&mut order, steps);
        return order;
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(epoch);
    order.shuffle(&mut rng);
    let sorted = (order.len() / (MIN_POOLS * batch_size)).clamp(1, MAX_SORTED_BATCHES);
    order.chunks_mut(sorted * batch_size).for_each(|chunk| sort_longest_first(chunk, steps));
    // The smaller batch stays last.
    let mut batches: Vec<&[usize]> = order.chunks(batch_size).collect();
    let whole = order.len() / batch_size;
    batches[..whole].shuffle(&mut rng);
    batches.concat()
}

/// Sorts indices of `steps`, longest first, stably.
pub(crate) fn sort_longest_first(indices: &mut [usize], steps: &[(usize, usize)]) {
    indices.sort_by_key(|&index| Reverse(steps[index]));
}

impl<E: Example> DataLoader for Examples<E> {
    type Batch = E::Batch;

    fn batch(&mut self, epoch: u64, index: u64, batch: &mut E::Batch) -> Result<bool> {
        // Without a seed all epochs are the same.
        let epoch = if self.seed.is_some() { epoch } else { 0 };
        if self.epoch != Some(epoch) {
            self.sort(epoch);
            self.epoch = Some(epoch);
        }
        let chosen =
            usize::try_from(index).ok().and_then(|index| self.order.chunks(self.batch_size).nth(index));
        let Some(chosen) = chosen else { return Ok(false) };
        let chosen: Vec<&E> = chosen.iter().map(|&i| &self.examples[i]).collect();
        E::fill(&chosen, batch);
        Ok(true)
    }

    fn batches_per_epoch(&self) -> u64 {
        self.examples.len().div_ceil(self.batch_size).max(1) as u64
    }

    fn rows(&self) -> usize {
        self.batch_size.min(self.examples.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TextBatch;

    /// A sequence of a given length.
    struct Steps(usize);

    impl Example for Steps {
        type Batch = TextBatch;

        fn steps(&self) -> (usize, usize) {
            (self.0, 0)
        }

        fn fill(examples: &[&Self], batch: &mut TextBatch) {
            batch.rows = examples.len();
            batch.inputs = examples.iter().map(|example| example.0 as u32).collect();
        }
    }

    fn epoch(examples: &mut Examples<Steps>, epoch: u64) -> Vec<Vec<u32>> {
        let mut batches = vec![];
        let mut batch = TextBatch::default();
        while examples.batch(epoch, batches.len() as u64, &mut batch).unwrap() {
            assert!(batch.rows <= examples.rows());
            batches.push(batch.inputs.clone());
        }
        assert_eq!(batches.len() as u64, examples.batches_per_epoch());
        batches
    }

    #[test]
    fn every_epoch_has_every_example_once_in_its_own_order() {
        let mut examples = Examples::new((0..23).map(Steps).collect(), 5, Some(7));
        let (first, second) = (epoch(&mut examples, 0), epoch(&mut examples, 1));
        assert_ne!(first, second);
        assert_eq!(first, epoch(&mut examples, 0));
        for batches in [first, second] {
            assert!(batches.iter().all(|batch| batch.is_sorted_by(|a, b| a > b)));
            let mut all = batches.concat();
            all.sort_unstable();
            assert_eq!(all, (0..23).collect::<Vec<_>>());
        }
    }

    #[test]
    fn without_a_seed_the_longest_come_first() {
        let mut examples = Examples::new(vec![Steps(1), Steps(3), Steps(2)], 2, None);
        assert_eq!(epoch(&mut examples, 0), [vec![3, 2], vec![1]]);
        assert_eq!(epoch(&mut examples, 4), epoch(&mut examples, 0));
    }
}
