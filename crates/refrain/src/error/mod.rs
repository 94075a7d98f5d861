//! The errors of the library, as values that a caller can match on: setting or input, problem, offending value,
//! and the allowed ones.
//!
//! Settings are named as the fields of the settings structs, not as the flags of a program. In a message a setting
//! is in backticks, alone, `` `batch_size` ``, or with a value, `` `batch_size = 32` ``, so that a program can insert
//! its own spelling.

mod input;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(feature = "formats")]
pub(crate) use input::excerpt;
pub use input::{InputProblem, Place};

/// Result with the library's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Error of the library. Every message names the cause and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of range, is not used, or contradicts another.
    #[error("`{setting}` {problem}")]
    Setting {
        /// Its name: a field of a settings struct.
        setting: &'static str,
        /// The problem.
        problem: SettingProblem,
    },
    /// An input cannot be used: a data file, a value in memory, a prompt.
    #[error("{place}: {problem}")]
    Input {
        /// The place.
        place: Place,
        /// The problem.
        problem: InputProblem,
    },
    /// A model or checkpoint is damaged, of another kind, or of another version.
    #[error("{name}: {problem}")]
    Model {
        /// The file, or the name of the bytes.
        name: String,
        /// The problem.
        problem: ModelProblem,
    },
    /// The directory of a run cannot be used.
    #[error("{}: {problem}", path.display())]
    Run {
        /// The directory.
        path: PathBuf,
        /// The problem.
        problem: RunProblem,
    },
    /// Training produced non-finite values, or a loss far above that of a uniform prediction.
    #[error("{0}")]
    Divergence(Box<Divergence>),
    /// The operating system refused a file operation.
    #[error("cannot {action} {}: {}", path.display(), describe(source))]
    Io {
        /// The verb, as in "cannot read x.txt".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The requested instruction set does not exist, or this machine does not support it.
    #[error(transparent)]
    Isa(#[from] refrain_kernels::IsaError),
}

/// What is wrong with a setting. The message follows the setting's name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingProblem {
    /// Its value is outside its range.
    #[error("is {value}: give {allowed}")]
    OutOfRange {
        /// The given value.
        value: String,
        /// The range, in words: `a number from 1 to 1024`.
        allowed: String,
    },
    /// It has no effect on this task, with these data, or with other settings.
    #[error("is not used {context}: leave it out")]
    Unused {
        /// The context in which it is not used: ``without `cell = rnn` ``, `by the classify task`.
        context: String,
    },
    /// It cannot be combined with another setting.
    #[error("conflicts with `{other}`: {reason}")]
    Conflict {
        /// The name of the other setting.
        other: &'static str,
        /// The reason, and the remedy.
        reason: String,
    },
    /// It is required.
    #[error("is missing: {reason}")]
    Missing {
        /// The reason why it is required.
        reason: String,
    },
    /// It cannot change when a run is resumed.
    #[error("cannot change when a run is resumed; only {} can", quoted(may_change))]
    Fixed {
        /// The settings that can change.
        may_change: Vec<&'static str>,
    },
    /// Its model does not fit into the memory of this machine.
    #[error(
        "gives a model of {} million parameters, which needs about {} GB of memory, more than this machine has: lower it or `num_layers`",
        parameters / 1_000_000,
        bytes.div_ceil(1_000_000_000)
    )]
    OutOfMemory {
        /// Number of parameters.
        parameters: u64,
        /// For all copies of the parameters: values, gradients, moments.
        bytes: u64,
    },
    /// Its value does not match the data or model that it is used with.
    #[error("{found}, but {expected}")]
    Mismatch {
        /// The actual value: `is a model of LSTM, 2 layers of 128`.
        found: String,
        /// The expected value, and the remedy.
        expected: String,
    },
}

/// What is wrong with a model or a checkpoint. The message follows its name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelProblem {
    /// Bytes are missing or have changed.
    #[error("is damaged ({what}): the file was cut short or changed; use another copy, or train again")]
    Damaged {
        /// The evidence.
        what: String,
    },
    /// It is not a model or checkpoint.
    #[error("{what}")]
    NotAModel {
        /// The actual content, and the remedy.
        what: String,
    },
    /// It is a model of another task.
    #[error("holds a {found} model where a {expected} model is expected")]
    WrongTask {
        /// The name of its task.
        found: String,
        /// The name of the expected task.
        expected: &'static str,
    },
    /// It was written by another version.
    #[error("{what}")]
    Version {
        /// The version, if known.
        what: String,
    },
    /// It describes an invalid model: sizes, vocabularies or tensors contradict each other.
    #[error("{what}")]
    Inconsistent {
        /// The contradiction.
        what: String,
    },
    /// Parameters are not finite.
    #[error("has values in {parameter} that are not finite: its training diverged")]
    NotFinite {
        /// The name of the first such tensor.
        parameter: String,
    },
    /// It is bidirectional, so that it cannot run step by step.
    #[error(
        "is bidirectional and needs whole sequences: train a model with `bidirectional = false` to run step by step"
    )]
    NotCausal,
    /// The build lacks a feature that the model needs.
    #[error("needs {what}, which this build lacks")]
    Unsupported {
        /// The feature.
        what: &'static str,
    },
}

/// What is wrong with the directory of a run. The message follows its path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunProblem {
    /// It exists, and existing files are never overwritten.
    #[error("exists already and is never overwritten: choose another `out`, remove it, or resume it")]
    Exists,
    /// It does not contain a run.
    #[error("{what}: `resume` takes the directory of an earlier run")]
    NotARun {
        /// The actual content.
        what: &'static str,
    },
    /// Another process uses it.
    #[error("another process is working on this run: wait for it or stop it")]
    Locked,
    /// Its files contradict each other.
    #[error("{what}")]
    Inconsistent {
        /// The contradiction, and the remedy.
        what: String,
    },
    /// The data have changed since the start of the run.
    #[error("{data} has changed since this run began: restore it, or start a new run")]
    DataChanged {
        /// The data of the run.
        data: String,
    },
}

/// Training that diverged.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The update, from 1.
    pub step: u64,
    /// The non-finite value, or the rise of the loss.
    pub what: String,
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Gradient clipping norm of this update; 0 for none.
    pub grad_clip: f64,
    /// The directory with the last good checkpoint, if the run has one.
    pub kept: Option<PathBuf>,
    /// Whether the directory contains a best model.
    pub has_model: bool,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, what, learning_rate, grad_clip, kept, has_model } = self;
        write!(
            f,
            "training diverged at update {step}: {what}. Lower `learning_rate` (now {learning_rate:?}) or "
        )?;
        match grad_clip {
            0.0 => write!(f, "set `grad_clip = 1`.")?,
            clip => write!(f, "`grad_clip` (now {clip:?}).")?,
        }
        if let Some(kept) = kept {
            write!(f, " The last good checkpoint is in {}", kept.display())?;
            if *has_model {
                write!(f, "; `init_from = {}` continues from its best model", kept.display())?;
            }
            write!(f, ".")?;
        }
        Ok(())
    }
}

impl Error {
    /// Converts an [`io::Error`] to one with the action and the path.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        let path = path.as_ref().to_owned();
        move |source| Error::Io { action, path, source }
    }

    /// A setting outside its range, in words: `a number from 1 to 1024`.
    pub(crate) fn out_of_range(
        setting: &'static str,
        value: impl fmt::Display,
        allowed: impl Into<String>,
    ) -> Error {
        let problem = SettingProblem::OutOfRange { value: value.to_string(), allowed: allowed.into() };
        Error::Setting { setting, problem }
    }

    /// A setting that has no effect in this context.
    pub(crate) fn unused(setting: &'static str, context: impl Into<String>) -> Error {
        Error::Setting { setting, problem: SettingProblem::Unused { context: context.into() } }
    }

    /// A setting that does not match the data or model that it is used with.
    pub(crate) fn mismatch(
        setting: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        let problem = SettingProblem::Mismatch { found: found.into(), expected: expected.into() };
        Error::Setting { setting, problem }
    }

    /// Not enough data to train on or to read.
    pub(crate) fn too_little(
        place: impl Into<Place>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        Error::input(place, InputProblem::too_little(found, expected))
    }

    /// A text that has changed since it was opened.
    pub(crate) fn changed(place: Place) -> Error {
        let message = "changed while it was being read: do not modify the file during a run, and start again";
        Error::input(place, InputProblem::Changed { message: message.to_owned() })
    }

    /// An input that violates its format.
    pub(crate) fn malformed(
        place: impl Into<Place>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        Error::input(place, InputProblem::malformed(found, expected))
    }

    /// Data of another kind than needed.
    pub(crate) fn wrong_kind(
        place: impl Into<Place>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        Error::input(place, InputProblem::wrong_kind(found, expected))
    }

    /// A problem at a place of an input.
    pub(crate) fn input(place: impl Into<Place>, problem: InputProblem) -> Error {
        Error::Input { place: place.into(), problem }
    }
}

impl From<refrain_kernels::CpuError> for Error {
    fn from(error: refrain_kernels::CpuError) -> Self {
        use refrain_kernels::CpuError;
        match error {
            CpuError::Isa(error) => error.into(),
            CpuError::Threads { threads, reason } => Error::out_of_range(
                "threads",
                threads,
                format!("fewer, because the system cannot start more ({reason})"),
            ),
        }
    }
}

/// Refuses a number outside `min..=max`.
pub(crate) fn within(setting: &'static str, value: usize, min: usize, max: usize) -> Result<()> {
    match (min..=max).contains(&value) {
        true => Ok(()),
        false => Err(Error::out_of_range(setting, value, format!("a number from {min} to {max}"))),
    }
}

/// Refuses a number outside `0..1`.
pub(crate) fn fraction(setting: &'static str, value: f32) -> Result<()> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => Err(Error::out_of_range(setting, value, "a number from 0 up to, but not including, 1")),
    }
}

/// The system's message without its error number.
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// The names of settings, in backticks.
fn quoted(settings: &[&str]) -> String {
    settings.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
