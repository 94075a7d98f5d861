//! Work between updates: validation, samples, keeping the best model, checkpoints.

use std::ops::ControlFlow;
use std::sync::Arc;

use refrain_kernels::Backend;

use super::config::shards;
use super::training::{Listener, Training};
use super::{Event, TrainableTask};
use crate::Result;
use crate::data::DataLoader;
use crate::layer::Score;
use crate::model;
use crate::store::{Best, Checkpoint, History, Model, Validation};

/// Approximate bounds of the number of updates between validations.
const MIN_STEPS_BETWEEN: u64 = 50;
const MAX_STEPS_BETWEEN: u64 = 1_000;
/// Samples per run.
const SAMPLES: f64 = 5.0;
/// Approximate maximum number of validation targets during training.
pub(crate) const VALIDATION_TARGETS: u64 = 250_000;

impl<T: TrainableTask, B: Backend> Training<T, B> {
    /// Validation is due every epoch, every few epochs if they are short, or several times in long epochs.
    pub(super) fn validation_is_due(&self, end_of_epoch: bool, end_of_run: bool) -> bool {
        let per_epoch = self.train.batches_per_epoch();
        if end_of_run {
            return true;
        }
        if per_epoch > MAX_STEPS_BETWEEN {
            let between = per_epoch.div_ceil(per_epoch.div_ceil(MAX_STEPS_BETWEEN));
            return end_of_epoch || self.progress.batch.is_multiple_of(between);
        }
        end_of_epoch && (self.progress.epoch + 1).is_multiple_of(MIN_STEPS_BETWEEN.div_ceil(per_epoch))
    }

    /// Evaluates on the validation set; keeps the model if it is the best so far. Without a validation set the last model
    /// is kept.
    pub(super) fn validate(&mut self, listen: &mut Listener<'_>) -> Result<()> {
        let progress = &mut self.progress;
        let train_loss = progress.train_nats / progress.train_count.max(1) as f64;
        let Some(valid) = &mut self.valid else { return Ok(()) };
        let weights = self.trainer.evaluation();
        let enough = |_, score: &Score| match score.loss.count as u64 >= VALIDATION_TARGETS {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let score = model::evaluate(&self.backend, self.task.network(), weights, valid, enough)?;
        let (valid_loss, valid_accuracy) = (score.loss.mean(), score.accuracy());
        if !valid_loss.is_finite() {
            let what = format!("the validation loss is {valid_loss}");
            return Err(self.diverged(self.progress.step, &what));
        }
        let progress = &mut self.progress;
        let (step, epoch) = (progress.step, progress.epoch + 1);
        let lowest =
            progress.validations.iter().map(|earlier| earlier.valid_loss).fold(f64::INFINITY, f64::min);
        progress.validations.push(Validation { step, epoch, train_loss, valid_loss, valid_accuracy });
        (progress.train_nats, progress.train_count) = (0.0, 0);
        let now = Best { loss: valid_loss, accuracy: valid_accuracy, step };
        let best = progress.best.is_none_or(|best| now.is_better_than(best));
        // With few validation examples accuracy may be 1 by chance while the loss still falls.
        progress.validations_without_improvement =
            if best || valid_loss < lowest { 0 } else { progress.validations_without_improvement + 1 };
        if best {
            progress.best = Some(now);
            self.keep()?;
        }
        let event = Event::Valid {
            step,
            epoch,
            loss: valid_loss,
            bits: valid_loss / std::f64::consts::LN_2,
            accuracy: valid_accuracy,
            train_loss: Some(train_loss),
            best,
        };
        self.emit(event, listen)
    }

    /// Keeps the current model: in its file, or in memory.
    pub(super) fn keep(&mut self) -> Result<()> {
        let params = self.finite_params(self.trainer.kept())?;
        #[cfg(feature = "files")]
        if let Some(directory) = &self.directory {
            return self.model_of(params).save(directory.model_path());
        }
        self.kept = Some(params);
        Ok(())
    }

    /// A model of these parameters with the run's history so far.
    pub(super) fn model_of(&self, params: Vec<f32>) -> Model<T> {
        let (config, progress) = (&self.config, &self.progress);
        let history = History {
            data: self.data.name.clone(),
            train_size: self.data.train_size,
            step: progress.step,
            epoch: progress.epoch + 1,
            recipe: config.recipe(),
            computed_with: format!("{}, {}", self.backend.describe(), shards(config.shards)),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            validations: progress.validations.clone(),
        };
        Model { task: self.task.clone(), params, history }
    }

    /// Reports activations on the probe, if there is one.
    pub(super) fn show_probe(&mut self, listen: &mut Listener<'_>) -> Result<()> {
        let Some(text) = &self.probe else { return Ok(()) };
        let Some(probe) = self.task.probe(&self.backend, self.trainer.evaluation(), text)? else {
            return Ok(());
        };
        let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
        self.emit(Event::Probe { step, epoch, probe: Arc::new(probe) }, listen)
    }

    pub(super) fn sample_if_due(&mut self, listen: &mut Listener<'_>) -> Result<()> {
        let due = match self.config.sample_every {
            Some(0) => false,
            Some(every) => self.progress.step.is_multiple_of(every),
            None => (self.position().progress * SAMPLES) as u64 > self.progress.samples,
        };
        if !due {
            return Ok(());
        }
        self.progress.samples = (self.position().progress * SAMPLES) as u64;
        let seed = self.config.seed.wrapping_add(self.progress.step);
        let Some(text) = self.task.sample(&self.backend, self.trainer.evaluation(), seed)? else {
            return Ok(());
        };
        let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
        self.emit(Event::Sample { step, epoch, text }, listen)
    }

    /// The current checkpoint.
    pub(super) fn checkpoint(&mut self) -> Result<Checkpoint> {
        self.progress.elapsed_s = self.elapsed_s();
        Ok(Checkpoint {
            progress: self.progress.clone(),
            params: self.finite_params(self.trainer.params())?,
            average: self.trainer.average(),
            best: self.kept.clone(),
            moments: self.trainer.moments(),
            state: self.trainer.state(),
        })
    }

    /// Writes a checkpoint, if the run has a directory.
    pub(super) fn save_checkpoint(&mut self, listen: &mut Listener<'_>) -> Result<()> {
        self.last_checkpoint = self.clock.seconds();
        self.progress.elapsed_s = self.elapsed_s();
        #[cfg(feature = "files")]
        if self.directory.is_some() {
            let checkpoint = self.checkpoint()?;
            let Some(directory) = &self.directory else { return Ok(()) };
            let path = directory.save_checkpoint(&checkpoint)?;
            let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
            return self.emit(Event::Checkpoint { step, epoch, path }, listen);
        }
        let _ = listen;
        Ok(())
    }
}
