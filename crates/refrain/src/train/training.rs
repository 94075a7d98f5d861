//! The loop of a run: update after update until an end is reached.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use refrain_kernels::{Backend, Update};

use super::event::{Done, Reason, Start, Step};
use super::run_dir::RunDir;
use super::schedule::{self, Position};
use super::trainable_task::{DataSummary, TrainableTask};
use super::{Config, Event, Outcome, Trainer};
use crate::data::{Batch, DataLoader};
use crate::model::Network;
use crate::store::{Model, Progress};
use crate::text::Source;
use crate::{Error, Result};

/// A loss so far above that of guessing is no learning any more.
const DIVERGED: f64 = 50.0;

/// A run under way.
pub(super) struct Training<'b, T: TrainableTask, B: Backend, L> {
    pub(super) backend: &'b B,
    pub(super) config: Config,
    pub(super) task: T,
    pub(super) train: T::Loader,
    pub(super) valid: Option<T::Loader>,
    pub(super) data: DataSummary,
    pub(super) directory: Option<RunDir>,
    pub(super) learner: Trainer<'b, T::Network, B>,
    pub(super) listen: L,
    pub(super) progress: Progress,
    /// The best model so far, where it is not in a file.
    pub(super) kept: Option<Vec<f32>>,
    pub(super) began: Instant,
    /// Seconds of the stretches before a resume.
    pub(super) spent_before: f64,
    pub(super) last_checkpoint: Instant,
    /// Times and targets of the latest steps.
    pub(super) lately: VecDeque<(Instant, usize)>,
    pub(super) stop: Option<Reason>,
    /// A text to look at while the model learns.
    pub(super) probe: Option<Source>,
}

impl<T: TrainableTask, B: Backend, L: FnMut(&Event) -> ControlFlow<()>> Training<'_, T, B, L> {
    pub(super) fn run(mut self) -> Result<Outcome<T>> {
        self.emit_start()?;
        self.look()?;
        let mut batch = <T::Network as Network>::Batch::default();
        let mut last_loss = f64::NAN;
        self.stop = self.stop.or(self.end_reached()).or(self.out_of_patience());
        while self.stop.is_none() {
            let (epoch, index) = (self.progress.epoch, self.progress.batch);
            if !self.train.batch(epoch, index, &mut batch)? {
                (self.progress.epoch, self.progress.batch) = (epoch + 1, 0);
                continue;
            }
            if self.train.starts_afresh(index) {
                self.learner.reset_state(batch.rows());
            }
            last_loss = self.step(&batch)?;
            let end_of_epoch = self.progress.batch == self.train.batches_per_epoch();
            let ends = self.end_reached();
            if self.validation_is_due(end_of_epoch, ends.is_some()) {
                self.validate()?;
                self.look()?;
            }
            self.sample_if_due()?;
            self.stop = self.stop.or(ends).or(self.out_of_patience());
            if self.last_checkpoint.elapsed().as_secs_f64() >= self.config.checkpoint_every.seconds
                && self.stop.is_none()
            {
                self.checkpoint()?;
            }
        }
        self.finish(last_loss)
    }

    /// One update.
    fn step(&mut self, batch: &<T::Network as Network>::Batch) -> Result<f64> {
        let at = self.position();
        let config = &self.config;
        let update = Update {
            rule: config.rule(),
            learning_rate: schedule::learning_rate(config, at),
            weight_decay: config.weight_decay,
            decayed: self.learner.network().layout().matrices(),
            max_norm: (config.grad_clip > 0.0).then_some(config.grad_clip),
            step: at.step + 1,
        };
        let mask_seed = config.seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(at.step);
        let report = self.learner.step(batch, mask_seed, &update);
        let loss = report.loss.mean();
        if !report.is_finite() || loss > DIVERGED * self.data.guessing.max(1.0) {
            return Err(self.diverged_by(loss, report.grad_norm));
        }
        let progress = &mut self.progress;
        progress.step += 1;
        progress.batch += 1;
        progress.rows = batch.rows();
        progress.train_nats += report.loss.nats;
        progress.train_count += report.loss.count as u64;
        let event = Event::Step(Step {
            step: progress.step,
            epoch: progress.epoch + 1,
            loss,
            bits: loss / std::f64::consts::LN_2,
            grad_norm: report.grad_norm,
            learning_rate: update.learning_rate,
            targets_per_s: self.rate(report.loss.count),
            progress: self.position().progress,
            elapsed_s: self.elapsed_s(),
        });
        self.emit(event)?;
        Ok(loss)
    }

    /// Parameters, which have to be finite to be worth keeping.
    ///
    /// # Errors
    /// [`Error::Diverged`], naming the one that is not.
    pub(super) fn finite_params(&self, params: Vec<f32>) -> Result<Vec<f32>> {
        match params.iter().position(|x| !x.is_finite()) {
            None => Ok(params),
            Some(at) => {
                let entry = self.learner.network().layout().entry_at(at);
                let name = entry.map_or("a parameter", |entry| &entry.name);
                Err(self.diverged(self.progress.step, &format!("{name} is no longer finite")))
            }
        }
    }

    /// What went wrong in an update.
    fn diverged_by(&self, loss: f64, grad_norm: f64) -> Error {
        let what = match self.learner.first_non_finite() {
            Some(entry) if !grad_norm.is_finite() => {
                format!("the gradient of {} is no longer finite (global norm {grad_norm})", entry.name)
            }
            _ => format!("the loss is {loss:.1} nats, far above guessing (gradient norm {grad_norm:.3e})"),
        };
        self.diverged(self.progress.step + 1, &what)
    }

    pub(super) fn diverged(&self, step: u64, what: &str) -> Error {
        let clip = match self.config.grad_clip {
            0.0 => "set --grad-clip to 1".to_owned(),
            clip => format!("--grad-clip (now {clip:?})"),
        };
        let kept = self.directory.as_ref().map_or(String::new(), |directory| {
            let path = directory.path().display();
            let model = match directory.model_path().exists() {
                true => format!("; --init-from {path} goes on from its best model"),
                false => String::new(),
            };
            format!(" The last good checkpoint is kept in {path}{model}.")
        });
        Error::Diverged(format!(
            "learning blew up at step {step}: {what}. Lower --learning-rate (now {:?}) or {clip}.{kept}",
            self.config.learning_rate
        ))
    }

    /// Targets per second over the latest second or so.
    fn rate(&mut self, symbols: usize) -> f64 {
        let now = Instant::now();
        self.lately.push_back((now, symbols));
        while self.lately.len() > 2 && now - self.lately[0].0 > Duration::from_secs(2) {
            self.lately.pop_front();
        }
        let first = self.lately[0].0;
        let later: usize = self.lately.iter().skip(1).map(|&(_, symbols)| symbols).sum();
        let seconds = (now - first).as_secs_f64();
        if seconds > 0.0 {
            later as f64 / seconds
        } else {
            symbols as f64 / self.began.elapsed().as_secs_f64()
        }
    }

    /// Seconds since the run began, without the breaks before a resume.
    pub(super) fn elapsed_s(&self) -> f64 {
        self.spent_before + self.began.elapsed().as_secs_f64()
    }

    pub(super) fn position(&self) -> Position {
        let progress = &self.progress;
        let total_steps = self.total_steps();
        let by_steps = total_steps.map_or(0.0, |total| progress.step as f64 / total as f64);
        let limit = self.config.time_limit;
        let by_time = limit.map_or(0.0, |limit| self.elapsed_s() / limit.seconds);
        Position {
            step: progress.step,
            epoch: progress.epoch,
            progress: by_steps.max(by_time).min(1.0),
            total_steps,
        }
    }

    /// All updates, if time does not end the run first.
    fn total_steps(&self) -> Option<u64> {
        let by_epochs =
            self.config.epochs.map(|epochs| epochs.saturating_mul(self.train.batches_per_epoch()));
        [by_epochs, self.config.max_steps].into_iter().flatten().min()
    }

    fn end_reached(&self) -> Option<Reason> {
        let progress = &self.progress;
        if self.config.max_steps.is_some_and(|most| progress.step >= most) {
            return Some(Reason::Steps);
        }
        let epochs_done = progress.epoch + progress.batch / self.train.batches_per_epoch();
        if self.config.epochs.is_some_and(|epochs| epochs_done >= epochs) {
            return Some(Reason::Epochs);
        }
        let late = self.config.time_limit.is_some_and(|limit| self.elapsed_s() >= limit.seconds);
        late.then_some(Reason::Time)
    }

    fn out_of_patience(&self) -> Option<Reason> {
        (self.config.patience > 0 && self.progress.stale >= self.config.patience).then_some(Reason::Patience)
    }

    fn emit_start(&mut self) -> Result<()> {
        let (config, data, network) = (&self.config, &self.data, self.learner.network());
        let start = Start {
            step: self.progress.step,
            epoch: self.progress.epoch + 1,
            task: T::NAME,
            model: network.summary(),
            parameters: network.layout().len(),
            vocabulary: data.vocabulary.clone(),
            data: data.name.clone(),
            train_size: data.train_size,
            valid_size: data.valid_size,
            total_steps: self.total_steps(),
            epochs: config.epochs,
            batches: data.batches.clone(),
            shards: config.shards,
            unit: data.unit,
            target: data.target,
            out: self.directory.as_ref().map(|directory| directory.path().to_owned()),
        };
        let notes = std::mem::take(&mut self.data.notes);
        self.emit(Event::Start(start))?;
        for message in notes {
            let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
            self.emit(Event::Warning { step, epoch, message })?;
        }
        Ok(())
    }

    fn finish(mut self, last_loss: f64) -> Result<Outcome<T>> {
        let reason = self.stop.unwrap_or(Reason::Interrupted);
        if self.valid.is_none() {
            self.keep()?;
        }
        self.checkpoint()?;
        let best = self.progress.best;
        let valid_loss = best.map(|best| best.loss);
        let path = self.directory.as_ref().map(RunDir::model_path).filter(|path| path.exists());
        let model = match (&path, self.kept.take()) {
            (Some(path), _) => Model::load(path)?,
            (None, Some(kept)) => self.model(kept),
            (None, None) => self.model(self.finite_params(self.learner.kept())?),
        };
        let done = Done {
            step: self.progress.step,
            epoch: self.progress.epoch + u64::from(self.progress.batch > 0),
            loss: valid_loss.unwrap_or(last_loss),
            valid_loss,
            valid_accuracy: best.and_then(|best| best.accuracy),
            best_step: best.map_or(self.progress.step, |best| best.step),
            reason,
            elapsed_s: self.elapsed_s(),
            model: path,
        };
        self.emit(Event::Done(done.clone()))?;
        Ok(Outcome { model, done })
    }

    /// Tells the listener, and the metrics what belongs there.
    pub(super) fn emit(&mut self, event: Event) -> Result<()> {
        if let (Some(directory), Event::Step(_) | Event::Valid { .. } | Event::Sample { .. }) =
            (&mut self.directory, &event)
        {
            directory.record(&event)?;
        }
        if (self.listen)(&event).is_break() {
            self.stop = Some(Reason::Interrupted);
        }
        Ok(())
    }
}
