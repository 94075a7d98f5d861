//! The model file: weights under PyTorch's names, and everything needed to use them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::container::{self, Kind, Stored, Tensor};
use crate::model::{Network, Task};
use crate::params::{Entry, Layout};
use crate::{Error, Result};

/// The file's name in a run's directory.
const NAME: &str = "model.safetensors";

/// A trained model: what it is, what it has learned, and how.
#[derive(Clone, Debug)]
pub struct Model<T> {
    /// Its layers, and what stands around them.
    pub task: T,
    /// Its parameters, in the order of [`Network::layout`].
    pub params: Vec<f32>,
    /// How it was trained.
    pub history: History,
}

/// How a model was trained. Holds no clock time, so that equal runs give equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// What it learned from, in words.
    pub data: String,
    /// How much of that was learned from and not held back, in its units (characters, sentences).
    pub train_size: u64,
    /// Updates up to these parameters.
    pub step: u64,
    /// Passes through the data, the last one begun, from 1.
    pub epoch: u64,
    /// Optimiser, learning rate, batch: for people.
    pub recipe: String,
    /// Instruction set, precision and shards: all that bits depend on beside the seed.
    pub computed_with: String,
    /// Version of refrain.
    pub version: String,
    /// Every validation so far.
    pub measured: Vec<Measured>,
}

/// A validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Updates done.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// Mean training loss since the validation before, nats per target.
    pub train_loss: f64,
    /// Validation loss, nats per target.
    pub valid_loss: f64,
    /// Share of validation targets that were predicted rightly, where there is such a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
}

/// The metadata.
#[derive(Serialize, Deserialize)]
struct Content<D> {
    format: u32,
    task: String,
    #[serde(flatten)]
    description: D,
    history: History,
}

/// As much of it as every version has.
#[derive(Deserialize)]
struct Head {
    format: u32,
    task: String,
}

const FORMAT: u32 = 2;

/// The model file that `path` names: itself, or the one in a run's directory.
pub(crate) fn model_path(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(NAME) } else { path.to_owned() }
}

/// The name of the task that a model is for.
///
/// # Errors
/// As [`Model::load`].
pub fn task_of(path: impl AsRef<Path>) -> Result<String> {
    let (path, content, _) = read(path.as_ref())?;
    Ok(head(&path, &content)?.task)
}

/// The file at `path` or in that directory: its path, its content, its tensors.
fn read(directory: &Path) -> Result<(PathBuf, String, Stored)> {
    let path = model_path(directory);
    if directory.is_dir() && !path.exists() {
        let message =
            format!("holds no {NAME}: the run has not finished its first validation, or it is no run");
        return Err(Error::ModelFile { path: directory.to_owned(), message });
    }
    let (content, stored) = container::read(&path, Kind::Model)?;
    Ok((path, content, stored))
}

fn head(path: &Path, content: &str) -> Result<Head> {
    let head: Head = container::parse(path, content)?;
    match head.format {
        FORMAT => Ok(head),
        other => Err(Error::ModelFile {
            path: path.to_owned(),
            message: format!("is in format {other}: this version reads format {FORMAT}"),
        }),
    }
}

impl<T: Task> Model<T> {
    /// Reads a model file, or the one in a run's directory.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::ModelFile`] if it is damaged in any way, of another kind, or of
    /// another version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_from(path.as_ref())
    }

    fn load_from(path: &Path) -> Result<Self> {
        let (path, content, stored) = read(path)?;
        let wrong = |message: String| Error::ModelFile { path: path.clone(), message };
        let found = head(&path, &content)?.task;
        if found != T::NAME {
            return Err(wrong(format!("holds a {found} model where a {} model is wanted", T::NAME)));
        }
        let content: Content<T::Description> = container::parse(&path, &content)?;
        let task = T::new(content.description)
            .map_err(|error| wrong(format!("describes a model that cannot be: {error}")))?;
        let params = params_of(task.network().layout(), &stored).map_err(wrong)?;
        Ok(Model { task, params, history: content.history })
    }

    /// Writes the model file, atomically.
    ///
    /// # Errors
    /// If the system refuses; an older file is then untouched.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let content = Content {
            format: FORMAT,
            task: T::NAME.to_owned(),
            description: self.task.description(),
            history: self.history.clone(),
        };
        let tensor = |entry: &Entry| Tensor {
            name: entry.name.clone(),
            shape: entry.shape.clone(),
            values: self.params[entry.range.clone()].to_vec(),
        };
        let tensors: Vec<Tensor> = self.task.network().layout().entries().iter().map(tensor).collect();
        container::write(path.as_ref(), &content, &tensors)
    }
}

/// The arena from a file's tensors: exactly those of the layout, in its shapes.
fn params_of(layout: &Layout, stored: &Stored) -> Result<Vec<f32>, String> {
    let (entries, found) = (layout.entries(), stored.tensors().len());
    if entries.len() != found {
        return Err(format!("has {found} tensors where its architecture has {}", entries.len()));
    }
    let tensor_of = |entry: &Entry| {
        let tensor = stored.get(&entry.name).ok_or_else(|| format!("lacks the tensor {}", entry.name))?;
        match tensor.shape == entry.shape {
            true => Ok(tensor),
            false => Err(format!("has {} in shape {:?}, not {:?}", entry.name, tensor.shape, entry.shape)),
        }
    };
    // Sizes are believed, and memory is asked for, once the file has them all.
    let tensors = entries.iter().map(tensor_of).collect::<Result<Vec<_>, _>>()?;
    let mut params = Vec::with_capacity(layout.len());
    for (entry, tensor) in entries.iter().zip(tensors) {
        params.extend(stored.values(tensor));
        if !params[entry.range.clone()].iter().all(|x| x.is_finite()) {
            return Err(format!("has numbers in {} that are not finite: its training blew up", entry.name));
        }
    }
    Ok(params)
}
