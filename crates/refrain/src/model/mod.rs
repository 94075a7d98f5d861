//! The models, one file per shape of sequence task: layers in order, the way back beneath.

mod architecture;
mod classifier;
mod evaluation;
mod language;
mod network;
mod recurrent;
mod tagger;
mod tagger_batch;
mod tagger_sizes;
mod task;

pub use architecture::{ActivationKind, Architecture, CellKind, ResetGate};
pub use classifier::{Classifier, ClassifierBatch, ClassifierPass, ClassifierSizes};
pub use evaluation::evaluate;
pub use language::{LanguageModel, Pass};
pub use network::{Network, Part, TrainStep, Weights, gradients};
pub(crate) use network::{check_memory, rows_of_part};
pub use recurrent::{InputKind, RecurrentLayers};
pub use tagger::{Tagger, TaggerPass};
pub use tagger_batch::TaggerBatch;
pub use tagger_sizes::{SpellingSizes, TaggerSizes};
pub use task::Task;
