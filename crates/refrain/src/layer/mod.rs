//! What models are made of.
//!
//! Recurrent and linear layers are the backend's; what stands between them (attention, pooling, a conditional random
//! field) is a small share of the work and runs on the host, written once for every backend.

mod attention;
mod crf;
mod dropout;
mod embedding;
mod loss;
mod pool;
mod stack;

pub use attention::{Attention, AttentionGradients, AttentionScore};
pub use crf::{Chains, Crf};
pub use dropout::{DropoutMask, DropoutRate, WeightDrop};
pub use embedding::Embedding;
pub use loss::{FrameBack, bernoulli_nll, gaussian, gaussian_frame_nll, pinball_loss, sigmoid};
pub use loss::{LossBack, Score, most_probable, softmax, softmax_cross_entropy};
pub use pool::{Outputs, Pooling};
pub use stack::{Source, Stack, StackBack, StackInput, StackPass, StackSizes};
