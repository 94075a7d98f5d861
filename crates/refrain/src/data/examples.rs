//! Examples that are held in memory, in batches of about equal length.

use std::cmp::Reverse;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::loader::{Batch, DataLoader};
use crate::Result;

/// An example, and how several of them become a batch.
pub trait Example: Send + Sync {
    /// What a batch of them is.
    type Batch: Batch;

    /// How long it is, and how long what is to be written for it where that has a length of its own: examples of about
    /// equal lengths go into a batch together.
    fn steps(&self) -> (usize, usize);

    /// Fills a batch, one row an example.
    fn fill(examples: &[&Self], batch: &mut Self::Batch);
}

/// Batches of examples. With a seed every epoch has an order of its own; without one, all have the same.
#[derive(Debug)]
pub struct Examples<E> {
    examples: Vec<E>,
    batch_size: usize,
    seed: Option<u64>,
    /// Which examples make each batch, and of which epoch that is.
    order: Vec<usize>,
    epoch: Option<u64>,
}

/// Batches that are sorted by length together, at most: enough that little is padded.
const SORTED_BATCHES: usize = 50;
/// The pools that they make of an epoch, at least: in few of them the same examples would meet in every epoch.
const POOLS: usize = 4;

impl<E: Example> Examples<E> {
    /// Batches of `batch_size` of the `examples`, the last one smaller. There is at least one example.
    pub fn new(examples: Vec<E>, batch_size: usize, seed: Option<u64>) -> Self {
        Self { examples, batch_size, seed, order: vec![], epoch: None }
    }

    /// The examples, in their own order.
    pub fn examples(&self) -> &[E] {
        &self.examples
    }

    /// Puts the examples into the order of an epoch.
    fn sort(&mut self, epoch: u64) {
        let steps: Vec<_> = self.examples.iter().map(Example::steps).collect();
        self.order = order_of_epoch(&steps, self.batch_size, self.seed, epoch);
    }
}

/// The order in which the batches of an epoch take examples of so many `steps`.
fn order_of_epoch(steps: &[(usize, usize)], batch_size: usize, seed: Option<u64>, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..steps.len()).collect();
    let Some(seed) = seed else {
        sort_longest_first(&mut order, steps);
        return order;
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(epoch);
    order.shuffle(&mut rng);
    let sorted = (order.len() / (POOLS * batch_size)).clamp(1, SORTED_BATCHES);
    order.chunks_mut(sorted * batch_size).for_each(|chunk| sort_longest_first(chunk, steps));
    // The smaller batch stays the last one.
    let mut batches: Vec<&[usize]> = order.chunks(batch_size).collect();
    let whole = order.len() / batch_size;
    batches[..whole].shuffle(&mut rng);
    batches.concat()
}

/// Sorts places of `steps`, the greatest first; equal ones stay in their order.
pub(crate) fn sort_longest_first(places: &mut [usize], steps: &[(usize, usize)]) {
    places.sort_by_key(|&place| Reverse(steps[place]));
}

impl<E: Example> DataLoader for Examples<E> {
    type Batch = E::Batch;

    fn batch(&mut self, epoch: u64, index: u64, batch: &mut E::Batch) -> Result<bool> {
        // Without a seed all epochs are one.
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

    /// A sequence of a length of its own.
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
    fn every_epoch_has_every_example_once_and_an_order_of_its_own() {
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
