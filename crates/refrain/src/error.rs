//! Everything that can go wrong, said once: what was wrong, where, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can act on. Every message names the thing at fault and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of range, or two settings contradict each other.
    #[error("{0}")]
    Config(String),
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
    /// A text, or a set of texts, cannot be used as it is.
    #[error("{}: {message}", path.display())]
    Text {
        /// The file at fault (or the name of an embedded text).
        path: PathBuf,
        /// What is wrong with it and what would help.
        message: String,
    },
    /// A data file cannot be understood, or contradicts itself.
    #[error("{}{}: {message}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Data {
        /// The file at fault.
        path: PathBuf,
        /// Where in it, from 1; none for what has no lines, or has no place.
        line: Option<u64>,
        /// What is wrong there and what would help.
        message: String,
    },
    /// A prompt contains characters that the model's vocabulary lacks.
    #[error("{0}")]
    Prompt(String),
    /// A model or checkpoint file is damaged, or not one of ours.
    #[error("{}: {message}", path.display())]
    ModelFile {
        /// The file at fault.
        path: PathBuf,
        /// What is wrong with it and what would help.
        message: String,
    },
    /// Training left the finite numbers.
    #[error("{0}")]
    Diverged(String),
}

impl Error {
    /// Turns an [`io::Error`] into one that names the file and what was being done to it.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        let path = path.as_ref().to_owned();
        move |source| Error::Io { action, path, source }
    }

    /// What is wrong in a line of a data file.
    pub(crate) fn data(path: &Path, line: impl Into<Option<u64>>, message: impl Into<String>) -> Error {
        Error::Data { path: path.to_owned(), line: line.into(), message: message.into() }
    }
}

impl From<refrain_kernels::IsaError> for Error {
    fn from(error: refrain_kernels::IsaError) -> Self {
        Error::Config(error.to_string())
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
