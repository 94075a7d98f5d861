//! What models are made of.
//!
//! Recurrent and linear layers are the backend's; what stands between them (attention, pooling, a conditional random
//! field) is a small share of the work and runs on the host, written once for every backend.

mod attend;
mod attention;
mod bridge;
mod crf;
mod dropout;
mod embedding;
mod linear;
mod loss;
mod pool;
mod stack;
mod tanh;

pub use attend::{Attend, AttendBack, AttendPass, AttentionKind, Memory};
pub use attention::{Attention, AttentionGradients, AttentionScore};
pub use bridge::{Bridge, BridgePass};
pub use crf::{Chains, Crf};
pub use dropout::{DropoutMask, DropoutRate, WeightDrop};
pub use embedding::Embedding;
pub(crate) use linear::{push_bias, push_linear};
pub use loss::{LossBack, Score, most_probable, softmax, softmax_cross_entropy};
pub use pool::{Outputs, Pooling};
pub use stack::{Source, Stack, StackBack, StackInput, StackPass, StackSizes};
pub(crate) use tanh::{tanh, tanh_back};
