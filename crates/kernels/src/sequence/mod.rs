//! A recurrent layer over a whole sequence: the one driver for every cell, direction and instruction set.
//!
//! [`Packed`] holds a layer's weights as the products want them, [`Tape`] everything the forward pass leaves for
//! the backward pass and the inspector, [`forward`] and [`backward`] run over time. A row that has finished keeps
//! its state: the driver simply leaves it out of the ranges of rows that a step touches, so no kernel below
//! knows of lengths.

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
pub(crate) use shared_step::sharing_pays;
pub(crate) use tape::Tape;
