//! The models, a file or a folder for each shape of sequence task: layers in order, the way back beneath.

mod architecture;
mod captioner;
mod classifier;
mod evaluation;
mod forecaster;
mod input;
mod language;
mod network;
mod recurrent;
mod tagger;
mod task;
mod translator;

pub use architecture::{ActivationKind, Architecture, CellKind, ResetGate};
pub use captioner::{Captioner, CaptionerBatch, CaptionerInput, CaptionerSizes, CaptionerWorkspace};
pub use classifier::{
    Classifier, ClassifierBatch, ClassifierSizes, ClassifierState, ClassifierWorkspace, PoolingKind,
};
pub use evaluation::evaluate;
pub use forecaster::{Forecaster, ForecasterBatch, ForecasterSizes, ForecasterWorkspace, FrameOutput};
pub use input::InputKind;
pub use language::{LanguageModel, Workspace};
pub use network::{Network, Part, Tapes, TrainStep, Weights, gradients};
pub(crate) use network::{check_memory, rows_of_part};
pub use recurrent::RecurrentLayers;
pub use tagger::{SpellingSizes, Tagger, TaggerBatch, TaggerSizes, TaggerWorkspace};
pub use task::{Task, TaskName};
pub use translator::{Translator, TranslatorBatch, TranslatorSizes, TranslatorWorkspace};
