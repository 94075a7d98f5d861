//! Models and checkpoints in files.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

#[cfg(feature = "train")]
use super::Checkpoint;
use super::container::{START, check_start, no_model};
use super::{Model, ModelBytes, write_atomically, wrong};
use crate::model::Task;
use crate::{Error, Result};

/// The model file's name in a run's directory.
const NAME: &str = "model.safetensors";

/// The model file at `path` or in the run directory `path`.
pub(crate) fn model_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(NAME) } else { path.to_owned() }
}

/// Calls `read` with the bytes and the name of the model file at `path` or in the run directory `path`.
pub(crate) fn read_model<M>(path: &Path, read: impl FnOnce(&ModelBytes<'_>, &str) -> Result<M>) -> Result<M> {
    let file = model_path(path);
    if path.is_dir() && !file.exists() {
        let what = format!(
            "contains no {NAME}: the run has not finished its first validation, or this is not a run directory"
        );
        return Err(wrong(path.display())(no_model(what)));
    }
    let (bytes, name) = (read_file(&file)?, file.display().to_string());
    read(&ModelBytes::open(&bytes, &name)?, &name)
}

impl<T: Task> Model<T> {
    /// Reads a model file, or the model file in a run directory.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Model`] if it is damaged, not a model of this task, or of
    /// another version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        read_model(path.as_ref(), |bytes, name| bytes.model(name))
    }

    /// Writes the model file, atomically.
    ///
    /// # Errors
    /// If the system reports one; an existing file is then unchanged.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), &self.to_bytes()?)
    }
}

#[cfg(feature = "train")]
impl Checkpoint {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        Self::read(&read_file(path)?).map_err(wrong(path.display()))
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, &self.to_bytes()?)
    }
}

/// The whole file, after a check of its type and its first bytes.
fn read_file(path: &Path) -> Result<Vec<u8>> {
    let refuse = |what: &str| wrong(path.display())(no_model(what));
    // Before opening, because opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    if metadata.is_dir() {
        return Err(refuse("is a directory"));
    }
    if !metadata.is_file() {
        return Err(refuse("is not a regular file"));
    }
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = Vec::new();
    file.by_ref().take(START).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    check_start(&bytes).map_err(wrong(path.display()))?;
    file.read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}
