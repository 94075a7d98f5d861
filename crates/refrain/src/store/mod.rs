//! Models and checkpoints as bytes (`docs/format.md` specifies them), and as files. Damage is detected by a checksum; files
//! are written atomically.
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
pub use model_bytes::{History, Model, Validation};

use crate::{Error, ModelProblem};

/// Adds the name of the model or checkpoint to a problem.
fn wrong(name: impl fmt::Display) -> impl FnOnce(ModelProblem) -> Error {
    move |problem| Error::Model { name: name.to_string(), problem }
}
