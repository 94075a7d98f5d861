//! The recurrent cells: which there are, how many gates each has, and (one file each) the pointwise part that
//! turns pre-activations into the next state, forward and backward side by side.
//!
//! A cell is a pointwise function plugged into the one driver in [`crate::sequence`]. On the fast path the gates
//! of a unit lie together: the tape holds `S` *slots* per unit, interleaved in blocks of one SIMD vector,
//! `[unit block][slot][lane]`, so that the nonlinearity runs on the tile of pre-activations just produced.

pub(crate) mod gru;
pub(crate) mod lstm;
pub(crate) mod rnn;

use crate::simd::{Simd, Vector};
use std::ops::Range;

/// The nonlinearity of an Elman cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Hyperbolic tangent, the default everywhere.
    Tanh,
    /// `max(0, x)`.
    Relu,
    /// `1 / (1 + exp(-x))`, Elman's own choice (1990).
    Logistic,
}

/// A recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// Elman (1990): `h' = f(W_ih x + b_ih + W_hh h + b_hh)`.
    Rnn(Activation),
    /// Gated recurrent unit. `reset_after` applies the reset gate to the recurrent product (PyTorch, cuDNN);
    /// otherwise to the state before the product (Cho et al. 2014, equation 8).
    Gru {
        /// Which of the two forms.
        reset_after: bool,
    },
    /// Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).
    Lstm,
}

impl Cell {
    /// Gates `G`: the rows of `weight_ih` are `G*H`.
    pub fn gates(self) -> usize {
        match self {
            Cell::Rnn(_) => 1,
            Cell::Gru { .. } => 3,
            Cell::Lstm => 4,
        }
    }

    /// Whether the state has a cell vector `c` beside `h`.
    pub fn has_cell_state(self) -> bool {
        self == Cell::Lstm
    }

    /// What a [`crate::Trace`] calls the slots of this cell, in order.
    pub fn slot_names(self) -> &'static [&'static str] {
        match self {
            Cell::Rnn(_) => &["h"],
            Cell::Gru { reset_after: true } => &["n", "r", "z", "hidden_n"],
            Cell::Gru { reset_after: false } => &["n", "r", "z", "reset_h"],
            Cell::Lstm => &["i", "f", "g", "o"],
        }
    }

    /// Values the tape keeps per unit and step.
    pub(crate) fn slots(self) -> usize {
        self.slot_names().len()
    }

    /// For each slot that receives a share of the input product, its gate: slots `0..G`.
    pub(crate) fn input_gates(self) -> &'static [usize] {
        match self {
            Cell::Rnn(_) => &[0],
            Cell::Gru { .. } => &[gru::N, gru::R, gru::Z],
            Cell::Lstm => &[0, 1, 2, 3],
        }
    }

    /// The slots whose gradients flow back through `weight_hh`, and the gate of each. The reset-before GRU
    /// lists only `r` and `z`: its candidate takes a product of its own.
    pub(crate) fn hidden_slots(self) -> (Range<usize>, &'static [usize]) {
        match self {
            Cell::Rnn(_) => (0..1, &[0]),
            Cell::Gru { reset_after: true } => (1..4, &[gru::R, gru::Z, gru::N]),
            Cell::Gru { reset_after: false } => (1..3, &[gru::R, gru::Z]),
            Cell::Lstm => (0..4, &[0, 1, 2, 3]),
        }
    }
}

/// Where the input's share of the pre-activations of a tile comes from.
#[derive(Clone, Copy)]
pub(crate) enum InputShare<'a> {
    /// It already lies in the gate slots of the tape.
    InGates,
    /// Row `ids[r]` of the `[V, G*Hp]` lookup table.
    Table { table: &'a [f32], ids: &'a [u32] },
}

/// One panel's worth of a forward step: rows `0..rows`, unit blocks `units`. All slices start at the first row;
/// rows are `hp` (states), `slots * hp` (gates), `gates * hp` (table) apart.
pub(crate) struct ForwardTile<'a> {
    pub(crate) rows: usize,
    pub(crate) units: Range<usize>,
    /// Padded hidden size.
    pub(crate) hp: usize,
    /// The recurrent product, `[rows][pre_stride]`.
    pub(crate) pre: &'a [f32],
    pub(crate) pre_stride: usize,
    pub(crate) input: InputShare<'a>,
    pub(crate) gates: &'a mut [f32],
    pub(crate) h_prev: &'a [f32],
    pub(crate) h_next: &'a mut [f32],
    /// Empty unless the cell has a cell state.
    pub(crate) c_prev: &'a [f32],
    pub(crate) c_next: &'a mut [f32],
    /// GRU: the bias `b_hn` inside the reset gate's product, `[hp]`.
    pub(crate) hidden_bias: &'a [f32],
}

/// One panel's worth of a backward step, laid out as [`ForwardTile`].
pub(crate) struct BackwardTile<'a> {
    pub(crate) rows: usize,
    pub(crate) units: Range<usize>,
    pub(crate) hp: usize,
    /// Gradient that reaches `h_t` from above; empty where nothing does.
    pub(crate) d_output: &'a [f32],
    pub(crate) d_output_stride: usize,
    /// Activations in, gradients of the pre-activations out.
    pub(crate) gates: &'a mut [f32],
    pub(crate) h_prev: &'a [f32],
    pub(crate) c_prev: &'a [f32],
    pub(crate) c_next: &'a [f32],
    /// In: gradient of `h_t` from the future. Out: the pointwise part of the gradient of `h_{t-1}`.
    pub(crate) d_h: &'a mut [f32],
    /// In: gradient of `c_t`. Out: gradient of `c_{t-1}`. Empty unless the cell has a cell state.
    pub(crate) d_c: &'a mut [f32],
}

/// Runs the pointwise part of one forward tile.
pub(crate) fn forward(simd: Simd, cell: Cell, tile: ForwardTile<'_>) {
    match cell {
        Cell::Rnn(activation) => simd.run(rnn::Forward { activation, tile }),
        Cell::Gru { reset_after: true } => simd.run(gru::ForwardResetAfter(tile)),
        Cell::Gru { reset_after: false } => simd.run(gru::ForwardResetGates(tile)),
        Cell::Lstm => simd.run(lstm::Forward(tile)),
    }
}

/// Runs the pointwise part of one backward tile.
pub(crate) fn backward(simd: Simd, cell: Cell, tile: BackwardTile<'_>) {
    match cell {
        Cell::Rnn(activation) => simd.run(rnn::Backward { activation, tile }),
        Cell::Gru { reset_after: true } => simd.run(gru::BackwardResetAfter(tile)),
        Cell::Gru { reset_after: false } => simd.run(gru::BackwardCandidate(tile)),
        Cell::Lstm => simd.run(lstm::Backward(tile)),
    }
}

impl BackwardTile<'_> {
    /// The whole gradient of `h_t` for one row and unit block: from the future and from above.
    #[inline(always)]
    fn incoming<V: Vector>(&self, v: V, row: usize, unit: usize) -> V {
        let future = v.load(&self.d_h[row * self.hp + unit * V::LANES..]);
        if self.d_output.is_empty() {
            return future;
        }
        future + v.load(&self.d_output[row * self.d_output_stride + unit * V::LANES..])
    }
}

/// The slots of one unit block. (A plain loop: closures are not sure to be compiled with a job's features.)
#[inline(always)]
fn slots<V: Vector, const S: usize>(v: V, block: &[f32]) -> [V; S] {
    let mut all = [v; S];
    for (slot, value) in all.iter_mut().enumerate() {
        *value = v.load(&block[slot * V::LANES..]);
    }
    all
}

#[inline(always)]
fn store_slots<V: Vector, const S: usize>(values: [V; S], block: &mut [f32]) {
    for (slot, value) in values.into_iter().enumerate() {
        value.store(&mut block[slot * V::LANES..]);
    }
}
