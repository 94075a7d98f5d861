//! What a run needs of a task: its data as batches, and how to show what it has learned so far.

use refrain_kernels::Backend;

use super::{Config, Settings};
use crate::Result;
use crate::data::DataLoader;
use crate::inspect::Probe;
use crate::model::{Network, Task, Weights};
use crate::text::Source;

/// A task that can be learned.
pub trait TrainableTask: Task {
    /// Its batches.
    type Loader: DataLoader<Batch = <Self::Network as Network>::Batch>;
    /// The values in force that only this task has; a flat table of them joins [`Config`] in config.toml.
    type Options: serde::Serialize;

    /// Opens what the settings name and settles every value.
    ///
    /// # Errors
    /// For settings that cannot be, data that cannot be read, understood, or learned from.
    fn prepare(settings: Settings) -> Result<Prepared<Self>>;

    /// Whether another model speaks of the same things, so that its parameters can be gone on from: the same vocabularies,
    /// labels, columns. (That its layers are the same is seen to by [`super::Run`].)
    ///
    /// # Errors
    /// [`crate::Error::Config`] with the difference.
    fn check_same(&self, other: &Self) -> Result<()>;

    /// What the model makes of things at this stage, if there is something to show.
    fn sample<B: Backend>(&self, _backend: &B, _weights: &Weights<B>, _seed: u64) -> Result<Option<String>> {
        Ok(None)
    }

    /// What the network does with the beginning of a text at this stage, where that can be looked at.
    fn probe<B: Backend>(
        &self,
        _backend: &B,
        _weights: &Weights<B>,
        _text: &Source,
    ) -> Result<Option<Probe>> {
        Ok(None)
    }
}

/// Everything that a run begins with.
pub struct Prepared<T: TrainableTask> {
    /// Every value in force.
    pub config: Config,
    /// And those of the task.
    pub options: T::Options,
    /// The model, without parameters.
    pub task: T,
    /// What is learned from.
    pub train: T::Loader,
    /// What is measured on.
    pub valid: Option<T::Loader>,
    /// What both are.
    pub data: DataSummary,
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
    /// Units that are learned from.
    pub train_size: u64,
    /// Units that are measured on.
    pub valid_size: u64,
    /// What can be told apart: symbols, labels.
    pub vocabulary: String,
    /// The shape of a batch, in words.
    pub batches: String,
    /// Loss of guessing, nats per target: far above it learning has gone wrong.
    pub guessing: f64,
    /// What the user should know about how the data were read.
    pub notes: Vec<String>,
    /// Seconds of the run's time that went into preparing.
    pub preparation_s: f64,
}
