//! The layers of models.
//!
//! Recurrent and linear layers run on the backend; the layers between them (attention, pooling, a conditional random
//! field) are a small part of the computation and run on the host, with one implementation for all backends.
//!
//! A layer consists of its sizes and the offsets of its parameters in a [layout](crate::params::Layout). The buffers of
//! a pass are in a separate workspace, which is reused.
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
mod char_encoder;
mod convolution;
mod crf;
mod dropout;
mod embedding;
mod linear;
mod loss;
mod norm;
mod pool;
mod stack;
mod tanh;
mod workspace;

pub use attend::{Attend, AttendBack, AttendWorkspace, AttentionKind, Memory};
pub use attention::{Attention, AttentionGradients, AttentionScore};
pub use attention_pool::{AttentionPool, AttentionPoolWorkspace, PoolInput};
pub use bridge::{Bridge, BridgeWorkspace};
pub use char_encoder::{CharEncoder, CharEncoderSizes, CharEncoderWorkspace};
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
pub use stack::{Source, Stack, StackBack, StackInput, StackSizes, StackWorkspace};
pub(crate) use tanh::{tanh, tanh_back};
pub(crate) use workspace::workspace;

#[cfg(test)]
mod golden_tests;
