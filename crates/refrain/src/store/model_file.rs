//! The model file: weights under PyTorch's names, and everything needed to use them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::container::{self, Kind, Stored, Tensor};
use crate::model::{Architecture, LanguageModel};
use crate::params::Entry;
use crate::text::Vocabulary;
use crate::{Error, Result};

/// The file's name in a run's directory.
const NAME: &str = "model.safetensors";

/// A trained model: what it is, what it has learned, and how.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its layers.
    pub language: LanguageModel,
    /// Its parameters, in the order of [`LanguageModel::layout`].
    pub params: Vec<f32>,
    /// The symbols its ids stand for.
    pub vocabulary: Arc<Vocabulary>,
    /// How it was trained.
    pub history: History,
}

/// How a model was trained. Holds no clock time, so that equal runs give equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The text, in words.
    pub text: String,
    /// Symbols of the training part.
    pub train_symbols: u64,
    /// Updates up to these parameters.
    pub step: u64,
    /// Passes through the text, the last one begun, from 1.
    pub epoch: u64,
    /// Whether every line was a sequence of its own.
    pub lines: bool,
    /// Whether byte-order marks and CRLF were kept.
    pub raw: bool,
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
    /// Mean training loss since the validation before, nats per symbol.
    pub train_loss: f64,
    /// Validation loss, nats per symbol.
    pub valid_loss: f64,
}

/// The metadata.
#[derive(Serialize, Deserialize)]
struct Content {
    format: u32,
    task: String,
    architecture: Architecture,
    vocabulary: Vocabulary,
    history: History,
}

const FORMAT: u32 = 1;
const TASK: &str = "language";

impl Model {
    /// The model file that `path` names: itself, or the one in a run's directory.
    pub fn path_of(path: &Path) -> PathBuf {
        if path.is_dir() { path.join(NAME) } else { path.to_owned() }
    }

    /// Reads a model file, or the one in a run's directory.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::ModelFile`] if it is damaged in any way, of another kind, or of
    /// another version.
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        let directory = path.as_ref();
        let path = Model::path_of(directory);
        let wrong = |message: String| Error::ModelFile { path: path.clone(), message };
        if directory.is_dir() && !path.exists() {
            let message =
                format!("holds no {NAME}: the run has not finished its first validation, or it is no run");
            return Err(Error::ModelFile { path: directory.to_owned(), message });
        }
        let (content, stored): (Content, _) = container::read(&path, Kind::Model)?;
        if (content.format, content.task.as_str()) != (FORMAT, TASK) {
            return Err(wrong(format!(
                "holds a {} in format {}: this version reads a {TASK} model in format {FORMAT}",
                content.task, content.format
            )));
        }
        if content.architecture.vocab_size != content.vocabulary.len() {
            return Err(wrong(
                "contradicts itself: its vocabulary is not of the size its architecture says".to_owned(),
            ));
        }
        let language = LanguageModel::new(&content.architecture)
            .map_err(|error| wrong(format!("describes a model that cannot be: {error}")))?;
        let params = params_of(&language, &stored).map_err(wrong)?;
        Ok(Model { language, params, vocabulary: Arc::new(content.vocabulary), history: content.history })
    }

    /// Writes the model file, atomically.
    ///
    /// # Errors
    /// If the system refuses; an older file is then untouched.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let content = Content {
            format: FORMAT,
            task: TASK.to_owned(),
            architecture: self.language.architecture().clone(),
            vocabulary: (*self.vocabulary).clone(),
            history: self.history.clone(),
        };
        let tensors: Vec<Tensor> = self
            .language
            .layout()
            .entries()
            .iter()
            .map(|entry| Tensor {
                name: entry.name.clone(),
                shape: entry.shape.clone(),
                values: self.params[entry.range.clone()].to_vec(),
            })
            .collect();
        container::write(path.as_ref(), &content, &tensors)
    }
}

/// The arena from a file's tensors: exactly those of the layout, in its shapes.
fn params_of(language: &LanguageModel, stored: &Stored) -> Result<Vec<f32>, String> {
    let (entries, found) = (language.layout().entries(), stored.tensors().len());
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
    let mut params = Vec::with_capacity(language.layout().len());
    for (entry, tensor) in entries.iter().zip(tensors) {
        params.extend(stored.values(tensor));
        if !params[entry.range.clone()].iter().all(|x| x.is_finite()) {
            return Err(format!("has numbers in {} that are not finite: its training blew up", entry.name));
        }
    }
    Ok(params)
}
