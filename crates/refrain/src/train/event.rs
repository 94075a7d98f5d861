//! What a run tells whoever listens. The library never prints: a terminal, a stream of JSON lines and a page in a
//! browser are listeners alike.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::Note;
use crate::inspect::Probe;

/// Something that happened in a run. Losses are in nats per target (a character, a label).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// Everything is ready; the first update comes next.
    Start(Start),
    /// An update was made.
    Step(Step),
    /// The validation part was measured.
    Valid {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// Loss on the validation part.
        loss: f64,
        /// The same in bits.
        bits: f64,
        /// Share of targets that were predicted rightly, where there is such a thing.
        #[serde(skip_serializing_if = "Option::is_none")]
        accuracy: Option<f64>,
        /// Mean training loss since the validation before.
        train_loss: Option<f64>,
        /// Whether this is the best so far, whose model is kept.
        best: bool,
    },
    /// Text the model writes at this stage.
    Sample {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// The text, invalid UTF-8 replaced.
        text: String,
    },
    /// What the network does with the settings' probe at this stage.
    Probe {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// Its activations, for who wants to see them.
        #[serde(flatten)]
        probe: Arc<Probe>,
    },
    /// The run can be resumed from here.
    Checkpoint {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// The file.
        path: PathBuf,
    },
    /// Something the user should know.
    Warning {
        /// Updates done.
        step: u64,
        /// Epoch, from 1.
        epoch: u64,
        /// What; in JSON a sentence under the name `message`.
        #[serde(rename = "message", serialize_with = "as_sentence")]
        note: Note,
    },
    /// The run is over.
    Done(Done),
}

/// See [`Event::Start`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Start {
    /// Updates already done, in a resumed run.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// The task.
    pub task: &'static str,
    /// The model, in words.
    pub model: String,
    /// Numbers that are learned.
    pub parameters: usize,
    /// What it can tell apart, in words.
    pub vocabulary: String,
    /// What is learned from, in words.
    pub data: String,
    /// How much of it is learned from, in `unit`.
    pub train_size: u64,
    /// How much of it is measured on, in `unit`.
    pub valid_size: u64,
    /// Updates of the whole run, if no time limit ends it.
    pub total_steps: Option<u64>,
    /// Epochs of the whole run, if neither steps nor time end it first.
    pub epochs: Option<u64>,
    /// The shape of a batch, in words.
    pub batches: String,
    /// Parts of a batch.
    pub shards: usize,
    /// What the data are counted in: `characters`, `sentences`.
    pub unit: &'static str,
    /// What one loss is of: `character`, `label`.
    pub target: &'static str,
    /// The run's directory.
    pub out: Option<PathBuf>,
}

/// See [`Event::Step`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Updates done, this one included.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// Loss of the batch before the update.
    pub loss: f64,
    /// The same in bits.
    pub bits: f64,
    /// Global norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Of this update.
    pub learning_rate: f64,
    /// Targets learned from per second, lately.
    pub targets_per_s: f64,
    /// Share of the run that lies behind, 0..=1.
    pub progress: f64,
    /// Seconds since the run began, stretches before a resume included.
    pub elapsed_s: f64,
}

/// See [`Event::Done`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Done {
    /// Updates done.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// The loss of the model that is kept: on the validation part, or where there is none, of the last batch.
    pub loss: f64,
    /// The loss of the best model on the validation part.
    pub valid_loss: Option<f64>,
    /// The accuracy that goes with it, where there is such a thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
    /// Update after which that was measured.
    pub best_step: u64,
    /// Why it ended.
    pub reason: Reason,
    /// Seconds, stretches before a resume included.
    pub elapsed_s: f64,
    /// The model.
    pub model: Option<PathBuf>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// All epochs are done.
    Epochs,
    /// All steps are done.
    Steps,
    /// The time is up.
    Time,
    /// The validation loss stopped falling.
    Patience,
    /// The listener asked for it; the run can be resumed.
    Interrupted,
}

fn as_sentence<S: serde::Serializer>(note: &Note, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(note)
}
