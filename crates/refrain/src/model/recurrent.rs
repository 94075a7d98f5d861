//! The recurrent layers of a model, as its file describes them.

use refrain_kernels::{Cell, InputSpec};
use serde::{Deserialize, Serialize};

use super::architecture::{ActivationKind, CellKind, ResetGate, cell, cell_name, layers, layers_of};
use crate::Result;
use crate::layer::{DropoutRate, StackSizes};

/// What recurrent layers are made of, whatever they read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecurrentLayers {
    /// The cell.
    pub cell: CellKind,
    /// For `cell = "rnn"`.
    pub activation: ActivationKind,
    /// For `cell = "gru"`.
    pub reset_gate: ResetGate,
    /// `H`, of each direction.
    pub hidden_size: usize,
    /// `L`.
    pub num_layers: usize,
    /// Whether a second set of layers reads each sequence from its end.
    pub bidirectional: bool,
    /// Whether each layer's output is normalised.
    #[serde(default)]
    pub layer_norm: bool,
    /// Share of each layer's output that training drops.
    pub dropout: f32,
    /// Whether all steps of a sequence drop the same.
    pub locked_dropout: bool,
}

impl RecurrentLayers {
    /// The cell with its variant.
    pub fn cell(&self) -> Cell {
        cell(self.cell, self.activation, self.reset_gate)
    }

    /// What training drops of a layer's output.
    pub fn dropout(&self) -> DropoutRate {
        DropoutRate { rate: self.dropout, locked: self.locked_dropout }
    }

    /// Width of the output, `D H`.
    pub fn output_size(&self) -> usize {
        self.hidden_size * if self.bidirectional { 2 } else { 1 }
    }

    /// A stack of these layers over an input, whose output is dropped too if it `drops_top`.
    pub fn over(&self, input: InputSpec, drops_top: bool) -> StackSizes {
        StackSizes {
            cell: self.cell(),
            input,
            hidden_size: self.hidden_size,
            num_layers: self.num_layers,
            bidirectional: self.bidirectional,
            layer_norm: self.layer_norm,
            dropout: self.dropout(),
            drops_top,
        }
    }

    /// Checks that every size is one that a model can have.
    ///
    /// # Errors
    /// [`crate::Error::Config`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        layers(self.hidden_size, self.num_layers, self.dropout)
    }

    /// One line for people: `bidirectional LSTM, 2 layers of 256`.
    pub fn summary(&self) -> String {
        let cell = cell_name(self.cell, self.activation, self.reset_gate);
        let direction = if self.bidirectional { "bidirectional " } else { "" };
        let layers = layers_of(self.num_layers, self.hidden_size, self.layer_norm);
        format!("{direction}{cell}, {layers}")
    }
}
