//! The container of models and checkpoints: safetensors whose metadata has one key, `refrain`, with the value
//! `{"checksum": ..., "content": {...}}`. The checksum covers the content and every tensor's name, shape and bytes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::ModelProblem;

/// The only key: several would be written in random order, and equal models would differ in bytes.
const KEY: &str = "refrain";

/// A tensor of `f32` to write.
pub(super) struct Tensor<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) values: &'a [f32],
}

/// A container in memory. Tensors are decoded on demand, because allocating memory takes most of the loading time.
pub(super) struct Container<'b> {
    bytes: &'b [u8],
    content: String,
    /// Sorted by name.
    tensors: Vec<StoredTensor>,
}

pub(super) struct StoredTensor {
    name: String,
    pub(super) shape: Vec<usize>,
    /// Byte range in the file.
    range: Range<usize>,
}

/// The two kinds of file, distinguished by their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Model,
    Checkpoint,
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    checksum: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Deserialize)]
struct KindOf {
    checkpoint: Option<IgnoredAny>,
}

/// Tensors and content as bytes.
pub(super) fn to_bytes(content: &impl Serialize, tensors: &[Tensor<'_>]) -> Result<Vec<u8>, ModelProblem> {
    let unwritable = |error: &dyn std::error::Error| ModelProblem::Inconsistent {
        what: format!("cannot be written: {error}"),
    };
    let content = serde_json::value::to_raw_value(content).map_err(|error| unwritable(&error))?;
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|t| t.values.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let parts = tensors.iter().zip(&bytes).map(|(t, bytes)| (t.name.as_str(), &t.shape[..], &bytes[..]));
    let envelope = Envelope { checksum: checksum(content.get(), parts), content: &content };
    let envelope = serde_json::to_string(&envelope).map_err(|error| unwritable(&error))?;
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(t, bytes)| Ok((t.name.as_str(), TensorView::new(Dtype::F32, t.shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| unwritable(&error))?;
    safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), envelope)])))
        .map_err(|error| unwritable(&error))
}

impl<'b> Container<'b> {
    /// The inverse of [`to_bytes`]; verifies the checksum.
    pub(super) fn open(bytes: &'b [u8], expected: Kind) -> Result<Self, ModelProblem> {
        check_start(bytes)?;
        let (header, metadata) =
            SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
        let envelope = metadata.metadata().as_ref().and_then(|map| map.get(KEY)).ok_or_else(|| {
            no_model("is a safetensors file, but not one that refrain wrote: it has no refrain metadata")
        })?;
        let envelope: Envelope<'_> =
            serde_json::from_str(envelope).map_err(|error| damaged(error.to_string()))?;
        let mut views: Vec<(&str, TensorView<'_>)> = tensors.iter().collect();
        views.sort_by(|a, b| a.0.cmp(b.0));
        let parts = views.iter().map(|(name, view)| (*name, view.shape(), view.data()));
        if checksum(envelope.content.get(), parts) != envelope.checksum {
            return Err(damaged("its checksum does not match"));
        }
        check_kind(envelope.content.get(), expected)?;
        let stored = |(name, view): (&str, TensorView<'_>)| {
            if view.dtype() != Dtype::F32 {
                let what = format!("tensor {name} holds {:?}: this version reads F32", view.dtype());
                return Err(ModelProblem::Version { what });
            }
            let (from, to) =
                metadata.info(name).map(|info| info.data_offsets).ok_or_else(|| damaged(name))?;
            let start = size_of::<u64>() + header;
            let range = start + from..start + to;
            Ok(StoredTensor { name: name.to_owned(), shape: view.shape().to_vec(), range })
        };
        let tensors = views.into_iter().map(stored).collect::<Result<_, _>>()?;
        Ok(Self { bytes, content: envelope.content.get().to_owned(), tensors })
    }

    pub(super) fn content<C: DeserializeOwned>(&self) -> Result<C, ModelProblem> {
        serde_json::from_str(&self.content).map_err(|error| ModelProblem::Version {
            what: format!("was written by another version of refrain: {error}"),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.tensors.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<&StoredTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    pub(super) fn values(&self, tensor: &StoredTensor) -> impl Iterator<Item = f32> {
        let bytes = self.bytes[tensor.range.clone()].chunks_exact(4);
        bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }
}

/// Number of bytes that [`check_start`] reads.
#[cfg(feature = "files")]
pub(super) const START: u64 = 9;

/// Checks the start of a safetensors file: eight bytes of header length, then a JSON object.
pub(super) fn check_start(bytes: &[u8]) -> Result<(), ModelProblem> {
    match bytes {
        [] => Err(no_model("is empty, not a model file")),
        [_, _, _, _, _, _, _, _, b'{', ..] => Ok(()),
        _ => Err(no_model("is not a model file: training writes model.safetensors")),
    }
}

fn check_kind(content: &str, expected: Kind) -> Result<(), ModelProblem> {
    let found = serde_json::from_str::<KindOf>(content).ok().and_then(|kind| kind.checkpoint);
    match (expected, found) {
        (Kind::Model, Some(_)) => {
            Err(no_model("is a checkpoint, not a model: give the directory of the run"))
        }
        (Kind::Checkpoint, None) => {
            Err(no_model("is a model, not a checkpoint: to start from a model, set `init_from`"))
        }
        _ => Ok(()),
    }
}

pub(super) fn no_model(what: impl Into<String>) -> ModelProblem {
    ModelProblem::NotAModel { what: what.into() }
}

fn damaged(what: impl Into<String>) -> ModelProblem {
    ModelProblem::Damaged { what: what.into() }
}

/// SHA-256, in hexadecimal, of the content and then of each tensor, sorted by name: name, shape and bytes, each
/// preceded by its length.
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
