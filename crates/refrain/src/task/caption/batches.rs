//! Inputs with their texts as rows of a batch; images may be augmented anew in each epoch.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::augment::Augment;
use crate::Result;
use crate::data::{DataLoader, Example, Examples};
use crate::model::CaptionerBatch;

/// An encoded input, with its text.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptionExample {
    /// `[F]`, as the network reads them.
    pub(super) values: Vec<f32>,
    /// Start token, tokens, end token.
    pub(super) ids: Vec<u32>,
}

impl Example for CaptionExample {
    type Batch = CaptionerBatch;

    fn steps(&self) -> (usize, usize) {
        (self.ids.len(), 0)
    }

    fn fill(examples: &[&Self], batch: &mut CaptionerBatch) {
        batch.size = examples.first().map_or(0, |example| example.values.len());
        batch.inputs.clear();
        examples.iter().for_each(|example| batch.inputs.extend_from_slice(&example.values));
        batch.texts.set_sequences(examples.iter().map(|example| &example.ids[..]));
    }
}

/// Batches of examples.
#[derive(Debug)]
pub struct CaptionBatches {
    examples: Examples<CaptionExample>,
    seed: u64,
    augment: Option<Augment>,
}

impl CaptionBatches {
    /// Batches shuffled in each epoch by `seed`, with optional augmentation.
    pub(super) fn train(
        examples: Vec<CaptionExample>,
        batch_size: usize,
        seed: u64,
        augment: Option<Augment>,
    ) -> Self {
        Self { examples: Examples::new(examples, batch_size, Some(seed)), seed, augment }
    }

    /// Batches in a fixed order, without augmentation.
    pub(super) fn valid(examples: Vec<CaptionExample>, batch_size: usize) -> Self {
        Self { examples: Examples::new(examples, batch_size, None), seed: 0, augment: None }
    }

    pub(super) fn examples(&self) -> &[CaptionExample] {
        self.examples.examples()
    }
}

impl DataLoader for CaptionBatches {
    type Batch = CaptionerBatch;

    fn batch(&mut self, epoch: u64, index: u64, batch: &mut CaptionerBatch) -> Result<bool> {
        if !self.examples.batch(epoch, index, batch)? {
            return Ok(false);
        }
        if let Some(augment) = self.augment {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 0x6f7a_1c3b_55d2_9e84);
            rng.set_stream(epoch.wrapping_mul(self.batches_per_epoch()).wrapping_add(index));
            batch.inputs.chunks_exact_mut(batch.size).for_each(|image| augment.apply(image, &mut rng));
        }
        Ok(true)
    }

    fn batches_per_epoch(&self) -> u64 {
        self.examples.batches_per_epoch()
    }

    fn rows(&self) -> usize {
        self.examples.rows()
    }
}
