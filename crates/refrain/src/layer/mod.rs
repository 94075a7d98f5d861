//! What models are made of.
//!
//! Recurrent and linear layers are the backend's; what stands between them (attention, pooling, a conditional random
//! field) is a small share of the work and runs on the host, written once for every backend.

mod attend;
mod attention;
mod attention_pool;
mod bridge;
mod convolution;
mod crf;
mod dropout;
mod embedding;
mod linear;
mod loss;
mod norm;
mod pool;
mod spelling;
mod stack;
mod tanh;

pub use attend::{Attend, AttendBack, AttendWorkspace, AttentionKind, Memory};
pub use attention::{Attention, AttentionGradients, AttentionScore};
pub use attention_pool::{AttentionPool, AttentionPoolWorkspace, PoolInput};
pub use bridge::{Bridge, BridgeWorkspace};
pub use convolution::{Convolution, ConvolutionWorkspace};
pub use crf::{Chains, Crf};
pub use dropout::{DropoutMask, DropoutRate, WeightDrop};
pub use embedding::Embedding;
pub(crate) use linear::{push_bias, push_linear};
pub use loss::{FrameBack, bernoulli_nll, gaussian, gaussian_frame_nll, pinball_loss, sigmoid};
pub use loss::{LossBack, Score, most_probable, softmax, softmax_cross_entropy};
pub use norm::{LayerNorm, NormWorkspace};
pub use pool::{Outputs, Pooling};
pub use spelling::{Spelling, SpellingWorkspace};
pub use stack::{Source, Stack, StackBack, StackInput, StackSizes, StackWorkspace};
pub(crate) use tanh::{tanh, tanh_back};

#[cfg(test)]
mod golden_tests;
