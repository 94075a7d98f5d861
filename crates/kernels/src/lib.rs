//! Recurrent-network kernels: slices in, slices out.
//!
//! Whole-sequence forward and backward passes of Elman, GRU and LSTM layers, the readout with its softmax
//! cross-entropy, dropout and the optimiser sweep, behind one coarse seam, [`Backend`], with two implementors:
//!
//! - [`Reference`], generic over `f32` and `f64`: the specification, scalar loops short enough to check against
//!   a paper (`docs/math.md` has the equations);
//! - [`Cpu`], for use: fused kernels over packed weights for the instruction set of the machine ([`Isa`]), tile units
//!   (AMX) among them, in single precision, bfloat16 or with weights of eight bits ([`Precision`]).
//!   `docs/kernels.md` says how they work.
//!
//! # Words and layouts
//!
//! `B` batch rows, `T` time steps, `I` input size, `H` hidden size, `G` gates, `E` embedding size, `V` vocabulary
//! size. Gradients are `d_` and the name. Everything is time-major, `[T, B, ·]`, so that a step is one contiguous
//! slice. Gates stand in PyTorch's order: `i f g o` for LSTM, `r z n` for GRU; `weight_ih` is `[G*H, I]`,
//! `weight_hh` is `[G*H, H]`, row-major. All parameters of a model lie in one flat *arena*, in `f32` whatever the
//! precision; a layer names its parameters by their offsets there, and gradients lie in an arena of the same shape.
//!
//! Inside [`Cpu`] weights lie in *panels*, columns in blocks of one vector, and what a layer leaves for its backward
//! pass in *planes*, `[S, T, B, H]`: one for each of the `S` *slots* of a cell, which are its gates and, for a GRU,
//! one value more. Rows of activations, *frames*, are padded to whole vectors.

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
