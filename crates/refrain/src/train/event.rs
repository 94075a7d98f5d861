//! Events of a run, for listeners such as a terminal, JSON lines or a web page. The library itself prints nothing.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::Note;
use crate::inspect::Probe;

/// An event of a run. Losses are in nats per target (a character, a label).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// Before the first update.
    Start(Start),
    /// After an update.
    Step(Step),
    /// After a validation.
    Valid {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// Validation loss.
        loss: f64,
        /// The same in bits.
        bits: f64,
        /// Validation accuracy, for tasks that have one.
        #[serde(skip_serializing_if = "Option::is_none")]
        accuracy: Option<f64>,
        /// Mean training loss since the previous validation.
        train_loss: Option<f64>,
        /// Whether this model is the best so far and kept.
        best: bool,
    },
    /// A sample of the current model.
    Sample {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// The text, invalid UTF-8 replaced.
        text: String,
    },
    /// The activations of the current model on the text that was given to [`Run::probing`](super::Run::probing).
    Probe {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// The activations.
        #[serde(flatten)]
        probe: Arc<Probe>,
    },
    /// A checkpoint was saved.
    Checkpoint {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// The file.
        path: PathBuf,
    },
    /// A warning to the user.
    Warning {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// The warning; in JSON a sentence named `message`.
        #[serde(rename = "message", serialize_with = "as_sentence")]
        note: Note,
    },
    /// The end of the run.
    Done(Done),
}

/// Content of [`Event::Start`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Start {
    /// Updates already done, in a resumed run.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// The task.
    pub task: &'static str,
    /// Description of the model.
    pub model: String,
    /// Number of parameters.
    pub parameters: usize,
    /// Description of the vocabulary or classes.
    pub vocabulary: String,
    /// Description of the data.
    pub data: String,
    /// Size of the training set, in `unit`.
    pub train_size: u64,
    /// Size of the validation set, in `unit`.
    pub valid_size: u64,
    /// Updates of the whole run, if no time limit ends it.
    pub total_steps: Option<u64>,
    /// Epochs of the whole run, if neither steps nor time end it first.
    pub epochs: Option<u64>,
    /// Description of a batch.
    pub batches: String,
    /// Shards per batch.
    pub shards: usize,
    /// Unit of sizes: `characters`, `sentences`.
    pub unit: &'static str,
    /// Unit of losses, in the singular: `character`, `label`.
    pub target: &'static str,
    /// The run's directory.
    pub out: Option<PathBuf>,
}

/// Content of [`Event::Step`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Updates done, including this one.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// Loss of the batch before the update.
    pub loss: f64,
    /// The same in bits.
    pub bits: f64,
    /// Global norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Training targets per second over the last two seconds.
    pub targets_per_s: f64,
    /// Progress of the run, 0..=1.
    pub progress: f64,
    /// Seconds of training, including time before a resume.
    pub elapsed_s: f64,
}

/// Content of [`Event::Done`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Done {
    /// Updates done.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// The loss of the kept model: its validation loss, or without a validation set, that of the last batch.
    pub loss: f64,
    /// The validation loss of the best model.
    pub valid_loss: Option<f64>,
    /// Its validation accuracy, for tasks that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
    /// Update of the best model.
    pub best_step: u64,
    /// Why the run ended.
    pub reason: Reason,
    /// Seconds of training, including time before a resume.
    pub elapsed_s: f64,
    /// The model file.
    pub model: Option<PathBuf>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// All epochs are done.
    Epochs,
    /// All updates are done.
    Steps,
    /// The time limit is reached.
    Time,
    /// Early stopping: no improvement in `patience` validations.
    Patience,
    /// The listener stopped the run, which can be resumed.
    Interrupted,
}

fn as_sentence<S: serde::Serializer>(note: &Note, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(note)
}
