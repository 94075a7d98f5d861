//! Files on disk (`docs/format.md` specifies them byte for byte). Nothing is ever half written: a file appears under
//! its name whole and synced, or not at all; and nothing damaged is read as if it were sound.

mod atomic;
mod checkpoint;
mod container;
mod model_file;

pub use atomic::write_atomically;
pub(crate) use checkpoint::{Best, Checkpoint, Progress};
pub(crate) use model_file::model_path;
pub use model_file::{History, Measured, Model, task_of};
