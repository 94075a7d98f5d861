//! A model as bytes: weights under PyTorch's names, and everything needed to use them.

use serde::{Deserialize, Serialize};

use super::container::{self, Container, Kind, Tensor};
use super::wrong;
use crate::model::{Network, Task};
use crate::params::{Entry, Layout};
use crate::{Error, ModelProblem, Result};

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

/// The metadata, as they are written.
#[derive(Serialize)]
struct Content<D> {
    format: u32,
    task: String,
    #[serde(flatten)]
    description: D,
    history: History,
}

/// How it was trained.
#[derive(Deserialize)]
struct Trained {
    history: History,
}

/// As much of the metadata as every version has.
#[derive(Deserialize)]
struct Head {
    format: u32,
    task: String,
}

const FORMAT: u32 = 2;

/// A model's bytes, of which the task is known and no parameter has been read.
pub(crate) struct ModelBytes<'b> {
    container: Container<'b>,
    head: Head,
}

impl<'b> ModelBytes<'b> {
    /// Proves that the bytes are those of a model, unchanged, in this version's format.
    pub(crate) fn open(bytes: &'b [u8], name: &str) -> Result<Self> {
        let open = || {
            let container = Container::open(bytes, Kind::Model)?;
            let head: Head = container.content()?;
            match head.format {
                FORMAT => Ok(Self { container, head }),
                other => Err(ModelProblem::Version {
                    what: format!("is in format {other}: this version reads format {FORMAT}"),
                }),
            }
        };
        open().map_err(wrong(name))
    }

    /// The name of its task.
    pub(crate) fn task(&self) -> &str {
        &self.head.task
    }

    /// The model, if it is one of this task.
    pub(crate) fn model<T: Task>(&self, name: &str) -> Result<Model<T>> {
        self.read().map_err(wrong(name))
    }

    /// The parameters of a model with this layout, and how it was trained; what else the file says is not read.
    #[cfg(all(feature = "train", feature = "files"))]
    pub(crate) fn params(&self, layout: &Layout, name: &str) -> Result<(Vec<f32>, History)> {
        self.trained(layout).map_err(wrong(name))
    }

    fn trained(&self, layout: &Layout) -> Result<(Vec<f32>, History), ModelProblem> {
        let Trained { history } = self.container.content()?;
        Ok((params_of(layout, &self.container)?, history))
    }

    fn read<T: Task>(&self) -> Result<Model<T>, ModelProblem> {
        if self.head.task != T::NAME {
            return Err(ModelProblem::WrongTask { found: self.head.task.clone(), expected: T::NAME });
        }
        // What else the metadata have is passed over.
        let description: T::Description = self.container.content()?;
        let task = T::new(description).map_err(|error| {
            let what = match error {
                Error::Model { problem, .. } => problem.to_string(),
                error => error.to_string(),
            };
            ModelProblem::Inconsistent { what: format!("describes a model that cannot be: {what}") }
        })?;
        let (params, history) = self.trained(task.network().layout())?;
        Ok(Model { task, params, history })
    }
}

/// What bytes are called in messages.
const NAME: &str = "the model";

impl<T: Task> Model<T> {
    /// Reads what [`Model::to_bytes`] wrote, or a model file's bytes.
    ///
    /// # Errors
    /// [`crate::Error::Model`] if they are damaged in any way, of another task, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        ModelBytes::open(bytes, NAME)?.model(NAME)
    }

    /// The bytes of its file. Equal models have equal bytes.
    ///
    /// # Errors
    /// [`crate::Error::Model`] if its parameters are not as many as its layers have.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let content = Content {
            format: FORMAT,
            task: T::NAME.to_owned(),
            description: self.task.description(),
            history: self.history.clone(),
        };
        let layout = self.task.network().layout();
        if self.params.len() != layout.len() {
            let what = format!("has {} parameters where its layers have {}", self.params.len(), layout.len());
            return Err(wrong(NAME)(ModelProblem::Inconsistent { what }));
        }
        let tensor = |entry: &Entry| Tensor {
            name: entry.name.clone(),
            shape: entry.shape.clone(),
            values: &self.params[entry.range.clone()],
        };
        let tensors: Vec<Tensor<'_>> = layout.entries().iter().map(tensor).collect();
        container::to_bytes(&content, &tensors).map_err(wrong(NAME))
    }
}

/// The arena from a file's tensors: exactly those of the layout, in its shapes.
fn params_of(layout: &Layout, stored: &Container<'_>) -> Result<Vec<f32>, ModelProblem> {
    let (entries, found) = (layout.entries(), stored.len());
    let inconsistent = |what: String| ModelProblem::Inconsistent { what };
    if entries.len() != found {
        let needed = entries.len();
        return Err(inconsistent(format!("has {found} tensors where its architecture has {needed}")));
    }
    let tensor_of = |entry: &Entry| {
        let Entry { name, shape, .. } = entry;
        let tensor = stored.get(name).ok_or_else(|| inconsistent(format!("lacks the tensor {name}")))?;
        match tensor.shape == *shape {
            true => Ok(tensor),
            false => Err(inconsistent(format!("has {name} in shape {:?}, not {shape:?}", tensor.shape))),
        }
    };
    // Sizes are believed, and memory is asked for, once the file has them all.
    let tensors = entries.iter().map(tensor_of).collect::<Result<Vec<_>, _>>()?;
    let mut params = Vec::with_capacity(layout.len());
    for (entry, tensor) in entries.iter().zip(tensors) {
        params.extend(stored.values(tensor));
        if !params[entry.range.clone()].iter().all(|x| x.is_finite()) {
            return Err(ModelProblem::NotFinite { parameter: entry.name.clone() });
        }
    }
    Ok(params)
}
