//! A recurrent layer over a whole sequence: one driver for every cell, direction and instruction set.
//!
//! [`Packed`] holds a layer's weights in the layout of the products, [`Tape`] what the forward pass saves for the
//! backward pass and for traces; [`forward`] and [`backward`] run over time. A finished row keeps its state: the
//! driver excludes it from the ranges of rows that a step processes, so kernels need no lengths.

mod backward;
mod embedding;
mod forward;
mod gradient;
mod packed;
mod shared_step;
mod step;
mod tape;
mod time;

pub(crate) use backward::backward;
pub(crate) use forward::forward;
pub(crate) use gradient::{Scratch, WeightGradient};
pub(crate) use packed::Packed;
pub(crate) use shared_step::worth_sharing;
pub(crate) use tape::Tape;
