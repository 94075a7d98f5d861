//! A training run from its first update to its last.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use refrain_kernels::{Backend, Loss, Update};

use super::event::{Done, Reason, Start, Step};
use super::material::{self, Material};
use super::run_dir::RunDir;
use super::schedule::{self, Position};
use super::{Config, Event, Learner, Settings};
use crate::data::Batch;
use crate::model::{Architecture, LanguageModel, Pass};
use crate::sample::{self, Generator};
use crate::store::{Checkpoint, History, Measured, Model, Progress};
use crate::{Error, Result};

/// A run that is ready to start or to go on.
pub struct Run {
    config: Config,
    material: Material,
    start: Checkpoint,
    directory: Option<RunDir>,
    /// Where a new run will have its directory.
    out: Option<PathBuf>,
    language: LanguageModel,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Outcome {
    /// The model that is kept: the best on the validation part, or where there is none, the last.
    pub model: Model,
    /// How the run ended.
    pub done: Done,
}

/// Checkpoints are at least this far apart: what a kill can cost.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);
/// Steps between two validations, about, where an epoch is shorter or longer.
const LEAST_STEPS_BETWEEN: u64 = 50;
const MOST_STEPS_BETWEEN: u64 = 1_000;
/// A loss so far above that of guessing is no learning any more.
const DIVERGED: f64 = 50.0;
/// Samples shown over a run.
const SAMPLES: f64 = 8.0;
const SAMPLE_LENGTH: usize = 200;

impl Run {
    /// Prepares a new run: opens and scans the text, settles every value.
    ///
    /// # Errors
    /// For settings that cannot be, texts that cannot be read or are too short, a directory that exists.
    pub fn new(settings: Settings) -> Result<Run> {
        if let Some(out) = &settings.out {
            RunDir::check_free(out)?;
        }
        let initial = settings.init_from.as_ref().map(Model::load).transpose()?;
        let (config, mut material) = material::prepare(settings)?;
        let mut language = LanguageModel::new(&config.architecture(material.vocabulary.len()))?;
        let params = match initial {
            None => language.layout().init(config.seed),
            Some(model) => {
                (language, material) = adopt(&config, &model, material)?;
                model.params
            }
        };
        let zeros = vec![0.0; params.len()];
        let progress = Progress { text: material.digest.clone(), ..Progress::default() };
        let moments = vec![zeros; config.rule().moments()];
        let start = Checkpoint { progress, params, moments, state: vec![] };
        Ok(Run { out: config.out.clone(), config, material, start, directory: None, language })
    }

    /// Prepares to go on with the run in `directory`, with those of its settings changed that may change:
    /// `epochs`, `max_steps`, `time_limit`, `patience`, `threads`, `sample_every`.
    ///
    /// # Errors
    /// If there is no run, its files are damaged, its text has changed, or another setting is given.
    pub fn resume(directory: impl AsRef<Path>, changes: Settings) -> Result<Run> {
        const MAY_CHANGE: [&str; 6] =
            ["epochs", "max_steps", "time_limit", "patience", "threads", "sample_every"];
        let path = directory.as_ref();
        let (directory, stored, start) = RunDir::resume(path)?;
        if let Some(name) = changes.changes(&stored).into_iter().find(|name| !MAY_CHANGE.contains(name)) {
            return Err(Error::Config(format!(
                "--{} cannot change when a run is resumed; only --{} can",
                name.replace('_', "-"),
                MAY_CHANGE.join(", --").replace('_', "-")
            )));
        }
        let settings = Settings { out: Some(path.to_owned()), init_from: None, ..changes.or(stored) };
        let (config, material) = material::prepare(settings)?;
        if material.digest != start.progress.text {
            return Err(Error::Config(format!(
                "{} has changed since this run began: restore it, or start a new run",
                material.name
            )));
        }
        let language = LanguageModel::new(&config.architecture(material.vocabulary.len()))?;
        if language.layout().len() != start.params.len() {
            return Err(Error::ModelFile {
                path: path.to_owned(),
                message: "its checkpoint is of another model than its config.toml".to_owned(),
            });
        }
        Ok(Run { config, material, start, directory: Some(directory), out: None, language })
    }

    /// Every value in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Trains until an end is reached or `listen` breaks off.
    ///
    /// # Errors
    /// If the text changes or a file cannot be written ([`Error::Io`], [`Error::Text`]; what had been achieved is
    /// in the directory), or if learning leaves the finite numbers ([`Error::Diverged`]).
    pub fn train<B: Backend>(
        mut self,
        backend: &B,
        listen: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Outcome> {
        let directory = match (self.directory.take(), self.out.take()) {
            (Some(directory), _) => Some(directory),
            (None, Some(out)) => Some(RunDir::create(&out, &self.config, &self.start)?),
            (None, None) => None,
        };
        let Run { config, material, start, language, .. } = self;
        let mut learner =
            Learner::new(backend, language, &start.params, config.shards, config.rule().moments());
        if start.progress.rows > 0 {
            learner.restore(&start.moments, &start.state, start.progress.rows);
        } else if start.progress.step > 0 {
            learner.restore(&start.moments, &[], 0);
        }
        let mut training = Training {
            began: Instant::now() - Duration::from_secs_f64(start.progress.elapsed_s.max(0.0)),
            last_checkpoint: Instant::now(),
            progress: start.progress,
            kept: None,
            lately: VecDeque::new(),
            stop: None,
            backend,
            config,
            material,
            directory,
            learner,
            listen,
        };
        training.run()
    }
}

/// Takes a model's parameters and vocabulary over into a new run.
fn adopt(config: &Config, model: &Model, mut material: Material) -> Result<(LanguageModel, Material)> {
    let theirs = model.language.architecture();
    if *model.vocabulary != *material.vocabulary {
        return Err(Error::Config(
            "--init-from: that model was trained on another set of characters; it can go on only with a text of the same ones".to_owned(),
        ));
    }
    let ours = config.architecture(material.vocabulary.len());
    if (Architecture { dropout: ours.dropout, ..theirs.clone() }) != ours {
        return Err(Error::Config(format!(
            "--init-from: that model is {}, this run asks for {}: give it the same sizes",
            theirs.summary(),
            ours.summary()
        )));
    }
    material.vocabulary = model.vocabulary.clone();
    Ok((LanguageModel::new(&ours)?, material))
}

/// A run under way.
struct Training<'b, B: Backend, L> {
    backend: &'b B,
    config: Config,
    material: Material,
    directory: Option<RunDir>,
    learner: Learner<'b, B>,
    listen: L,
    progress: Progress,
    /// The best model so far, where it is not in a file.
    kept: Option<Vec<f32>>,
    began: Instant,
    last_checkpoint: Instant,
    /// Times and symbols of the latest steps.
    lately: VecDeque<(Instant, usize)>,
    stop: Option<Reason>,
}

impl<B: Backend, L: FnMut(&Event) -> ControlFlow<()>> Training<'_, B, L> {
    fn run(&mut self) -> Result<Outcome> {
        self.emit_start()?;
        let mut batch = Batch::default();
        let mut last_loss = f64::NAN;
        self.stop = self.stop.or(self.end_reached());
        while self.stop.is_none() {
            let (epoch, index) = (self.progress.epoch, self.progress.batch);
            if !self.material.train.batch(epoch, index, &mut batch)? {
                (self.progress.epoch, self.progress.batch) = (epoch + 1, 0);
                self.stop = self.end_reached();
                continue;
            }
            if self.material.train.starts_afresh(index) {
                self.learner.reset_state(batch.rows);
            }
            last_loss = self.step(&batch)?;
            let end_of_epoch = self.progress.batch == self.material.train.batches_per_epoch();
            let ends = self.end_reached();
            if self.validation_is_due(end_of_epoch, ends.is_some()) {
                self.validate()?;
            }
            self.sample_if_due()?;
            self.stop = self.stop.or(ends).or(self.out_of_patience());
            if self.last_checkpoint.elapsed() >= CHECKPOINT_EVERY && self.stop.is_none() {
                self.checkpoint()?;
            }
        }
        self.finish(last_loss)
    }

    /// One update.
    fn step(&mut self, batch: &Batch) -> Result<f64> {
        let at = self.position();
        let config = &self.config;
        let update = Update {
            rule: config.rule(),
            learning_rate: schedule::learning_rate(config, at),
            weight_decay: config.weight_decay,
            decayed: self.learner.model().layout().matrices(),
            max_norm: (config.grad_clip > 0.0).then_some(config.grad_clip),
            step: at.step + 1,
        };
        let mask_seed = config.seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(at.step);
        let report = self.learner.step(batch, mask_seed, &update);
        let loss = report.loss.mean();
        let guessing = (self.material.vocabulary.len() as f64).ln().max(1.0);
        if !report.is_finite() || loss > DIVERGED * guessing {
            return Err(self.diverged(loss, report.grad_norm));
        }
        let progress = &mut self.progress;
        progress.step += 1;
        progress.batch += 1;
        progress.rows = batch.rows;
        progress.train_nats += report.loss.nats;
        progress.train_count += report.loss.count as u64;
        let event = Event::Step(Step {
            step: progress.step,
            epoch: progress.epoch + 1,
            loss,
            bits_per_char: loss / std::f64::consts::LN_2,
            grad_norm: report.grad_norm,
            learning_rate: update.learning_rate,
            chars_per_s: self.rate(report.loss.count),
            progress: self.position().progress,
            elapsed_s: self.began.elapsed().as_secs_f64(),
        });
        self.emit(event)?;
        Ok(loss)
    }

    fn diverged(&self, loss: f64, grad_norm: f64) -> Error {
        let step = self.progress.step + 1;
        let what = match self.learner.first_non_finite() {
            Some(entry) if !grad_norm.is_finite() => {
                format!("the gradient of {} is no longer finite (global norm {grad_norm})", entry.name)
            }
            _ => format!("the loss is {loss:.1} nats, far above guessing (gradient norm {grad_norm:.3e})"),
        };
        let kept = match &self.directory {
            Some(directory) => {
                format!(" The last good checkpoint is kept in {}.", directory.path().display())
            }
            None => String::new(),
        };
        Error::Diverged(format!(
            "learning blew up at step {step}: {what}. Lower --learning-rate (now {}) or --grad-clip (now {}).{kept}",
            self.config.learning_rate, self.config.grad_clip
        ))
    }

    /// Symbols per second over the latest second or so.
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

    fn position(&self) -> Position {
        let progress = &self.progress;
        let total_steps = self.total_steps();
        let by_steps = total_steps.map_or(0.0, |total| progress.step as f64 / total as f64);
        let limit = self.config.time_limit;
        let by_time = limit.map_or(0.0, |limit| self.began.elapsed().as_secs_f64() / limit.seconds);
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
            self.config.epochs.map(|epochs| epochs.saturating_mul(self.material.train.batches_per_epoch()));
        [by_epochs, self.config.max_steps].into_iter().flatten().min()
    }

    fn end_reached(&self) -> Option<Reason> {
        let progress = &self.progress;
        if self.config.max_steps.is_some_and(|most| progress.step >= most) {
            return Some(Reason::Steps);
        }
        let epochs_done = progress.epoch + progress.batch / self.material.train.batches_per_epoch();
        if self.config.epochs.is_some_and(|epochs| epochs_done >= epochs) {
            return Some(Reason::Epochs);
        }
        let late =
            self.config.time_limit.is_some_and(|limit| self.began.elapsed().as_secs_f64() >= limit.seconds);
        late.then_some(Reason::Time)
    }

    fn out_of_patience(&self) -> Option<Reason> {
        (self.config.patience > 0 && self.progress.stale >= self.config.patience).then_some(Reason::Patience)
    }

    /// Validation comes every epoch, or every few where epochs are short, or several times in a long one.
    fn validation_is_due(&self, end_of_epoch: bool, end_of_run: bool) -> bool {
        let per_epoch = self.material.train.batches_per_epoch();
        if end_of_run {
            return true;
        }
        if per_epoch > MOST_STEPS_BETWEEN {
            let between = per_epoch.div_ceil(per_epoch.div_ceil(MOST_STEPS_BETWEEN));
            return end_of_epoch || self.progress.batch.is_multiple_of(between);
        }
        end_of_epoch && (self.progress.epoch + 1).is_multiple_of(LEAST_STEPS_BETWEEN.div_ceil(per_epoch))
    }

    /// Measures the validation part; keeps the model if it is the best so far. Without a validation part the
    /// model is kept at the end.
    fn validate(&mut self) -> Result<()> {
        let progress = &mut self.progress;
        let train_loss = progress.train_nats / progress.train_count.max(1) as f64;
        let Some(valid) = &mut self.material.valid else { return Ok(()) };
        let model = self.learner.model();
        let mut loss = Loss::default();
        let (mut batch, mut pass) = (Batch::default(), Pass::default());
        let mut state = vec![];
        for index in 0.. {
            if !valid.batch(0, index, &mut batch)? {
                break;
            }
            if valid.starts_afresh(index) {
                state = model.zero_state::<B>(batch.rows);
            }
            loss.add(model.evaluate(self.backend, self.learner.weights(), &batch, &mut state, &mut pass));
        }
        let valid_loss = loss.mean();
        let (step, epoch) = (progress.step, progress.epoch + 1);
        progress.measured.push(Measured { step, epoch, train_loss, valid_loss });
        (progress.train_nats, progress.train_count) = (0.0, 0);
        let best = progress.best.is_none_or(|(least, _)| valid_loss < least);
        if best {
            progress.best = Some((valid_loss, step));
            progress.stale = 0;
            self.keep()?;
        } else {
            progress.stale += 1;
        }
        self.emit(Event::Valid {
            step,
            epoch,
            loss: valid_loss,
            bits_per_char: valid_loss / std::f64::consts::LN_2,
            train_loss: Some(train_loss),
            best,
        })
    }

    /// Keeps the present model: in its file, or in memory.
    fn keep(&mut self) -> Result<()> {
        match &self.directory {
            Some(directory) => self.model(self.learner.params()).save(directory.model_path()),
            None => {
                self.kept = Some(self.learner.params());
                Ok(())
            }
        }
    }

    /// A model of these parameters with the run's history so far.
    fn model(&self, params: Vec<f32>) -> Model {
        let (config, progress) = (&self.config, &self.progress);
        let recipe = format!(
            "{:?}, learning rate {}, {:?} schedule, batches of {} by {}, dropout {}, clip {}, seed {}",
            config.optimizer,
            config.learning_rate,
            config.schedule,
            config.batch_size,
            config.seq_length,
            config.dropout,
            config.grad_clip,
            config.seed
        );
        let history = History {
            text: self.material.name.clone(),
            train_symbols: self.material.train_symbols,
            step: progress.step,
            epoch: progress.epoch + 1,
            lines: config.lines,
            raw: config.raw,
            recipe: recipe.to_lowercase(),
            computed_with: format!("{}, {} shards", self.backend.describe(), config.shards),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            measured: progress.measured.clone(),
        };
        Model {
            language: self.learner.model().clone(),
            params,
            vocabulary: self.material.vocabulary.clone(),
            history,
        }
    }

    fn sample_if_due(&mut self) -> Result<()> {
        let due = match self.config.sample_every {
            Some(0) => false,
            Some(every) => self.progress.step.is_multiple_of(every),
            None => (self.position().progress * SAMPLES) as u64 > self.progress.samples,
        };
        if !due {
            return Ok(());
        }
        self.progress.samples = (self.position().progress * SAMPLES) as u64;
        let vocabulary = &self.material.vocabulary;
        let options = sample::Options {
            temperature: 0.8,
            seed: self.config.seed.wrapping_add(self.progress.step),
            ..sample::Options::default()
        };
        let prompt = [vocabulary.first_context()];
        let (model, weights) = (self.learner.model(), self.learner.weights());
        let stream = Generator::new(self.backend, model, weights, vocabulary, &prompt, &options)?;
        let ids: Vec<u32> = stream.take(SAMPLE_LENGTH).collect();
        let text = String::from_utf8_lossy(&vocabulary.decode(&ids)).into_owned();
        let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
        self.emit(Event::Sample { step, epoch, text })
    }

    fn checkpoint(&mut self) -> Result<()> {
        self.last_checkpoint = Instant::now();
        self.progress.elapsed_s = self.began.elapsed().as_secs_f64();
        let Some(directory) = &self.directory else { return Ok(()) };
        let checkpoint = Checkpoint {
            progress: self.progress.clone(),
            params: self.learner.params(),
            moments: self.learner.moments(),
            state: self.learner.state(),
        };
        let path = directory.save_checkpoint(&checkpoint)?;
        let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
        self.emit(Event::Checkpoint { step, epoch, path })
    }

    fn emit_start(&mut self) -> Result<()> {
        let (config, material, model) = (&self.config, &self.material, self.learner.model());
        let start = Start {
            step: self.progress.step,
            epoch: self.progress.epoch + 1,
            model: model.architecture().summary(),
            parameters: model.layout().len(),
            vocab_size: material.vocabulary.len(),
            text: material.name.clone(),
            train_symbols: material.train_symbols,
            valid_symbols: material.valid_symbols,
            total_steps: self.total_steps(),
            epochs: config.epochs,
            batch_size: material.train.rows(),
            seq_length: config.seq_length,
            shards: config.shards,
            out: self.directory.as_ref().map(|directory| directory.path().to_owned()),
        };
        let notes = std::mem::take(&mut self.material.notes);
        self.emit(Event::Start(start))?;
        for message in notes {
            let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
            self.emit(Event::Warning { step, epoch, message })?;
        }
        Ok(())
    }

    fn finish(&mut self, last_loss: f64) -> Result<Outcome> {
        let reason = self.stop.unwrap_or(Reason::Interrupted);
        if self.material.valid.is_none() {
            self.keep()?;
        }
        self.checkpoint()?;
        let valid_loss = self.progress.best.map(|(loss, _)| loss);
        let path = self.directory.as_ref().map(RunDir::model_path).filter(|path| path.exists());
        let model = match (&path, self.kept.take()) {
            (Some(path), _) => Model::load(path)?,
            (None, kept) => self.model(kept.unwrap_or_else(|| self.learner.params())),
        };
        let done = Done {
            step: self.progress.step,
            epoch: self.progress.epoch + u64::from(self.progress.batch > 0),
            loss: valid_loss.unwrap_or(last_loss),
            valid_loss,
            best_step: self.progress.best.map_or(self.progress.step, |(_, step)| step),
            reason,
            elapsed_s: self.began.elapsed().as_secs_f64(),
            model: path,
        };
        self.emit(Event::Done(done.clone()))?;
        Ok(Outcome { model, done })
    }

    /// Tells the listener, and the metrics what belongs there.
    fn emit(&mut self, event: Event) -> Result<()> {
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
