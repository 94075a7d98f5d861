//! What models are made of.
//!
//! Recurrent and linear layers are the backend's; what stands between them (attention, pooling, a conditional random
//! field) is a small share of the work and runs on the host, written once for every backend.
//!
//! A layer describes: it knows its sizes and its place in a [layout](crate::params::Layout). What a pass works in comes
//! along as a workspace, and is reused from pass to pass.
//!
//! ```
//! use refrain::kernels::{Backend, Cell, Cpu, InputSpec};
//! use refrain::layer::{Source, Stack, StackInput, StackSizes, StackWorkspace};
//! use refrain::params::{Layout, Weights};
//!
//! # fn main() -> refrain::Result<()> {
//! let sizes = StackSizes { num_layers: 2, ..StackSizes::new(Cell::Lstm, InputSpec::Frames { size: 3 }, 8) };
//! let (layout, stack) = Layout::build(|layout| Stack::new(layout, "rnn", sizes));
//! let backend = Cpu::new(1)?;
//! let mut weights = Weights::new(&layout, &backend, &layout.init(1));
//! weights.pack(&backend, false);
//!
//! // Five steps of one sequence, from the zero state.
//! let frames = backend.frames(3, &[0.5; 5 * 3]);
//! let input = StackInput { source: Source::Frames(&frames), rows: 1, lengths: None, dropout: None };
//! let (mut state, mut workspace) = (stack.zero_state::<Cpu>(1), StackWorkspace::default());
//! stack.forward(&backend, &weights, &input, &mut state, &mut workspace);
//! let outputs = backend.read_frames(workspace.output(&backend));
//! assert_eq!(outputs.len(), 5 * 8);
//! assert_eq!(state[1].h, outputs[4 * 8..]);
//! # Ok(())
//! # }
//! ```

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
mod workspace;

pub use attend::{Attend, AttendBack, AttendWorkspace, AttentionKind, Memory};
pub use attention::{Attention, AttentionGradients, AttentionScore};
pub use attention_pool::{AttentionPool, AttentionPoolWorkspace, PoolInput};
pub use bridge::{Bridge, BridgeWorkspace};
pub use convolution::{Convolution, ConvolutionBack, ConvolutionWorkspace, ImageSize};
pub use crf::{Chains, Crf, CrfBack, lay_out_crf};
pub(crate) use dropout::drop_in_place;
pub use dropout::{DropoutMask, DropoutRate};
pub use embedding::Embedding;
pub use linear::{Linear, LinearBack};
pub use loss::{FrameBack, bernoulli_nll, gaussian, gaussian_frame_nll, pinball_loss, sigmoid};
pub use loss::{LossBack, Score, most_probable, softmax, softmax_cross_entropy};
pub use norm::{LayerNorm, NormWorkspace};
pub use pool::{Outputs, Pooling};
pub use spelling::{Spelling, SpellingSizes, SpellingWorkspace};
pub use stack::{Source, Stack, StackBack, StackInput, StackSizes, StackWorkspace};
pub(crate) use tanh::{tanh, tanh_back};
pub(crate) use workspace::workspace;

#[cfg(test)]
mod golden_tests;
