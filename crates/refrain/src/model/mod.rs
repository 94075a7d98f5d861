//! The models, one file per shape of sequence task: layers in order, the way back beneath.

mod architecture;
mod evaluation;
mod language;

pub use architecture::{ActivationKind, Architecture, CellKind, ResetGate};
pub use evaluation::evaluate;
pub(crate) use evaluation::rows_of_part;
pub use language::{LanguageModel, Part, Pass, Shard, Weights};
