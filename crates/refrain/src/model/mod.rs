//! The models, one module per shape of sequence task: layers in order, forward and backward.
//!
//! [`Network`] is the interface of all models to training and evaluation. Sizes are checked before anything is allocated.
//!
//! ```
//! use refrain::Cpu;
//! use refrain::data::Padded;
//! use refrain::model::{
//!     Classifier, ClassifierBatch, ClassifierSizes, ClassifierWorkspace, InputKind, Network, PoolingKind, Weights,
//! };
//!
//! # fn main() -> refrain::Result<()> {
//! // Three classes of sequences of frames with two features.
//! let sizes = ClassifierSizes {
//!     pooling: PoolingKind::Mean,
//!     ..ClassifierSizes::new(InputKind::Frames { size: 2 }, 3)
//! };
//! let classifier = Classifier::new(&sizes)?;
//! let backend = Cpu::new(1)?;
//! let mut weights = Weights::new(classifier.layout(), &backend, &classifier.layout().init(7));
//! weights.pack(&backend, false);
//!
//! let mut frames = Padded::default();
//! frames.set(2, [&[0.5, 1.0, 0.25, 0.0][..], &[1.0, 0.0][..]].into_iter());
//! let batch = ClassifierBatch { frames, ..ClassifierBatch::default() };
//! let mut workspace = ClassifierWorkspace::default();
//! let logits = classifier.logits(&backend, &weights, &batch, None, &mut workspace);
//! assert_eq!(logits.len(), 2 * 3);
//! # Ok(())
//! # }
//! ```

mod architecture;
mod captioner;
mod classifier;
mod evaluation;
mod forecaster;
mod input;
mod language;
mod network;
mod recurrent;
mod stepwise;
mod tagger;
mod task;
mod translator;

pub use architecture::Architecture;
pub use captioner::{Captioner, CaptionerBatch, CaptionerInput, CaptionerSizes, CaptionerWorkspace};
pub use classifier::{
    Classifier, ClassifierBatch, ClassifierSizes, ClassifierState, ClassifierWorkspace, PoolingKind,
};
pub use evaluation::evaluate;
pub use forecaster::{Forecaster, ForecasterBatch, ForecasterSizes, ForecasterWorkspace, FrameOutput};
pub use input::InputKind;
pub use language::{LanguageModel, Workspace};
pub use network::{Network, NetworkSizes, Part, SizedNetwork, Tapes, TrainStep, gradients};
#[cfg(feature = "train")]
pub(crate) use network::{check_memory, rows_of_part};
pub use recurrent::{ActivationKind, CellKind, LayerSizes, RecurrentLayers, ResetGate};
pub use stepwise::StepwiseWorkspace;
pub use tagger::{Tagger, TaggerBatch, TaggerSizes, TaggerWorkspace};
pub use task::{Task, TaskName};
pub use translator::{Translator, TranslatorBatch, TranslatorSizes, TranslatorWorkspace};

pub use crate::layer::CharEncoderSizes;
pub use crate::params::Weights;
