//! The sizes and kinds that make a model what it is: stored in its file, checked before anything is allocated.

use refrain_kernels::{Activation, Cell};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A recurrent cell, by the name that options and files use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellKind {
    /// Elman's cell.
    Rnn,
    /// The gated recurrent unit.
    Gru,
    /// Long short-term memory.
    #[default]
    Lstm,
}

/// The nonlinearity of an Elman cell, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActivationKind {
    /// Hyperbolic tangent.
    #[default]
    Tanh,
    /// Rectifier.
    Relu,
    /// Logistic function.
    Logistic,
}

/// Where a GRU's reset gate acts, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResetGate {
    /// On the recurrent product, as in PyTorch.
    #[default]
    After,
    /// On the state before the product, as in Cho et al. 2014.
    Before,
}

/// A language model's architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The cell.
    pub cell: CellKind,
    /// For `cell = "rnn"`.
    #[serde(default)]
    pub activation: ActivationKind,
    /// For `cell = "gru"`.
    #[serde(default)]
    pub reset_gate: ResetGate,
    /// `H`.
    pub hidden_size: usize,
    /// `L`.
    pub num_layers: usize,
    /// Whether each layer's output is normalised.
    #[serde(default)]
    pub layer_norm: bool,
    /// `E`; 0 for one-hot input.
    pub embedding_size: usize,
    /// `V`.
    pub vocab_size: usize,
    /// Whether the readout's matrix is that of the embedding (Press & Wolf 2017, <https://arxiv.org/abs/1608.05859>).
    #[serde(default)]
    pub tied_embeddings: bool,
    /// Share of each layer's output that training drops.
    pub dropout: f32,
}

/// Beyond these a size is a mistake, and arithmetic on sizes could overflow.
pub(super) const MAX_SIZE: usize = 16_384;
const MAX_LAYERS: usize = 32;
pub(super) const MAX_VOCABULARY: usize = 0x11_0000;

impl Architecture {
    /// The cell with its variant.
    pub fn cell(&self) -> Cell {
        cell(self.cell, self.activation, self.reset_gate)
    }

    /// Checks that every size is one that a model can have.
    ///
    /// # Errors
    /// [`Error::Config`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        layers(self.hidden_size, self.num_layers, self.dropout)?;
        within("embedding size", self.embedding_size, 0, MAX_SIZE)?;
        within("vocabulary size", self.vocab_size, 1, MAX_VOCABULARY)?;
        match self.tied_embeddings && self.embedding_size != self.hidden_size {
            true => Err(Error::Config(format!(
                "tied embeddings are as wide as the layers that they are read from: leave out --embedding-size {}, \
                 or give it --hidden-size {}'s value",
                self.embedding_size, self.hidden_size
            ))),
            false => Ok(()),
        }
    }

    /// The cell with its variant, for people.
    pub fn cell_name(&self) -> &'static str {
        cell_name(self.cell, self.activation, self.reset_gate)
    }

    /// One line for people: `LSTM, 2 layers of 256, embedding of 64`.
    pub fn summary(&self) -> String {
        let cell = self.cell_name();
        let layers = layers_of(self.num_layers, self.hidden_size, self.layer_norm);
        match self.embedding_size {
            0 => format!("{cell}, {layers}, one-hot input"),
            e if self.tied_embeddings => format!("{cell}, {layers}, tied embedding of {e}"),
            e => format!("{cell}, {layers}, embedding of {e}"),
        }
    }
}

/// A cell with its variant.
pub(super) fn cell(kind: CellKind, activation: ActivationKind, reset_gate: ResetGate) -> Cell {
    match kind {
        CellKind::Rnn => Cell::Rnn(match activation {
            ActivationKind::Tanh => Activation::Tanh,
            ActivationKind::Relu => Activation::Relu,
            ActivationKind::Logistic => Activation::Logistic,
        }),
        CellKind::Gru => Cell::Gru { reset_after: reset_gate == ResetGate::After },
        CellKind::Lstm => Cell::Lstm,
    }
}

/// A cell with its variant, for people.
pub(super) fn cell_name(kind: CellKind, activation: ActivationKind, reset_gate: ResetGate) -> &'static str {
    match kind {
        CellKind::Rnn => match activation {
            ActivationKind::Tanh => "Elman RNN (tanh)",
            ActivationKind::Relu => "Elman RNN (ReLU)",
            ActivationKind::Logistic => "Elman RNN (logistic)",
        },
        CellKind::Gru if reset_gate == ResetGate::Before => "GRU (reset before)",
        CellKind::Gru => "GRU",
        CellKind::Lstm => "LSTM",
    }
}

/// How many layers of which size, for people.
pub(super) fn layers_of(num_layers: usize, hidden_size: usize, layer_norm: bool) -> String {
    let layers = if num_layers == 1 { "layer" } else { "layers" };
    let normalised = if layer_norm { ", normalised" } else { "" };
    format!("{num_layers} {layers} of {hidden_size}{normalised}")
}

/// Refuses recurrent layers that cannot be.
pub(super) fn layers(hidden_size: usize, num_layers: usize, dropout: f32) -> Result<()> {
    within("hidden size", hidden_size, 1, MAX_SIZE)?;
    within("number of layers", num_layers, 1, MAX_LAYERS)?;
    match (0.0..1.0).contains(&dropout) {
        true => Ok(()),
        false => {
            Err(Error::Config(format!("dropout is {dropout}: give a share from 0 up to, not including, 1")))
        }
    }
}

/// Refuses a size out of bounds.
pub(super) fn within(name: &str, value: usize, least: usize, most: usize) -> Result<()> {
    match value {
        value if (least..=most).contains(&value) => Ok(()),
        _ => Err(Error::Config(format!("{name} is {value}: give a number from {least} to {most}"))),
    }
}
