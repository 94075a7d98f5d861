//! The training loop.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::PathBuf;

use refrain_kernels::{Backend, Update};

use super::clock::Clock;
use super::event::{Done, Reason, Start, Step};
#[cfg(feature = "files")]
use super::run_dir::{RunDir, config_text};
use super::schedule::{self, Position};
use super::trainable_task::{DataSummary, Prepared, TrainableTask};
use super::{Config, Event, Trainer};
use crate::data::{Batch, DataLoader};
use crate::error::{Divergence, Error, Result};
use crate::model::Network;
#[cfg(feature = "files")]
use crate::store::read_model;
use crate::store::{Checkpoint, Model, Progress};
use crate::text::Source;

/// Training has diverged if the loss exceeds that of a uniform prediction by this factor.
const DIVERGED: f64 = 50.0;

/// Receives the events of a run, and may stop it.
pub type Listener<'l> = dyn FnMut(&Event) -> ControlFlow<()> + 'l;

/// Input of [`Training::new`].
pub(super) struct Plan<T: TrainableTask, B: Backend> {
    pub(super) backend: B,
    pub(super) prepared: Prepared<T>,
    pub(super) start: Checkpoint,
    #[cfg(feature = "files")]
    pub(super) out: Option<PathBuf>,
    /// Whether the run is resumed from a checkpoint.
    pub(super) resumed: bool,
    pub(super) probe: Option<Source>,
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The model with the best validation loss or accuracy; without a validation set, the last model.
    pub model: Model<T>,
    /// How the run ended.
    pub done: Done,
}

/// A run in progress, from [`super::Run::start`], for training step by step. [`super::Run::train`] makes all steps.
pub struct Training<T: TrainableTask, B: Backend> {
    pub(super) backend: B,
    pub(super) config: Config,
    pub(super) task: T,
    pub(super) train: T::Loader,
    pub(super) valid: Option<T::Loader>,
    pub(super) data: DataSummary,
    #[cfg(feature = "files")]
    pub(super) directory: Option<RunDir>,
    pub(super) trainer: Trainer<T::Network, B>,
    pub(super) progress: Progress,
    /// The best model so far, if it is not in a file.
    pub(super) kept: Option<Vec<f32>>,
    batch: <T::Network as Network>::Batch,
    last_loss: f64,
    pub(super) clock: Clock,
    /// Seconds of training before a resume.
    spent_before: f64,
    /// Seconds from the start or resume to the last checkpoint.
    pub(super) last_checkpoint: f64,
    /// Times and targets of the latest steps.
    recent: VecDeque<(f64, usize)>,
    stop: Option<Reason>,
    pub(super) probe: Option<Source>,
}

impl<T: TrainableTask, B: Backend> Training<T, B> {
    pub(super) fn new(plan: Plan<T, B>) -> Result<Self> {
        #[cfg(feature = "files")]
        let directory = directory_of(&plan)?;
        let Plan { backend, prepared, start, resumed, probe, .. } = plan;
        let Prepared { config, task, train, valid, data, .. } = prepared;
        let Checkpoint { progress, params, moments, average, best, state } = start;
        let network = task.network().clone();
        let mut trainer = Trainer::new(&backend, network, &params, config.shards, config.rule().moments())
            .averaging(config.average)
            .dropping_weights(config.weight_drop);
        if resumed && progress.step > 0 {
            trainer.restore(&moments, average.as_deref(), &state, progress.rows);
        }
        Ok(Training {
            backend,
            config,
            task,
            train,
            valid,
            data,
            #[cfg(feature = "files")]
            directory,
            trainer,
            spent_before: progress.elapsed_s,
            progress,
            kept: best,
            batch: Default::default(),
            last_loss: f64::NAN,
            clock: Clock::start(),
            last_checkpoint: 0.0,
            recent: VecDeque::new(),
            stop: None,
            probe,
        })
    }

    /// Reports the start to the listener.
    pub(super) fn begin(&mut self, listen: &mut Listener<'_>) -> Result<()> {
        self.emit_start(listen)?;
        self.show_probe(listen)?;
        self.stop = self.stop.or(self.end_reached()).or(self.should_stop_early());
        Ok(())
    }

    /// One update, with the validation, sample and checkpoint that are due after it; returns the reason after the run has ended.
    ///
    /// # Errors
    /// As [`super::Run::train`].
    pub fn step(&mut self, listen: &mut Listener<'_>) -> Result<Option<Reason>> {
        if self.stop.is_some() {
            return Ok(self.stop);
        }
        let mut begins = false;
        while !self.train.batch(self.progress.epoch, self.progress.batch, &mut self.batch)? {
            if begins {
                return Err(Error::too_little(&*self.data.name, "has no batch", "give at least one example"));
            }
            (self.progress.epoch, self.progress.batch) = (self.progress.epoch + 1, 0);
            begins = true;
        }
        if self.train.resets_state(self.progress.batch) {
            self.trainer.reset_state(self.batch.rows());
        }
        self.update(listen)?;
        let end_of_epoch = self.progress.batch == self.train.batches_per_epoch();
        let ends = self.end_reached();
        if self.validation_is_due(end_of_epoch, ends.is_some()) {
            self.validate(listen)?;
            self.show_probe(listen)?;
        }
        self.sample_if_due(listen)?;
        self.stop = self.stop.or(ends).or(self.should_stop_early());
        let since_checkpoint = self.clock.seconds() - self.last_checkpoint;
        if since_checkpoint >= self.config.checkpoint_every.seconds && self.stop.is_none() {
            self.save_checkpoint(listen)?;
        }
        Ok(self.stop)
    }

    /// The current model (the running average of the weights, if the run has one).
    ///
    /// # Errors
    /// [`Error::Divergence`] if a parameter is not finite.
    pub fn model(&self) -> Result<Model<T>> {
        Ok(self.model_of(self.finite_params(self.trainer.kept())?))
    }

    /// The checkpoint that [`super::Run::from_bytes`] needs to resume, besides settings and data.
    ///
    /// # Errors
    /// As [`Training::model`].
    pub fn to_bytes(&mut self) -> Result<Vec<u8>> {
        self.checkpoint()?.to_bytes()
    }

    fn update(&mut self, listen: &mut Listener<'_>) -> Result<()> {
        let at = self.position();
        let config = &self.config;
        let update = Update {
            rule: config.rule(),
            learning_rate: schedule::learning_rate(config, at),
            weight_decay: config.weight_decay,
            max_norm: (config.grad_clip > 0.0).then_some(config.grad_clip),
            step: at.step + 1,
        };
        let mask_seed = config.seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(at.step);
        let report = self.trainer.step(&self.batch, mask_seed, &update);
        let loss = report.loss.mean();
        if !report.is_finite() || loss > DIVERGED * self.data.uniform_loss.max(1.0) {
            return Err(self.diverged_by(loss, report.grad_norm));
        }
        let progress = &mut self.progress;
        progress.step += 1;
        progress.batch += 1;
        progress.rows = self.batch.rows();
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
        self.last_loss = loss;
        self.emit(event, listen)
    }

    /// Checks that parameters are finite.
    ///
    /// # Errors
    /// [`Error::Divergence`], naming the first one that is not.
    pub(super) fn finite_params(&self, params: Vec<f32>) -> Result<Vec<f32>> {
        match params.iter().position(|x| !x.is_finite()) {
            None => Ok(params),
            Some(at) => {
                let entry = self.trainer.network().layout().entry_at(at);
                let name = entry.map_or("a parameter", |entry| &entry.name);
                Err(self.diverged(self.progress.step, &format!("{name} is no longer finite")))
            }
        }
    }

    fn diverged_by(&self, loss: f64, grad_norm: f64) -> Error {
        let what = match self.trainer.first_non_finite() {
            Some(entry) if !grad_norm.is_finite() => {
                format!("the gradient of {} is no longer finite (global norm {grad_norm})", entry.name)
            }
            _ => format!(
                "the loss is {loss:.1} nats, far above that of a uniform prediction (gradient norm {grad_norm:.3e})"
            ),
        };
        self.diverged(self.progress.step + 1, &what)
    }

    pub(super) fn diverged(&self, step: u64, what: &str) -> Error {
        let Config { learning_rate, grad_clip, .. } = self.config;
        let (kept, has_model) = (self.directory_path(), self.best_model_path().is_some());
        let what = what.to_owned();
        Error::Divergence(Box::new(Divergence { step, what, learning_rate, grad_clip, kept, has_model }))
    }

    /// Targets per second over about the last two seconds; 0 without a clock.
    fn rate(&mut self, targets: usize) -> f64 {
        let now = self.clock.seconds();
        self.recent.push_back((now, targets));
        while self.recent.len() > 2 && now - self.recent[0].0 > 2.0 {
            self.recent.pop_front();
        }
        let later: usize = self.recent.iter().skip(1).map(|&(_, targets)| targets).sum();
        match now - self.recent[0].0 {
            seconds if seconds > 0.0 => later as f64 / seconds,
            _ if now > 0.0 => targets as f64 / now,
            _ => 0.0,
        }
    }

    /// Seconds of training, including time before a resume.
    pub(super) fn elapsed_s(&self) -> f64 {
        self.spent_before + self.clock.seconds()
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

    /// Number of updates, unless a time limit ends the run first.
    fn total_steps(&self) -> Option<u64> {
        let by_epochs =
            self.config.epochs.map(|epochs| epochs.saturating_mul(self.train.batches_per_epoch()));
        [by_epochs, self.config.max_steps].into_iter().flatten().min()
    }

    fn end_reached(&self) -> Option<Reason> {
        let progress = &self.progress;
        if self.config.max_steps.is_some_and(|max| progress.step >= max) {
            return Some(Reason::Steps);
        }
        let epochs_done = progress.epoch + progress.batch / self.train.batches_per_epoch();
        if self.config.epochs.is_some_and(|epochs| epochs_done >= epochs) {
            return Some(Reason::Epochs);
        }
        let late = self.config.time_limit.is_some_and(|limit| self.elapsed_s() >= limit.seconds);
        late.then_some(Reason::Time)
    }

    fn should_stop_early(&self) -> Option<Reason> {
        (self.config.patience > 0 && self.progress.validations_without_improvement >= self.config.patience)
            .then_some(Reason::Patience)
    }

    fn emit_start(&mut self, listen: &mut Listener<'_>) -> Result<()> {
        let (config, data, network) = (&self.config, &self.data, self.trainer.network());
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
            out: self.directory_path(),
        };
        let notes = std::mem::take(&mut self.data.notes);
        self.emit(Event::Start(start), listen)?;
        for note in notes {
            let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
            self.emit(Event::Warning { step, epoch, note }, listen)?;
        }
        Ok(())
    }

    /// Ends the run: saves the last checkpoint and returns the best model.
    ///
    /// # Errors
    /// As [`super::Run::train`].
    pub fn finish(mut self, listen: &mut Listener<'_>) -> Result<Outcome<T>> {
        let reason = self.stop.unwrap_or(Reason::Interrupted);
        if self.valid.is_none() {
            self.keep()?;
        }
        self.save_checkpoint(listen)?;
        let best = self.progress.best;
        let valid_loss = best.map(|best| best.loss);
        let path = self.best_model_path();
        let model = match (&path, self.kept.take()) {
            #[cfg(feature = "files")]
            (Some(path), _) => {
                let layout = self.task.network().layout();
                let (params, history) = read_model(path, |bytes, name| bytes.params(layout, name))?;
                Model { task: self.task.clone(), params, history }
            }
            (_, Some(kept)) => self.model_of(kept),
            (_, None) => self.model()?,
        };
        let done = Done {
            step: self.progress.step,
            epoch: self.progress.epoch + u64::from(self.progress.batch > 0),
            loss: valid_loss.unwrap_or(self.last_loss),
            valid_loss,
            valid_accuracy: best.and_then(|best| best.accuracy),
            best_step: best.map_or(self.progress.step, |best| best.step),
            reason,
            elapsed_s: self.elapsed_s(),
            model: path,
        };
        self.emit(Event::Done(done.clone()), listen)?;
        Ok(Outcome { model, done })
    }

    /// The run's directory, if it has one.
    fn directory_path(&self) -> Option<PathBuf> {
        #[cfg(feature = "files")]
        return self.directory.as_ref().map(|directory| directory.path().to_owned());
        #[cfg(not(feature = "files"))]
        None
    }

    /// The file of the best model so far, if it is in one.
    fn best_model_path(&self) -> Option<PathBuf> {
        #[cfg(feature = "files")]
        return self.directory.as_ref().map(RunDir::model_path).filter(|path| path.exists());
        #[cfg(not(feature = "files"))]
        None
    }

    /// Reports an event to the listener and, depending on its kind, to the metrics. Not inlined, for code size: callers are
    /// compiled once per task.
    #[inline(never)]
    pub(super) fn emit(&mut self, event: Event, listen: &mut Listener<'_>) -> Result<()> {
        #[cfg(feature = "files")]
        if let (Some(directory), Event::Step(_) | Event::Valid { .. } | Event::Sample { .. }) =
            (&mut self.directory, &event)
        {
            directory.record(&event)?;
        }
        if listen(&event).is_break() {
            self.stop = Some(Reason::Interrupted);
        }
        Ok(())
    }
}

/// Creates or opens the run directory, if there is one.
#[cfg(feature = "files")]
fn directory_of<T: TrainableTask, B: Backend>(run: &Plan<T, B>) -> Result<Option<RunDir>> {
    let Some(out) = &run.out else { return Ok(None) };
    let config = config_text(T::NAME, &run.prepared.effective_settings())?;
    match run.resumed {
        true => RunDir::resume(out, &config, run.start.progress.step),
        false => RunDir::create(out, &config, &run.start),
    }
    .map(Some)
}
