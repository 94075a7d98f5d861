//! Everything that can go wrong, as values that a caller can match on: which setting or which input, what is wrong with
//! it, the offending value, and what is allowed.
//!
//! The library knows settings by their names (the fields of its settings structs), never by the flags of a program. In a
//! message a setting stands between backticks, `` `batch_size` ``, alone or with a value, `` `batch_size = 32` ``, so that a
//! program can put its own spelling there.

mod input;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(feature = "formats")]
pub(crate) use input::excerpt;
pub use input::{InputProblem, Place};

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can act on. Every message names what is at fault and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of range, is not used, or contradicts another.
    #[error("`{setting}` {problem}")]
    Setting {
        /// Its name: a field of a settings struct.
        setting: &'static str,
        /// What is wrong with it.
        problem: SettingProblem,
    },
    /// An input cannot be used: a data file, a value in memory, a prompt.
    #[error("{place}: {problem}")]
    Input {
        /// Where.
        place: Place,
        /// What is wrong there.
        problem: InputProblem,
    },
    /// A model or checkpoint is damaged, of another kind, or of another version.
    #[error("{name}: {problem}")]
    Model {
        /// The file, or what the bytes are called.
        name: String,
        /// What is wrong with it.
        problem: ModelProblem,
    },
    /// The directory of a run cannot be used.
    #[error("{}: {problem}", path.display())]
    Run {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: RunProblem,
    },
    /// Training produced values that are not finite, or a loss far above that of guessing.
    #[error("{0}")]
    Divergence(Box<Divergence>),
    /// The operating system refused a file operation.
    #[error("cannot {action} {}: {}", path.display(), describe(source))]
    Io {
        /// The verb, as in "cannot read x.txt".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The instruction set that was asked for does not exist, or this machine lacks it.
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
        /// As given.
        value: String,
        /// The range, in words: `a number from 1 to 1024`.
        allowed: String,
    },
    /// It has no effect on this task, these data, or beside these other settings.
    #[error("is not used {context}: leave it out")]
    Unused {
        /// Where it is not used: ``without `cell = rnn` ``, `by the classify task`.
        context: String,
    },
    /// It cannot be given together with another setting.
    #[error("conflicts with `{other}`: {reason}")]
    Conflict {
        /// The name of the other one.
        other: &'static str,
        /// Why, and the remedy.
        reason: String,
    },
    /// It must be given.
    #[error("is missing: {reason}")]
    Missing {
        /// What it is needed for.
        reason: String,
    },
    /// It cannot change when a run is resumed.
    #[error("cannot change when a run is resumed; only {} can", list(may_change))]
    Fixed {
        /// The settings that can.
        may_change: Vec<&'static str>,
    },
    /// It asks for a model that this machine could not hold.
    #[error(
        "makes a model of {} million parameters, which needs about {} GB of memory, more than there is: lower it or `num_layers`",
        parameters / 1_000_000,
        bytes.div_ceil(1_000_000_000)
    )]
    OutOfMemory {
        /// Of the model.
        parameters: u64,
        /// For all of its copies: parameters, gradients, moments.
        bytes: u64,
    },
    /// What it names does not fit what it is used with.
    #[error("{found}, but {expected}")]
    Mismatch {
        /// What it is: `is a model of LSTM, 2 layers of 128`.
        found: String,
        /// What was needed, and the remedy.
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
        /// What shows it.
        what: String,
    },
    /// It is something else.
    #[error("{what}")]
    NotAModel {
        /// What it is, and the remedy.
        what: String,
    },
    /// A model of another task.
    #[error("holds a {found} model where a {expected} model is expected")]
    WrongTask {
        /// The name of its task.
        found: String,
        /// The name of the task that was asked for.
        expected: &'static str,
    },
    /// It was written by another version.
    #[error("{what}")]
    Version {
        /// Which one, as far as is known.
        what: String,
    },
    /// It describes a model that cannot be: sizes, vocabularies or tensors contradict each other.
    #[error("{what}")]
    Inconsistent {
        /// What does.
        what: String,
    },
    /// Parameters are not finite.
    #[error("has values in {parameter} that are not finite: its training diverged")]
    NotFinite {
        /// The name of the first such tensor.
        parameter: String,
    },
    /// It reads sequences from both ends, and cannot go on step by step.
    #[error(
        "is bidirectional and needs whole sequences: train one with `bidirectional = false` to go step by step"
    )]
    NotCausal,
    /// It was built without what this model needs.
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
    /// It exists, and nothing is ever overwritten.
    #[error("exists already and is never overwritten: choose another `out`, remove it, or resume it")]
    Exists,
    /// There is no run.
    #[error("{what}: `resume` takes the directory of an earlier run")]
    NotARun {
        /// What is there.
        what: &'static str,
    },
    /// Another process works on it.
    #[error("another process is working on this run: wait for it or stop it")]
    Locked,
    /// Its files contradict each other.
    #[error("{what}")]
    Inconsistent {
        /// Which, and the remedy.
        what: String,
    },
    /// The data have changed since it began.
    #[error("{data} has changed since this run began: restore it, or start a new run")]
    DataChanged {
        /// What the run learned from.
        data: String,
    },
}

/// Training that diverged.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The update, from 1.
    pub step: u64,
    /// What was not finite, or how far the loss had risen.
    pub what: String,
    /// In force then.
    pub learning_rate: f64,
    /// In force then; 0 for none.
    pub grad_clip: f64,
    /// The directory with the last good checkpoint, if the run has one.
    pub kept: Option<PathBuf>,
    /// Whether a best model is there, too.
    pub has_model: bool,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, what, learning_rate, grad_clip, kept, has_model } = self;
        write!(
            f,
            "training diverged at step {step}: {what}. Lower `learning_rate` (now {learning_rate:?}) or "
        )?;
        match grad_clip {
            0.0 => write!(f, "set `grad_clip = 1`.")?,
            clip => write!(f, "`grad_clip` (now {clip:?}).")?,
        }
        if let Some(kept) = kept {
            write!(f, " The last good checkpoint is kept in {}", kept.display())?;
            if *has_model {
                write!(f, "; `init_from = {}` goes on from its best model", kept.display())?;
            }
            write!(f, ".")?;
        }
        Ok(())
    }
}

impl Error {
    /// Turns an [`io::Error`] into one that names the file and what was being done to it.
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

    /// A setting that does not fit what it is used with.
    pub(crate) fn mismatch(
        setting: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        let problem = SettingProblem::Mismatch { found: found.into(), expected: expected.into() };
        Error::Setting { setting, problem }
    }

    /// Too little data to train on or to read.
    pub(crate) fn too_little(
        place: impl Into<Place>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        Error::input(place, InputProblem::too_little(found, expected))
    }

    /// A text that is not what it was when it was opened.
    pub(crate) fn changed(place: Place) -> Error {
        let message =
            "changed while it was being read: leave the file as it is during a run, and start again";
        Error::input(place, InputProblem::Changed { message: message.to_owned() })
    }

    /// Something that does not follow its format.
    pub(crate) fn malformed(
        place: impl Into<Place>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        Error::input(place, InputProblem::malformed(found, expected))
    }

    /// Data of another kind than is needed.
    pub(crate) fn wrong_kind(
        place: impl Into<Place>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        Error::input(place, InputProblem::wrong_kind(found, expected))
    }

    /// Something wrong at a place of an input.
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
                format!("fewer, for the system starts no more ({reason})"),
            ),
        }
    }
}

/// Refuses a size out of bounds.
pub(crate) fn within(setting: &'static str, value: usize, least: usize, most: usize) -> Result<()> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(Error::out_of_range(setting, value, format!("a number from {least} to {most}"))),
    }
}

/// Refuses a setting that is no share in `0..1`.
pub(crate) fn fraction(setting: &'static str, value: f32) -> Result<()> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => Err(Error::out_of_range(setting, value, "a share from 0 up to, not including, 1")),
    }
}

/// The system's words without its number, which helps nobody.
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// The names of settings.
fn list(settings: &[&str]) -> String {
    settings.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
