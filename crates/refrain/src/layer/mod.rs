//! What models are made of.
//!
//! Recurrent and linear layers are the backend's; what stands between them (attention, pooling, a conditional random
//! field) is a small share of the work and runs on the host, written once for every backend.

mod attention;
mod crf;
mod pool;
mod stack;

pub use attention::{Attention, AttentionGradients, Score};
pub use crf::{Chains, Crf};
pub use pool::{Outputs, Pooling};
pub use stack::{DropoutMask, Source, Stack, StackBack, StackInput, StackPass, StackSizes, WeightDrop};
