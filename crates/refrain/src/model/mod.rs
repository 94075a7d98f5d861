//! The models, one file per shape of sequence task: layers in order, the way back beneath.

mod architecture;
mod language;

pub use architecture::{ActivationKind, Architecture, CellKind, ResetGate};
pub use language::{LanguageModel, Pass, Shard, Weights};
