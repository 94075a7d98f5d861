//! The envelope of model and checkpoint files: a safetensors file whose metadata has one key, `refrain`, holding
//! `{"checksum": ..., "content": {...}}`. The checksum covers the content and every tensor's name, shape and bytes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::write_atomically;
use crate::{Error, Result};

/// The one key: several would be written in no fixed order, and equal models would differ in bytes.
const KEY: &str = "refrain";

/// A tensor of `f32` to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// The tensors of a file that was read. Their values stay where they are until they are asked for: most of the time
/// that a load takes goes into touching new memory.
pub(super) struct Stored {
    file: Vec<u8>,
    tensors: Vec<StoredTensor>,
}

/// See [`Stored`].
pub(super) struct StoredTensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// Where in the file.
    bytes: Range<usize>,
}

impl Stored {
    pub(super) fn tensors(&self) -> &[StoredTensor] {
        &self.tensors
    }

    pub(super) fn get(&self, name: &str) -> Option<&StoredTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    pub(super) fn values(&self, tensor: &StoredTensor) -> impl Iterator<Item = f32> {
        let bytes = self.file[tensor.bytes.clone()].chunks_exact(4);
        bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    checksum: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// Writes tensors and content, atomically.
pub(super) fn write(path: &Path, content: &impl Serialize, tensors: &[Tensor]) -> Result<()> {
    let content = serde_json::value::to_raw_value(content).map_err(|error| unwritable(path, &error))?;
    write_raw(path, &content, tensors)
}

fn unwritable(path: &Path, what: &dyn std::error::Error) -> Error {
    Error::ModelFile { path: path.to_owned(), message: format!("cannot be written: {what}") }
}

fn write_raw(path: &Path, content: &RawValue, tensors: &[Tensor]) -> Result<()> {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|t| t.values.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let parts = tensors.iter().zip(&bytes).map(|(t, bytes)| (t.name.as_str(), &t.shape[..], &bytes[..]));
    let envelope = Envelope { checksum: checksum(content.get(), parts), content };
    let envelope = serde_json::to_string(&envelope).map_err(|error| unwritable(path, &error))?;
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(t, bytes)| Ok((t.name.as_str(), TensorView::new(Dtype::F32, t.shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| unwritable(path, &error))?;
    let file = safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), envelope)])))
        .map_err(|error| unwritable(path, &error))?;
    write_atomically(path, &file)
}

/// The two kinds of file, told apart by what their content has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Model,
    Checkpoint,
}

#[derive(Deserialize)]
struct KindOf {
    checkpoint: Option<IgnoredAny>,
}

/// Reads what [`write`] wrote and proves that nothing of it has changed.
pub(super) fn read(path: &Path, wanted: Kind) -> Result<(String, Stored)> {
    let wrong = |message: String| Error::ModelFile { path: path.to_owned(), message };
    let file = read_file(path)?;
    let damaged = |what: &str| {
        wrong(format!(
            "is damaged ({what}): the file was cut short or changed; use another copy, or train again"
        ))
    };
    let (header, metadata) =
        SafeTensors::read_metadata(&file).map_err(|error| damaged(&error.to_string()))?;
    let tensors = SafeTensors::deserialize(&file).map_err(|error| damaged(&error.to_string()))?;
    let envelope = metadata.metadata().as_ref().and_then(|map| map.get(KEY)).ok_or_else(|| {
        wrong("is a safetensors file, but not one that refrain wrote: it has no refrain metadata".to_owned())
    })?;
    let envelope: Envelope<'_> =
        serde_json::from_str(envelope).map_err(|error| damaged(&error.to_string()))?;
    let mut views: Vec<(&str, TensorView<'_>)> = tensors.iter().collect();
    views.sort_by(|a, b| a.0.cmp(b.0));
    let parts = views.iter().map(|(name, view)| (*name, view.shape(), view.data()));
    if checksum(envelope.content.get(), parts) != envelope.checksum {
        return Err(damaged("its checksum does not match"));
    }
    let found = serde_json::from_str::<KindOf>(envelope.content.get()).ok().and_then(|kind| kind.checkpoint);
    match (wanted, found) {
        (Kind::Model, Some(_)) => {
            return Err(wrong("is a checkpoint, not a model: name the directory of the run".to_owned()));
        }
        (Kind::Checkpoint, None) => {
            return Err(wrong("is a model, not a checkpoint: --init-from goes on from a model".to_owned()));
        }
        _ => {}
    }
    let content = envelope.content.get().to_owned();
    let stored = |(name, view): (&str, TensorView<'_>)| {
        if view.dtype() != Dtype::F32 {
            return Err(wrong(format!("tensor {name} holds {:?}: this version reads F32", view.dtype())));
        }
        let (from, to) = metadata.info(name).map(|info| info.data_offsets).ok_or_else(|| damaged(name))?;
        let start = size_of::<u64>() + header;
        Ok(StoredTensor {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            bytes: start + from..start + to,
        })
    };
    let tensors = views.into_iter().map(stored).collect::<Result<_>>()?;
    Ok((content, Stored { file, tensors }))
}

/// What the content of a file says.
pub(super) fn parse<C: DeserializeOwned>(path: &Path, content: &str) -> Result<C> {
    serde_json::from_str(content).map_err(|error| Error::ModelFile {
        path: path.to_owned(),
        message: format!("was written by another version of refrain: {error}"),
    })
}

/// The whole file, if it begins as a safetensors file does: nothing large is read, or waited for, in vain.
fn read_file(path: &Path) -> Result<Vec<u8>> {
    let wrong = |message: &str| Error::ModelFile { path: path.to_owned(), message: message.to_owned() };
    // Before opening, because opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    if metadata.is_dir() {
        return Err(wrong("is a directory"));
    }
    if !metadata.is_file() {
        return Err(wrong("is not a regular file"));
    }
    if metadata.len() == 0 {
        return Err(wrong("is empty: it is no model file"));
    }
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = Vec::new();
    file.by_ref().take(9).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if !looks_like_safetensors(&bytes) {
        return Err(wrong("is not a model file: `refrain train` writes model.safetensors"));
    }
    file.read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

/// Eight bytes of header length, then a JSON object.
fn looks_like_safetensors(file: &[u8]) -> bool {
    file.get(8) == Some(&b'{')
}

/// SHA-256, in hexadecimal, of the content and then of each tensor in the order of names: name, shape and bytes,
/// each preceded by its length.
fn checksum<'a>(content: &str, tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(content.as_bytes());
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_by(|a, b| a.0.cmp(b.0));
    for (name, shape, bytes) in tensors {
        part(name.as_bytes());
        part(&shape.iter().flat_map(|&size| (size as u64).to_le_bytes()).collect::<Vec<u8>>());
        part(bytes);
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
