//! A model as bytes: weights under PyTorch's names, and everything needed to use them.

use serde::{Deserialize, Serialize};

use super::container::{self, Container, Kind, Tensor};
use super::wrong;
use crate::model::{Network, Task};
use crate::params::{Entry, Layout};
use crate::{Error, ModelProblem, Result};

/// A trained model.
#[derive(Clone, Debug)]
pub struct Model<T> {
    /// Its network, vocabularies and labels.
    pub task: T,
    /// Its parameters, in the order of [`Network::layout`].
    pub params: Vec<f32>,
    /// How it was trained.
    pub history: History,
}

/// How a model was trained. Contains no clock time, so that equal runs give equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Description of the data.
    pub data: String,
    /// Size of the training set in units of the data (characters, sentences).
    pub train_size: u64,
    /// Number of updates.
    pub step: u64,
    /// The last epoch that was started, from 1.
    pub epoch: u64,
    /// Optimiser, learning rate and batch size as text.
    pub recipe: String,
    /// Instruction set, precision and shards: with the random seed, they make the result bitwise reproducible.
    pub computed_with: String,
    /// Version of refrain.
    pub version: String,
    /// All validations so far.
    #[serde(rename = "measured")]
    pub validations: Vec<Validation>,
}

/// A validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Updates done.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// Mean training loss since the previous validation, nats per target.
    pub train_loss: f64,
    /// Validation loss, nats per target.
    pub valid_loss: f64,
    /// Validation accuracy, for tasks that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
}

/// The metadata.
#[derive(Serialize)]
struct Content<D> {
    format: u32,
    task: String,
    #[serde(flatten)]
    description: D,
    history: History,
}

#[derive(Deserialize)]
struct HistoryOnly {
    history: History,
}

/// The part of the metadata that all versions have.
#[derive(Deserialize)]
struct Head {
    format: u32,
    task: String,
}

const FORMAT: u32 = 2;

/// A model's bytes with parsed header; parameters are not read yet.
pub(crate) struct ModelBytes<'b> {
    container: Container<'b>,
    head: Head,
}

impl<'b> ModelBytes<'b> {
    /// Checks that the bytes are an undamaged model in this version's format.
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

    /// The model, if it has this task.
    pub(crate) fn model<T: Task>(&self, name: &str) -> Result<Model<T>> {
        self.read().map_err(wrong(name))
    }

    /// The parameters of a model with this layout, and its history.
    #[cfg(all(feature = "train", feature = "files"))]
    pub(crate) fn params(&self, layout: &Layout, name: &str) -> Result<(Vec<f32>, History)> {
        self.trained(layout).map_err(wrong(name))
    }

    fn trained(&self, layout: &Layout) -> Result<(Vec<f32>, History), ModelProblem> {
        let HistoryOnly { history } = self.container.content()?;
        Ok((params_of(layout, &self.container)?, history))
    }

    fn read<T: Task>(&self) -> Result<Model<T>, ModelProblem> {
        if self.head.task != T::NAME {
            return Err(ModelProblem::WrongTask { found: self.head.task.clone(), expected: T::NAME });
        }
        let description: T::Description = self.container.content()?;
        let task = T::new(description).map_err(|error| {
            let what = match error {
                Error::Model { problem, .. } => problem.to_string(),
                error => error.to_string(),
            };
            ModelProblem::Inconsistent { what: format!("describes an invalid model: {what}") }
        })?;
        let (params, history) = self.trained(task.network().layout())?;
        Ok(Model { task, params, history })
    }
}

const NAME: &str = "the model";

impl<T: Task> Model<T> {
    /// The inverse of [`Model::to_bytes`]; also reads the contents of a model file.
    ///
    /// # Errors
    /// [`crate::Error::Model`] if they are damaged, of another task, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        ModelBytes::open(bytes, NAME)?.model(NAME)
    }

    /// The contents of its file. Equal models have equal bytes.
    ///
    /// # Errors
    /// [`crate::Error::Model`] if the number of parameters does not match the layers.
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

/// The arena from a file's tensors, which must have the names and shapes of the layout.
fn params_of(layout: &Layout, stored: &Container<'_>) -> Result<Vec<f32>, ModelProblem> {
    let (entries, found) = (layout.entries(), stored.len());
    let inconsistent = |what: String| ModelProblem::Inconsistent { what };
    if entries.len() != found {
        let needed = entries.len();
        return Err(inconsistent(format!("has {found} tensors where its architecture has {needed}")));
    }
    let tensor_of = |entry: &Entry| {
        let Entry { name, shape, .. } = entry;
        let tensor = stored.get(name).ok_or_else(|| inconsistent(format!("has no tensor {name}")))?;
        match tensor.shape == *shape {
            true => Ok(tensor),
            false => Err(inconsistent(format!("has {name} in shape {:?}, not {shape:?}", tensor.shape))),
        }
    };
    // Memory is allocated after the sizes are checked against the file.
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
