//! What a run needs of a task: its data as values, how they become batches, and what can be shown of the model so far.

#[cfg(all(feature = "files", feature = "formats"))]
use std::path::Path;

use refrain_kernels::Backend;

use super::{Config, Settings};
use crate::data::DataLoader;
use crate::inspect::Probe;
use crate::model::{Network, Task, Weights};
#[cfg(all(feature = "files", feature = "formats"))]
use crate::store::Model;
use crate::text::Source;
use crate::{Note, Result};

/// A task that can be trained.
pub trait TrainableTask: Task {
    /// Its examples as values, wherever they came from.
    type Dataset: TaskData<Task = Self>;
    /// Its batches.
    type Loader: DataLoader<Batch = <Self::Network as Network>::Batch>;

    /// Settles every value, makes vocabularies and scales, and turns the data into batches. What depends on the device (its
    /// speed under a time limit, its precision) is taken from `backend`.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for settings that cannot be, [`crate::Error::Input`] for data that cannot be learned from.
    fn prepare<B: Backend>(
        settings: &Settings,
        data: Data<Self::Dataset>,
        backend: &B,
    ) -> Result<Prepared<Self>>;

    /// Whether another model has the same vocabularies, labels and columns, so that training can go on from its parameters.
    /// (That its layers are the same is checked by [`super::Run`].)
    ///
    /// # Errors
    /// [`crate::Error::Setting`] with the difference.
    fn check_same(&self, other: &Self) -> Result<()>;

    /// What the model writes at this stage, if it writes.
    fn sample<B: Backend>(&self, _backend: &B, _weights: &Weights<B>, _seed: u64) -> Result<Option<String>> {
        Ok(None)
    }

    /// What the network does with the beginning of a text at this stage, if it reads texts.
    fn probe<B: Backend>(
        &self,
        _backend: &B,
        _weights: &Weights<B>,
        _text: &Source,
    ) -> Result<Option<Probe>> {
        Ok(None)
    }
}

/// Examples of a task, as values.
pub trait TaskData: Sized + Send {
    /// The task that learns from them.
    type Task: TrainableTask<Dataset = Self>;
}

/// What a run learns from, and what it is validated on.
#[derive(Clone, Debug)]
pub struct Data<D> {
    /// The training set, from which the validation set is held out if there is no other.
    pub train: D,
    /// The validation set; `None` to hold out the share `valid_fraction` of the training set.
    pub valid: Option<D>,
}

impl<D> From<D> for Data<D> {
    fn from(train: D) -> Self {
        Self { train, valid: None }
    }
}

/// A task whose data and models can be read from the files that the settings name.
#[cfg(all(feature = "files", feature = "formats"))]
pub trait ReadData: TrainableTask {
    /// Reads `data` and, where it is given, `valid`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] and [`crate::Error::Input`] for files that cannot be read or understood;
    /// [`crate::Error::Setting`] if none is named, or more than the task learns from.
    fn read_data(settings: &Settings) -> Result<Data<Self::Dataset>>;

    /// Reads the model to start from. (Each task does it for itself, so that the program has the code for it once.)
    ///
    /// # Errors
    /// As [`Model::load`].
    fn read_model(path: &Path) -> Result<Model<Self>>;
}

/// Everything that a run begins with.
pub struct Prepared<T: TrainableTask> {
    /// Every value in force.
    pub config: Config,
    /// Those of the task, which [`Config`] lacks.
    pub options: Settings,
    /// The model, without parameters.
    pub task: T,
    /// The training set.
    pub train: T::Loader,
    /// The validation set.
    pub valid: Option<T::Loader>,
    /// What both are.
    pub data: DataSummary,
}

impl<T: TrainableTask> Prepared<T> {
    /// Every value in force, as settings: what config.toml holds.
    pub fn in_force(&self) -> Settings {
        Settings::from(&self.config).or(self.options.clone())
    }
}

/// The data of a run, in words and numbers.
#[derive(Clone, Debug, Default)]
pub struct DataSummary {
    /// In words.
    pub name: String,
    /// Identifies them: a run that is resumed must find the same.
    pub digest: String,
    /// What they are counted in, as `characters` or `sentences`.
    pub unit: &'static str,
    /// What a batch's targets are, one of them, as `character` or `label`.
    pub target: &'static str,
    /// Size of the training set, in `unit`.
    pub train_size: u64,
    /// Size of the validation set, in `unit`.
    pub valid_size: u64,
    /// The classes, in words: symbols, labels.
    pub vocabulary: String,
    /// The shape of a batch, in words.
    pub batches: String,
    /// Loss of guessing, nats per target: far above it training has diverged.
    pub guessing: f64,
    /// What the user should know about how the data were read.
    pub notes: Vec<Note>,
    /// Seconds of the run's time that went into preparing.
    pub preparation_s: f64,
}
