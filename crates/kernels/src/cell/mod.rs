//! The recurrent cells: which there are, and (one file each) what is a cell's own: its [`Description`], which says what
//! it takes from the products, and the pointwise functions that turn pre-activations into the next state, forward and
//! backward side by side.
//!
//! A cell plugs into the one driver over time, the module `sequence`. It has `S` *slots*: what it takes from the products
//! for each unit, and what the tape keeps of it, a plane `[T, B, H]` for each slot. Packed weights interleave the gates of
//! a unit in blocks of one SIMD vector, `[unit block][slot][lane]`, so that the nonlinearity runs on the tile of
//! pre-activations just produced.

mod description;
mod gru;
mod lstm;
mod rnn;
mod tile;

pub(crate) use description::{Description, Stage, StageOperand};
pub use rnn::Activation;
pub(crate) use tile::{BackwardTile, ForwardTile, Share};

use crate::simd::Simd;
use crate::values::{PlanesMut, each};

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
    pub(crate) fn description(self) -> &'static Description {
        match self {
            Cell::Rnn(_) => &rnn::DESCRIPTION,
            Cell::Gru { reset_after: true } => &gru::RESET_AFTER,
            Cell::Gru { reset_after: false } => &gru::RESET_BEFORE,
            Cell::Lstm => &lstm::DESCRIPTION,
        }
    }

    /// Gates `G`: the rows of `weight_ih` are `G*H`.
    pub fn gates(self) -> usize {
        self.description().input_gates.len()
    }

    /// Whether the state has a cell vector `c` beside `h`.
    pub fn has_cell_state(self) -> bool {
        self.description().has_cell_state
    }

    /// The gate that says how much of the state is kept, if the cell has such a gate: its rows of the weights and biases
    /// are `gate * H..(gate + 1) * H`. (Not a GRU's update gate, which also says how much is written.)
    pub fn forget_gate(self) -> Option<usize> {
        self.description().forget_gate
    }

    /// What a [`crate::Trace`] calls the slots of this cell, in order.
    pub fn slot_names(self) -> &'static [&'static str] {
        self.description().slot_names
    }

    /// Pre-activations of a unit, and planes of the tape.
    pub(crate) fn slots(self) -> usize {
        self.slot_names().len()
    }
}

/// Runs the pointwise part of one forward tile, after the product of a stage.
pub(crate) fn forward(simd: Simd, cell: Cell, stage: usize, tile: ForwardTile<'_>, gates: PlanesMut<'_>) {
    each!(PlanesMut, gates, gates => match (cell, stage) {
        (Cell::Rnn(activation), _) => simd.run(rnn::Forward { activation, tile, gates }),
        (Cell::Gru { reset_after: true }, _) => simd.run(gru::ForwardResetAfter { tile, gates }),
        (Cell::Gru { reset_after: false }, 0) => simd.run(gru::ForwardResetGates { tile, gates }),
        (Cell::Gru { reset_after: false }, _) => simd.run(gru::ForwardCandidate { tile, gates }),
        (Cell::Lstm, _) => simd.run(lstm::Forward { tile, gates }),
    });
}

/// Runs the pointwise part of one backward tile; the last stage comes first. In: activations. Out: gradients of the
/// pre-activations of the stage.
pub(crate) fn backward(simd: Simd, cell: Cell, stage: usize, tile: BackwardTile<'_>, gates: PlanesMut<'_>) {
    each!(PlanesMut, gates, gates => match (cell, stage) {
        (Cell::Rnn(activation), _) => simd.run(rnn::Backward { activation, tile, gates }),
        (Cell::Gru { reset_after: true }, _) => simd.run(gru::BackwardResetAfter { tile, gates }),
        (Cell::Gru { reset_after: false }, 0) => simd.run(gru::BackwardResetGate { tile, gates }),
        (Cell::Gru { reset_after: false }, _) => simd.run(gru::BackwardCandidate { tile, gates }),
        (Cell::Lstm, _) => simd.run(lstm::Backward { tile, gates }),
    });
}
