//! The recurrent cells. Each file has a cell's [`Description`], which defines how it uses the products, and the
//! pointwise functions that turn pre-activations into the next state, forward and backward side by side.
//!
//! The module `sequence` runs every cell over time. A cell has *slots*: the pre-activations of each unit, and what
//! the tape stores of them, one plane `[T, B, H]` per slot. Packed weights interleave the gates of a unit in
//! blocks of one SIMD vector, `[unit block][slot][lane]`, so that the nonlinearity runs on the tile of
//! pre-activations just produced.

mod description;
mod gru;
mod lstm;
mod rnn;
mod tile;

pub(crate) use description::{Description, Stage, StageOperand};
pub use rnn::Activation;
pub(crate) use tile::{BackwardTile, ForwardTile, InputBias};

use crate::simd::Simd;
use crate::values::{PlanesMut, match_kind};

/// A recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// Elman (1990): `h' = f(W_ih x + b_ih + W_hh h + b_hh)`.
    Rnn(Activation),
    /// Gated recurrent unit. `reset_after` applies the reset gate to the recurrent product (PyTorch, cuDNN);
    /// otherwise to the state before the product (Cho et al. 2014, equation 8).
    Gru {
        /// Whether the reset gate is applied after the product.
        reset_after: bool,
    },
    /// Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).
    Lstm,
}

impl Cell {
    pub(crate) fn description(self) -> &'static Description {
        match self {
            Cell::Rnn(_) => &rnn::DESCRIPTION,
            Cell::Gru { reset_after: true } => &gru::RESET_AFTER,
            Cell::Gru { reset_after: false } => &gru::RESET_BEFORE,
            Cell::Lstm => &lstm::DESCRIPTION,
        }
    }

    /// Number of gate blocks `G`, including the candidate: `weight_ih` has `G*H` rows.
    pub fn gates(self) -> usize {
        self.description().input_gates.len()
    }

    /// Whether the state has a cell vector `c` besides `h`.
    pub fn has_cell_state(self) -> bool {
        self.description().has_cell_state
    }

    /// The gate that only controls how much of the state is kept, if the cell has one: its rows of the weights and
    /// biases are `gate * H..(gate + 1) * H`. (Not a GRU's update gate, which also controls how much is written.)
    pub fn forget_gate(self) -> Option<usize> {
        self.description().forget_gate
    }

    /// Names of this cell's slots in a [`crate::Trace`], in order.
    pub fn slot_names(self) -> &'static [&'static str] {
        self.description().slot_names
    }

    /// Number of slots: pre-activations per unit, and planes of the tape.
    pub(crate) fn slots(self) -> usize {
        self.slot_names().len()
    }
}

/// Runs the pointwise part of one forward tile, after the product of a stage.
pub(crate) fn forward(simd: Simd, cell: Cell, stage: usize, tile: ForwardTile<'_>, gates: PlanesMut<'_>) {
    match_kind!(PlanesMut, gates, gates => match (cell, stage) {
        (Cell::Rnn(activation), _) => simd.run(rnn::Forward { activation, tile, gates }),
        (Cell::Gru { reset_after: true }, _) => simd.run(gru::ForwardResetAfter { tile, gates }),
        (Cell::Gru { reset_after: false }, 0) => simd.run(gru::ForwardResetGates { tile, gates }),
        (Cell::Gru { reset_after: false }, _) => simd.run(gru::ForwardCandidate { tile, gates }),
        (Cell::Lstm, _) => simd.run(lstm::Forward { tile, gates }),
    });
}

/// Runs the pointwise part of one backward tile; the last stage comes first. In: activations. Out: gradients of the
/// stage's pre-activations.
pub(crate) fn backward(simd: Simd, cell: Cell, stage: usize, tile: BackwardTile<'_>, gates: PlanesMut<'_>) {
    match_kind!(PlanesMut, gates, gates => match (cell, stage) {
        (Cell::Rnn(activation), _) => simd.run(rnn::Backward { activation, tile, gates }),
        (Cell::Gru { reset_after: true }, _) => simd.run(gru::BackwardResetAfter { tile, gates }),
        (Cell::Gru { reset_after: false }, 0) => simd.run(gru::BackwardResetGate { tile, gates }),
        (Cell::Gru { reset_after: false }, _) => simd.run(gru::BackwardCandidate { tile, gates }),
        (Cell::Lstm, _) => simd.run(lstm::Backward { tile, gates }),
    });
}
