//! A training run as a whole: prepared from settings or from the directory of an earlier one, then trained.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use refrain_kernels::{Backend, Reference, State};

use super::event::Done;
use super::run_dir::{RunDir, config_text};
use super::trainable_task::{Prepared, TrainableTask};
use super::training::Training;
use super::{Config, Event, Settings, Trainer};
use crate::data::DataLoader;
use crate::model::{Network, check_memory};
use crate::store::{Checkpoint, Model, Progress};
use crate::text::Source;
use crate::{Error, Result};

/// A run that is ready to start or to go on.
pub struct Run<T: TrainableTask> {
    prepared: Prepared<T>,
    start: Checkpoint,
    /// Where the run has its directory, or will have it.
    out: Option<PathBuf>,
    /// Whether that directory is there already.
    resumed: bool,
    /// A text to look at while the model learns.
    probe: Option<Source>,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The model that is kept: the best on the validation part, or where there is none, the last.
    pub model: Model<T>,
    /// How the run ended.
    pub done: Done,
}

impl<T: TrainableTask> Run<T> {
    /// Prepares a new run: opens and reads the data, settles every value.
    ///
    /// # Errors
    /// For settings that cannot be, data that cannot be read or are too little, a directory that exists.
    pub fn new(settings: Settings) -> Result<Self> {
        if let Some(out) = &settings.out {
            RunDir::check_free(out)?;
        }
        let initial = settings.init_from.as_ref().map(Model::<T>::load).transpose()?;
        let prepared = T::prepare(settings.clone())?;
        let in_force = config_text(T::NAME, &prepared.config, &prepared.options)?;
        refuse_idle(&settings, &in_force, T::NAME, &prepared.data.name)?;
        let (config, network) = (&prepared.config, prepared.task.network());
        check_memory(network, copies(config))?;
        let params = match initial {
            None => network.layout().init(config.seed),
            Some(model) => {
                prepared.task.check_same(&model.task)?;
                check_same_layers(network, model.task.network())?;
                model.params
            }
        };
        let zeros = vec![0.0; params.len()];
        let progress = Progress {
            data: prepared.data.digest.clone(),
            elapsed_s: prepared.data.preparation_s,
            ..Progress::default()
        };
        let moments = vec![zeros; config.rule().moments()];
        let average = (config.average > 0).then(|| params.clone());
        let start = Checkpoint { progress, params, average, moments, state: vec![] };
        Ok(Run { out: config.out.clone(), prepared, start, resumed: false, probe: None })
    }

    /// Prepares to go on with the run in `directory`, with those of its settings changed that may change:
    /// `epochs`, `max_steps`, `time_limit`, `patience`, `threads`, `sample_every`, `checkpoint_every`.
    ///
    /// # Errors
    /// If there is no run, its files are damaged, its data have changed, or another setting is given.
    pub fn resume(directory: impl AsRef<Path>, changes: Settings) -> Result<Self> {
        const MAY_CHANGE: [&str; 7] =
            ["epochs", "max_steps", "time_limit", "patience", "threads", "sample_every", "checkpoint_every"];
        let path = directory.as_ref();
        let (stored, start) = RunDir::read(path)?;
        if let Some(name) = changes.changes(&stored).into_iter().find(|name| !MAY_CHANGE.contains(name)) {
            return Err(Error::Config(format!(
                "--{} cannot change when a run is resumed; only --{} can",
                name.replace('_', "-"),
                MAY_CHANGE.join(", --").replace('_', "-")
            )));
        }
        let settings = Settings { out: Some(path.to_owned()), init_from: None, ..changes.or(stored) };
        let prepared = T::prepare(settings)?;
        if prepared.data.digest != start.progress.data {
            return Err(Error::Config(format!(
                "{} has changed since this run began: restore it, or start a new run",
                prepared.data.name
            )));
        }
        check_memory(prepared.task.network(), copies(&prepared.config))?;
        if !fits(&start, &prepared) {
            return Err(Error::ModelFile {
                path: path.to_owned(),
                message: "its checkpoint does not fit its config.toml: put the config.toml back as the run wrote it, or start a new run".to_owned(),
            });
        }
        Ok(Run { prepared, start, out: Some(path.to_owned()), resumed: true, probe: None })
    }

    /// Every value in force that is not the task's own.
    pub fn config(&self) -> &Config {
        &self.prepared.config
    }

    /// The same, which shows what the network does with a text (the beginning of it), before the first update and after every validation
    /// ([`Event::Probe`]). That changes nothing of the run.
    #[must_use]
    pub fn probing(self, text: Source) -> Self {
        Self { probe: Some(text), ..self }
    }

    /// Trains until an end is reached or `listen` breaks off.
    ///
    /// # Errors
    /// If the data change or a file cannot be written ([`Error::Io`], [`Error::Text`]; what had been achieved is
    /// in the directory), or if learning leaves the finite numbers ([`Error::Diverged`]).
    pub fn train<B: Backend>(
        self,
        backend: &B,
        listen: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Outcome<T>> {
        let Run { prepared, start, out, resumed, probe } = self;
        let Prepared { config, options, task, train, valid, data } = prepared;
        let in_force = config_text(T::NAME, &config, &options)?;
        let directory = match out {
            Some(out) if resumed => Some(RunDir::go_on(&out, &in_force, start.progress.step)?),
            Some(out) => Some(RunDir::create(&out, &in_force, &start)?),
            None => None,
        };
        let network = task.network().clone();
        let mut learner =
            Trainer::new(backend, network, &start.params, config.shards, config.rule().moments())
                .averaging(config.average)
                .dropping_weights(config.weight_drop);
        let Checkpoint { progress, moments, average, state, .. } = start;
        if progress.step > 0 {
            learner.restore(&moments, average.as_deref(), &state, progress.rows);
        }
        let (began, spent_before) = (Instant::now(), progress.elapsed_s);
        let training = Training {
            backend,
            config,
            task,
            train,
            valid,
            data,
            directory,
            learner,
            listen,
            progress,
            kept: None,
            began,
            spent_before,
            last_checkpoint: began,
            lately: VecDeque::new(),
            stop: None,
            probe,
        };
        training.run()
    }
}

/// Refuses settings that the task, or the form of its data, has no use for: what is in force has no value of that name.
fn refuse_idle(given: &Settings, in_force: &str, task: &str, data: &str) -> Result<()> {
    /// It becomes other settings, or is the directory itself.
    const SPENT: [&str; 2] = ["preset", "out"];
    let refuse = |error: &dyn std::error::Error| Error::Config(error.to_string());
    let given = toml::Table::try_from(given).map_err(|error| refuse(&error))?;
    let in_force: toml::Table = in_force.parse().map_err(|error| refuse(&error))?;
    match given.keys().find(|name| !SPENT.contains(&&name[..]) && !in_force.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::Config(format!(
            "--{} has no use here (--task {task}, {data}): leave it out",
            name.replace('_', "-")
        ))),
    }
}

/// Refuses to go on from a model of other layers; dropout may change.
fn check_same_layers<N: Network>(ours: &N, theirs: &N) -> Result<()> {
    // A cell's variant is in the summary alone.
    match (ours.layout(), ours.summary()) == (theirs.layout(), theirs.summary()) {
        true => Ok(()),
        false => Err(Error::Config(format!(
            "--init-from: that model is {}, this run asks for {}: give it the same sizes",
            theirs.summary(),
            ours.summary()
        ))),
    }
}

/// How many times training holds the parameters, about: themselves, packed for both directions, their gradients
/// in every shard, the optimiser's moments, the average with its own packing, and those with some dropped.
fn copies(config: &Config) -> usize {
    let average = if config.average > 0 { 2 } else { 0 };
    3 + config.shards + config.rule().moments() + average + usize::from(config.weight_drop > 0.0)
}

/// Whether a checkpoint can belong to a run of this configuration: every array in it has the size it would have.
fn fits<T: TrainableTask>(start: &Checkpoint, prepared: &Prepared<T>) -> bool {
    let Checkpoint { progress, params, average, moments, state } = start;
    let (config, train, network) = (&prepared.config, &prepared.train, prepared.task.network());
    let all_rows = train.rows();
    let rows_fit = match train.carries_state() {
        true => progress.rows == all_rows,
        false => (1..=all_rows).contains(&progress.rows),
    };
    let state_fits = || {
        let sizes = |state: &State<f32>| (state.h.len(), state.c.len());
        let zero = network.zero_state::<Reference<f32>>(progress.rows);
        state.iter().map(sizes).eq(zero.iter().map(sizes))
    };
    params.len() == network.layout().len()
        && average.as_ref().map(Vec::len) == (config.average > 0).then_some(params.len())
        && moments.len() == config.rule().moments()
        && moments.iter().all(|moment| moment.len() == params.len())
        && (progress.step == 0 || (rows_fit && state_fits()))
        && progress.batch <= train.batches_per_epoch()
        && (0.0..1e12).contains(&progress.elapsed_s)
}
