//! The interface of tasks to runs: data, batches, samples and probes.

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
    /// Its examples as values.
    type Dataset: TaskData<Task = Self>;
    /// Its batches.
    type Loader: DataLoader<Batch = <Self::Network as Network>::Batch>;

    /// Resolves all settings, creates vocabularies and scales, and prepares batches. Values that depend on the device (speed
    /// under a time limit, precision) are taken from `backend`.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for invalid settings, [`crate::Error::Input`] for invalid data.
    fn prepare<B: Backend>(
        settings: &Settings,
        data: Data<Self::Dataset>,
        backend: &B,
    ) -> Result<Prepared<Self>>;

    /// Checks that another model has the same vocabularies, labels and columns, for training from its parameters. ([`super::Run`]
    /// checks its layers.)
    ///
    /// # Errors
    /// [`crate::Error::Setting`] with the difference.
    fn check_same(&self, other: &Self) -> Result<()>;

    /// A sample of the current model, if it generates text.
    fn sample<B: Backend>(&self, _backend: &B, _weights: &Weights<B>, _seed: u64) -> Result<Option<String>> {
        Ok(None)
    }

    /// The activations of the current model on the beginning of a text, if its inputs are texts.
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
    /// The task that is trained on them.
    type Task: TrainableTask<Dataset = Self>;
}

/// The training set and the validation set of a run.
#[derive(Clone, Debug)]
pub struct Data<D> {
    /// The training set; without `valid`, the validation set is held out from it.
    pub train: D,
    /// The validation set; `None` to hold out the share `valid_fraction` of the training set.
    pub valid: Option<D>,
}

impl<D> From<D> for Data<D> {
    fn from(train: D) -> Self {
        Self { train, valid: None }
    }
}

/// A task whose data and models can be read from files.
#[cfg(all(feature = "files", feature = "formats"))]
pub trait ReadData: TrainableTask {
    /// Reads `data` and, if given, `valid`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] and [`crate::Error::Input`] for files that cannot be read or are malformed;
    /// [`crate::Error::Setting`] if none is given, or more than the task is trained on.
    fn read_data(settings: &Settings) -> Result<Data<Self::Dataset>>;

    /// Reads the model to start from. (Implemented by each task, so that its code is compiled once.)
    ///
    /// # Errors
    /// As [`Model::load`].
    fn read_model(path: &Path) -> Result<Model<Self>>;
}

/// Everything that a run starts with.
pub struct Prepared<T: TrainableTask> {
    /// Resolved settings.
    pub config: Config,
    /// Resolved settings of the task that are not in [`Config`].
    pub options: Settings,
    /// The model, without parameters.
    pub task: T,
    /// The training set.
    pub train: T::Loader,
    /// The validation set.
    pub valid: Option<T::Loader>,
    /// Description of both sets.
    pub data: DataSummary,
}

impl<T: TrainableTask> Prepared<T> {
    /// All effective settings, as in config.toml.
    pub fn effective_settings(&self) -> Settings {
        Settings::from(&self.config).or(self.options.clone())
    }
}

/// Description of the data of a run.
#[derive(Clone, Debug, Default)]
pub struct DataSummary {
    /// Description of the data.
    pub name: String,
    /// Identifies the data: resuming needs the same.
    pub digest: String,
    /// Unit of sizes: `characters`, `sentences`.
    pub unit: &'static str,
    /// Unit of losses, in the singular: `character`, `label`.
    pub target: &'static str,
    /// Size of the training set, in `unit`.
    pub train_size: u64,
    /// Size of the validation set, in `unit`.
    pub valid_size: u64,
    /// Description of the vocabulary or classes.
    pub vocabulary: String,
    /// Description of a batch.
    pub batches: String,
    /// Loss of a uniform prediction, nats per target; training with a far larger loss has diverged.
    pub uniform_loss: f64,
    /// Notes to the user about how the data were read.
    pub notes: Vec<Note>,
    /// Seconds of preparation, which count towards the time limit.
    pub preparation_s: f64,
}
