//! Models and checkpoints as bytes (`docs/format.md` specifies them), and as files. Nothing damaged is read as if it were
//! sound; a file appears under its name whole and synced, or not at all.
//!
//! ```
//! # use refrain::{Model, Result, task::Language};
//! # fn copy(model: &Model<Language>) -> Result<()> {
//! let bytes = model.to_bytes()?;
//! let same = Model::<Language>::from_bytes(&bytes)?;
//! assert_eq!(same.params, model.params);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "files")]
mod atomic;
#[cfg(feature = "train")]
mod checkpoint;
mod container;
#[cfg(feature = "files")]
mod files;
mod model_bytes;

use std::fmt;

#[cfg(feature = "files")]
pub use atomic::write_atomically;
#[cfg(feature = "train")]
pub(crate) use checkpoint::{Best, Checkpoint, Progress};
#[cfg(feature = "files")]
pub(crate) use files::{model_path, read_model};
pub(crate) use model_bytes::ModelBytes;
pub use model_bytes::{History, Measured, Model};

use crate::{Error, ModelProblem};

/// What is wrong with the model or checkpoint of a name.
fn wrong(name: impl fmt::Display) -> impl FnOnce(ModelProblem) -> Error {
    move |problem| Error::Model { name: name.to_string(), problem }
}
