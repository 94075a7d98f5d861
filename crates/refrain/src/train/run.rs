//! A training run: prepared from settings and data, or from a checkpoint, then trained.

#[cfg(feature = "files")]
use std::path::Path;
use std::path::PathBuf;

use refrain_kernels::{Backend, Reference, State};

#[cfg(feature = "files")]
use super::run_dir::RunDir;
use super::trainable_task::{Data, Prepared, TaskData, TrainableTask};
use super::training::{Listener, Outcome, Plan, Training};
use super::{Config, Settings};
use crate::data::DataLoader;
use crate::error::{Error, Result, RunProblem, SettingProblem};
use crate::model::{Network, check_memory};
use crate::store::{Checkpoint, Model, Progress};
use crate::text::Source;

/// A run that is ready to start or to be resumed.
pub struct Run<T: TrainableTask, B: Backend> {
    plan: Plan<T, B>,
}

impl Settings {
    /// Trains a model on a data set in memory, holding out `valid_fraction` of it if there is no validation set.
    /// `listen` receives every [`super::Event`] and may end the run early.
    ///
    /// # Errors
    /// As [`Run::new`] and [`Run::train`].
    pub fn fit<D: TaskData, B: Backend>(
        self,
        backend: &B,
        train: D,
        valid: Option<D>,
        listen: impl FnMut(&super::Event) -> std::ops::ControlFlow<()>,
    ) -> Result<Model<D::Task>> {
        Ok(Run::new(self, Data { train, valid }, backend)?.train(listen)?.model)
    }
}

impl<T: TrainableTask, B: Backend> Run<T, B> {
    /// Prepares a new run on data in memory. If `out` is set, the run has a directory.
    ///
    /// # Errors
    /// For invalid settings, too little or inconsistent data, a directory that exists.
    pub fn new(settings: Settings, data: impl Into<Data<T::Dataset>>, backend: &B) -> Result<Self> {
        #[cfg(feature = "files")]
        if let Some(out) = &settings.out {
            RunDir::check_free(out)?;
        }
        settings.check(T::NAME)?;
        let prepared = T::prepare(&settings, data.into(), backend)?;
        refuse_unused(&settings, &prepared)?;
        let (config, network) = (&prepared.config, prepared.task.network());
        check_memory(network, copies(config))?;
        let params = network.layout().init(config.seed);
        let start = fresh_checkpoint(&prepared, params);
        let backend = backend.for_hidden_size(config.hidden_size);
        let plan = Plan {
            backend,
            #[cfg(feature = "files")]
            out: config.out.clone(),
            prepared,
            start,
            resumed: false,
            probe: None,
        };
        Ok(Run { plan })
    }

    /// The same, starting from the parameters of a model instead of random ones (fine-tuning).
    ///
    /// # Errors
    /// [`Error::Setting`] if that model has other layers, vocabularies or labels.
    pub fn starting_from(mut self, model: Model<T>) -> Result<Self> {
        let Prepared { task, .. } = &self.plan.prepared;
        task.check_same(&model.task)?;
        check_same_layers(task.network(), model.task.network())?;
        self.plan.start = fresh_checkpoint(&self.plan.prepared, model.params);
        Ok(self)
    }

    /// Prepares a new run: data, validation set and initial model are read from the files that the settings name.
    ///
    /// # Errors
    /// As [`Run::new`], and for files that cannot be read or parsed.
    #[cfg(all(feature = "files", feature = "formats"))]
    pub fn from_files(settings: Settings, backend: &B) -> Result<Self>
    where
        T: super::ReadData,
    {
        if let Some(out) = &settings.out {
            RunDir::check_free(out)?;
        }
        settings.check(T::NAME)?;
        let initial = settings.init_from.as_deref().map(T::read_model).transpose()?;
        let data = T::read_data(&settings)?;
        let run = Self::new(settings, data, backend)?;
        match initial {
            Some(model) => run.starting_from(model),
            None => Ok(run),
        }
    }

    /// Resumes the run in `directory`; its data are read from the same files. Only settings that are
    /// [`resumable`](crate::option::OptionDef::resumable) may change.
    ///
    /// # Errors
    /// If there is no run, its files are damaged, its data have changed, or another setting is given.
    #[cfg(all(feature = "files", feature = "formats"))]
    pub fn resume(directory: impl AsRef<Path>, changes: Settings, backend: &B) -> Result<Self>
    where
        T: super::ReadData,
    {
        let (path, (stored, start)) = (directory.as_ref(), RunDir::read(directory.as_ref())?);
        let settings = resumed_settings(changes, stored)?;
        let data = T::read_data(&settings)?;
        Self::go_on(Settings { out: Some(path.to_owned()), ..settings }, data, start, backend)
    }

    /// Resumes the run in `directory` on data in memory, which must equal those of its start.
    ///
    /// # Errors
    /// As [`Run::resume`].
    #[cfg(feature = "files")]
    pub fn resume_with(
        directory: impl AsRef<Path>,
        changes: Settings,
        data: impl Into<Data<T::Dataset>>,
        backend: &B,
    ) -> Result<Self> {
        let (path, (stored, start)) = (directory.as_ref(), RunDir::read(directory.as_ref())?);
        let settings = resumed_settings(changes, stored)?;
        Self::go_on(Settings { out: Some(path.to_owned()), ..settings }, data.into(), start, backend)
    }

    /// Resumes from a checkpoint in memory (see [`Training::to_bytes`]), with the settings and data of the start of the run.
    ///
    /// # Errors
    /// If the bytes are damaged, or do not belong to these settings and data.
    pub fn from_bytes(
        checkpoint: &[u8],
        settings: Settings,
        data: impl Into<Data<T::Dataset>>,
        backend: &B,
    ) -> Result<Self> {
        Self::go_on(settings, data.into(), Checkpoint::from_bytes(checkpoint)?, backend)
    }

    fn go_on(settings: Settings, data: Data<T::Dataset>, start: Checkpoint, backend: &B) -> Result<Self> {
        settings.check(T::NAME)?;
        let out = settings.out.clone();
        let path = || out.clone().unwrap_or_else(|| PathBuf::from("the checkpoint"));
        let prepared = T::prepare(&Settings { init_from: None, ..settings }, data, backend)?;
        if prepared.data.digest != start.progress.data {
            let problem = RunProblem::DataChanged { data: prepared.data.name };
            return Err(Error::Run { path: path(), problem });
        }
        check_memory(prepared.task.network(), copies(&prepared.config))?;
        if !fits(&start, &prepared) {
            let what = "its checkpoint does not fit its settings: put the config.toml back as the run wrote it, or start a new run";
            return Err(Error::Run {
                path: path(),
                problem: RunProblem::Inconsistent { what: what.to_owned() },
            });
        }
        let backend = backend.for_hidden_size(prepared.config.hidden_size);
        let plan = Plan {
            backend,
            #[cfg(feature = "files")]
            out,
            prepared,
            start,
            resumed: true,
            probe: None,
        };
        Ok(Run { plan })
    }

    /// The effective settings that all tasks have.
    pub fn config(&self) -> &Config {
        &self.plan.prepared.config
    }

    /// The backend, with its precision resolved.
    pub fn backend(&self) -> &B {
        &self.plan.backend
    }

    /// Records activations for the beginning of this text before the first update and after every validation, as
    /// [`super::Event::Probe`]. Does not affect the result.
    #[must_use]
    pub fn probing(mut self, text: Source) -> Self {
        self.plan.probe = Some(text);
        self
    }

    /// Trains to the end, or until `listen` breaks.
    ///
    /// # Errors
    /// If the data change or a file cannot be written ([`Error::Io`], [`Error::Input`]), or if training diverges
    /// ([`Error::Divergence`]). The last checkpoint remains in the directory.
    pub fn train(
        self,
        mut listen: impl FnMut(&super::Event) -> std::ops::ControlFlow<()>,
    ) -> Result<Outcome<T>> {
        let listen: &mut Listener<'_> = &mut listen;
        let mut training = self.start(listen)?;
        while training.step(listen)?.is_none() {}
        training.finish(listen)
    }

    /// Starts training step by step; [`Training::step`] makes one update.
    ///
    /// # Errors
    /// If the run directory cannot be created.
    pub fn start(self, listen: &mut Listener<'_>) -> Result<Training<T, B>> {
        let mut training = Training::new(self.plan)?;
        training.begin(listen)?;
        Ok(training)
    }
}

/// The settings of a resumed run: the stored ones, with the changes that are allowed.
#[cfg(feature = "files")]
fn resumed_settings(changes: Settings, stored: Settings) -> Result<Settings> {
    let resumable: Vec<&str> =
        Settings::DEFINITIONS.iter().filter(|option| option.resumable).map(|option| option.name).collect();
    match changes.changes(&stored).into_iter().find(|name| !resumable.contains(name)) {
        Some(setting) => {
            Err(Error::Setting { setting, problem: SettingProblem::Fixed { may_change: resumable } })
        }
        None => Ok(changes.or(stored)),
    }
}

/// Before the first update.
fn fresh_checkpoint<T: TrainableTask>(prepared: &Prepared<T>, params: Vec<f32>) -> Checkpoint {
    let (config, data) = (&prepared.config, &prepared.data);
    let progress =
        Progress { data: data.digest.clone(), elapsed_s: data.preparation_s, ..Progress::default() };
    let moments = vec![vec![0.0; params.len()]; config.rule().moments()];
    let average = (config.average > 0).then(|| params.clone());
    Checkpoint { progress, params, average, best: None, moments, state: vec![] }
}

/// Rejects settings that do not apply to these data: they are not among the effective settings.
fn refuse_unused<T: TrainableTask>(given: &Settings, prepared: &Prepared<T>) -> Result<()> {
    // Not values of a run: a preset is replaced by the settings that it stands for.
    let given = Settings { task: None, preset: None, out: None, ..given.clone() };
    let effective = prepared.effective_settings().changes(&Settings::default());
    let mut given = given.changes(&Settings::default()).into_iter();
    match given.find(|name| !effective.contains(name)) {
        None => Ok(()),
        Some(setting) => {
            let context = format!("here (`task = {}`, {})", T::NAME, prepared.data.name);
            Err(Error::Setting { setting, problem: SettingProblem::Unused { context } })
        }
    }
}

/// Refuses an initial model with other layers; dropout may differ.
fn check_same_layers<N: Network>(ours: &N, theirs: &N) -> Result<()> {
    // A cell's variant is in the summary alone.
    if (ours.layout(), ours.summary()) == (theirs.layout(), theirs.summary()) {
        return Ok(());
    }
    let problem = SettingProblem::Mismatch {
        found: format!("is a model of {}", theirs.summary()),
        expected: format!("this run is of {}: give it the same sizes", ours.summary()),
    };
    Err(Error::Setting { setting: "init_from", problem })
}

/// About how many copies of the parameters training holds: the parameters, packed for both passes, gradients per shard,
/// moments, the average and its packing, and the masked copy of weight dropout.
fn copies(config: &Config) -> usize {
    let average = if config.average > 0 { 2 } else { 0 };
    3 + config.shards + config.rule().moments() + average + usize::from(config.weight_drop > 0.0)
}

/// Whether a checkpoint fits this configuration: every array in it has the expected size.
fn fits<T: TrainableTask>(start: &Checkpoint, prepared: &Prepared<T>) -> bool {
    let Checkpoint { progress, params, average, best, moments, state } = start;
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
        && best.as_ref().is_none_or(|best| best.len() == params.len())
        && moments.len() == config.rule().moments()
        && moments.iter().all(|moment| moment.len() == params.len())
        && (progress.step == 0 || (rows_fit && state_fits()))
        && progress.batch <= train.batches_per_epoch()
        && (0.0..1e12).contains(&progress.elapsed_s)
}
