//! Recurrent-network kernels: slices in, slices out.
//!
//! Whole-sequence forward and backward passes of Elman, GRU and LSTM layers, the readout with softmax cross-entropy,
//! dropout and the optimiser, behind one interface, [`Backend`], with two implementations:
//!
//! - [`Reference`], generic over `f32` and `f64`: the specification, as scalar loops short enough to check against a
//!   paper (`docs/math.md` has the equations);
//! - [`Cpu`]: fused kernels over packed weights for the machine's instruction set ([`Isa`]), including tile units
//!   (AMX), in single precision, bfloat16 or with 8-bit weights ([`Precision`]). `docs/kernels.md` explains how they
//!   work.
//!
//! # Terms and layouts
//!
//! `B` batch rows, `T` time steps, `I` input size, `H` hidden size, `G` gates, `E` embedding dimension, `V`
//! vocabulary size. The gradient of `x` is `d_x`. Everything is time-major, `[T, B, ·]`, so that a step is one
//! contiguous slice. Gates are in PyTorch's order: `i f g o` for LSTM, `r z n` for GRU; `weight_ih` is `[G*H, I]`,
//! `weight_hh` is `[G*H, H]`, row-major. All parameters of a model are in one flat *arena*, in `f32` whatever the
//! precision; a layer refers to its parameters by their offsets, and gradients are in an arena of the same shape.
//!
//! [`Cpu`] stores weights in *panels*, with columns in blocks of one vector, and what the backward pass needs in
//! *planes*, `[slots, T, B, H]`: one per *slot* of a cell. The slots are the gates and, for a GRU, one more value.
//! Rows of activations, *frames*, are padded to whole vectors.
//!
//! # Features
//!
//! `threads` (on by default): [`Cpu`] uses several threads; without it, only the calling thread. `clock` (on by
//! default, and only together with `threads`): the module `peak`. `serde`: [`PrecisionChoice`] can be serialised.
//!
//! # Example
//!
//! An LSTM layer of three units over two sequences of four steps.
//!
//! ```
//! use refrain_kernels::{Backend, Cell, Cpu, Input, InputSpec, RecurrentSpec, State};
//!
//! # fn main() -> Result<(), refrain_kernels::CpuError> {
//! let (steps, rows, size, hidden_size) = (4, 2, 5, 3);
//! let gates = Cell::Lstm.gates() * hidden_size;
//! let spec = RecurrentSpec {
//!     cell: Cell::Lstm,
//!     input: InputSpec::Frames { size },
//!     hidden_size,
//!     reverse: false,
//!     // The arena: weight_ih, then weight_hh; no biases.
//!     weight_ih: 0,
//!     weight_hh: gates * size,
//!     bias: None,
//! };
//! let weights: Vec<f32> = (0..gates * (size + hidden_size)).map(|i| (i as f32).sin() / 2.0).collect();
//! let frames: Vec<f32> = (0..steps * rows * size).map(|i| (i as f32).cos()).collect();
//!
//! let cpu = Cpu::new(1)?;
//! let (params, frames) = (cpu.buffer(&weights), cpu.frames(size, &frames));
//! let mut layer = cpu.recurrent(&spec);
//! cpu.pack_recurrent(&mut layer, &params, false);
//! let (mut state, mut tape) = (State::zeros(&spec, rows), Default::default());
//! cpu.recurrent_forward(&layer, Input::Frames(cpu.view(&frames)), &state, None, &mut tape);
//! cpu.final_state(&tape, &mut state);
//!
//! let output = cpu.read_frames(cpu.output(&tape));
//! assert_eq!(output.len(), steps * rows * hidden_size);
//! assert_eq!(output[(steps - 1) * rows * hidden_size..], state.h, "the last output is the state");
//! let (name, forget) = &cpu.trace(&layer, &tape).gates[1];
//! assert!(*name == "f" && forget.iter().all(|f| (0.0..1.0).contains(f)));
//! # Ok(())
//! # }
//! ```

mod backend;
mod bf16;
mod buffer;
mod cell;
mod cpu;
mod dispatch;
mod dropout;
mod element;
mod error;
mod frames;
mod linear;
mod optimiser;
mod panel;
mod precision;
mod readout;
mod real;
mod reference;
mod rows;
mod scope;
mod sequence;
mod simd;
mod spec;
mod threads;
mod values;

pub use backend::{Backend, CrossEntropy, Gradients, IGNORE, Input, Loss, State, Trace, Upstream};
pub use bf16::Bf16;
pub use buffer::Aligned;
pub use cell::{Activation, Cell};
pub use cpu::Cpu;
pub use dispatch::{Isa, IsaError};
pub use dropout::Dropout;
pub use error::CpuError;
pub use frames::{Frames, FramesView};
pub use optimiser::{Moments, Rule, Update, Updated};
pub use precision::{Precision, PrecisionChoice};
pub use real::Real;
pub use reference::Reference;
pub use spec::{InputSpec, LinearSpec, RecurrentSpec};

#[cfg(all(feature = "clock", feature = "threads"))]
pub mod peak;
