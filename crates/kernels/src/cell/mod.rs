//! The recurrent cells: which there are, how many gates each has, and (one file each) the pointwise part that
//! turns pre-activations into the next state, forward and backward side by side.
//!
//! A cell is a pointwise function plugged into the one driver in [`crate::sequence`]. It has `S` *slots*: what it
//! takes from the products for each unit, and what the tape keeps of it, a plane `[T, B, H]` for each slot. Packed
//! weights interleave the gates of a unit in blocks of one SIMD vector, `[unit block][slot][lane]`, so that the
//! nonlinearity runs on the tile of pre-activations just produced.

pub(crate) mod gru;
pub(crate) mod lstm;
pub(crate) mod rnn;

use crate::element::{Bf16, Element};
use crate::simd::{Simd, Vector};
use crate::values::{PlanesMut, each};
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

/// Slots of the cell that has most.
pub(crate) const MOST_SLOTS: usize = 4;

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

    /// Pre-activations of a unit, and planes of the tape.
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

/// The input's share of the pre-activations beside that of dense frames: the biases, and for ids their rows of the
/// lookup table. Rows are `[unit block][slot][lane]`.
#[derive(Clone, Copy)]
pub(crate) struct Share<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) row_len: usize,
    /// The row of each batch row; all share the first if absent.
    pub(crate) ids: Option<&'a [u32]>,
}

/// Some units of a forward step: rows `0..rows`, unit blocks `units`. States and gates start at the first row and at unit
/// block 0, with rows `hp` apart.
pub(crate) struct ForwardTile<'a> {
    pub(crate) rows: usize,
    pub(crate) units: Range<usize>,
    /// Values from one row of states or gates to the next.
    pub(crate) hp: usize,
    /// The products, `[rows][unit block][slot][lane]` from the first of `units` on.
    pub(crate) pre: &'a [f32],
    pub(crate) pre_stride: usize,
    pub(crate) share: Share<'a>,
    pub(crate) h_prev: &'a [f32],
    pub(crate) h_next: &'a mut [f32],
    /// The new state as products read it, unless they read `h_next`: then empty.
    pub(crate) h_rounded: &'a mut [Bf16],
    /// Empty unless the cell has a cell state.
    pub(crate) c_prev: &'a [f32],
    pub(crate) c_next: &'a mut [f32],
}

/// One panel's worth of a backward step, laid out as [`ForwardTile`].
pub(crate) struct BackwardTile<'a> {
    pub(crate) rows: usize,
    pub(crate) units: Range<usize>,
    pub(crate) hp: usize,
    /// Gradient that reaches `h_t` from above; empty where nothing does.
    pub(crate) d_output: &'a [f32],
    pub(crate) d_output_stride: usize,
    pub(crate) h_prev: &'a [f32],
    pub(crate) c_prev: &'a [f32],
    pub(crate) c_next: &'a [f32],
    /// In: gradient of `h_t` from the future. Out: the pointwise part of the gradient of `h_{t-1}`.
    pub(crate) d_h: &'a mut [f32],
    /// In: gradient of `c_t`. Out: gradient of `c_{t-1}`. Empty unless the cell has a cell state.
    pub(crate) d_c: &'a mut [f32],
}

/// The gates of a cell: a plane for each slot, all from the first row of a tile on, and none beyond the cell's slots.
pub(crate) type GatePlanes<'a, E> = [&'a mut [E]; MOST_SLOTS];

/// Runs the pointwise part of one forward tile.
pub(crate) fn forward(simd: Simd, cell: Cell, tile: ForwardTile<'_>, gates: PlanesMut<'_>) {
    each!(PlanesMut, gates, gates => match cell {
        Cell::Rnn(activation) => simd.run(rnn::Forward { activation, tile, gates }),
        Cell::Gru { reset_after: true } => simd.run(gru::ForwardResetAfter { tile, gates }),
        Cell::Gru { reset_after: false } => simd.run(gru::ForwardResetGates { tile, gates }),
        Cell::Lstm => simd.run(lstm::Forward { tile, gates }),
    });
}

/// Runs the pointwise part of one backward tile. In: activations. Out: gradients of the pre-activations.
pub(crate) fn backward(simd: Simd, cell: Cell, tile: BackwardTile<'_>, gates: PlanesMut<'_>) {
    each!(PlanesMut, gates, gates => match cell {
        Cell::Rnn(activation) => simd.run(rnn::Backward { activation, tile, gates }),
        Cell::Gru { reset_after: true } => simd.run(gru::BackwardResetAfter { tile, gates }),
        Cell::Gru { reset_after: false } => simd.run(gru::BackwardCandidate { tile, gates }),
        Cell::Lstm => simd.run(lstm::Backward { tile, gates }),
    });
}

impl ForwardTile<'_> {
    /// The pre-activations of the `S` slots of one row and unit block: products and the input's share.
    /// (A plain loop: closures are not sure to be compiled with a job's features.)
    #[inline(always)]
    fn pre_activations<V: Vector, const S: usize>(&self, v: V, row: usize, unit: usize) -> [V; S] {
        let width = S * V::LANES;
        let pre = &self.pre[row * self.pre_stride + (unit - self.units.start) * width..][..width];
        let share_row = self.share.ids.map_or(0, |ids| ids[row] as usize);
        let share = &self.share.rows[share_row * self.share.row_len + unit * width..][..width];
        let mut all = [v; S];
        for (slot, z) in all.iter_mut().enumerate() {
            *z = v.load(&pre[slot * V::LANES..]) + v.load(&share[slot * V::LANES..]);
        }
        all
    }

    /// Writes the new state of one row and unit block.
    #[inline(always)]
    fn store_h<V: Vector>(&mut self, h: V, at: usize) {
        h.store(&mut self.h_next[at..]);
        if !self.h_rounded.is_empty() {
            Element::store(h, &mut self.h_rounded[at..]);
        }
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

/// The `S` gates at one place of their planes.
#[inline(always)]
fn gates_at<V: Vector, E: Element, const S: usize>(v: V, gates: &GatePlanes<'_, E>, at: usize) -> [V; S] {
    let mut all = [v; S];
    for (value, plane) in all.iter_mut().zip(gates) {
        *value = E::load(v, &plane[at..]);
    }
    all
}

#[inline(always)]
fn store_gates<V: Vector, E: Element, const S: usize>(
    values: [V; S],
    gates: &mut GatePlanes<'_, E>,
    at: usize,
) {
    for (value, plane) in values.into_iter().zip(gates) {
        E::store(value, &mut plane[at..]);
    }
}
