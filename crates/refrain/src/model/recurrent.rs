//! The recurrent layers of a model, as model files store them.

use refrain_kernels::{Activation, Cell, InputSpec};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::{fraction, within};
use crate::layer::{DropoutRate, StackSizes};

/// A recurrent cell, by the name in options and files.
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

/// Cell and sizes of recurrent layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSizes {
    /// The cell.
    pub cell: CellKind,
    /// For `cell = "rnn"`.
    #[serde(default)]
    pub activation: ActivationKind,
    /// For `cell = "gru"`.
    #[serde(default)]
    pub reset_gate: ResetGate,
    /// `H`, of each direction.
    pub hidden_size: usize,
    /// `L`.
    pub num_layers: usize,
    /// Whether each layer's output is normalised.
    #[serde(default)]
    pub layer_norm: bool,
    /// Dropout probability of each layer's output.
    pub dropout: f32,
}

/// Recurrent layers over any input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecurrentLayers {
    /// Cell and sizes.
    #[serde(flatten)]
    pub layers: LayerSizes,
    /// Whether a second set of layers reads each sequence from its end.
    pub bidirectional: bool,
    /// Whether all time steps of a sequence share a dropout mask.
    pub locked_dropout: bool,
}

/// Larger sizes are mistakes, and arithmetic on sizes could overflow.
pub(super) const MAX_SIZE: usize = 16_384;
const MAX_LAYERS: usize = 32;
pub(super) const MAX_VOCABULARY: usize = 0x11_0000;

impl Default for LayerSizes {
    /// One LSTM layer of 128 units, without dropout.
    fn default() -> Self {
        Self {
            cell: CellKind::default(),
            activation: ActivationKind::default(),
            reset_gate: ResetGate::default(),
            hidden_size: 128,
            num_layers: 1,
            layer_norm: false,
            dropout: 0.0,
        }
    }
}

impl LayerSizes {
    /// The cell with its variant.
    pub fn cell(&self) -> Cell {
        match self.cell {
            CellKind::Rnn => Cell::Rnn(match self.activation {
                ActivationKind::Tanh => Activation::Tanh,
                ActivationKind::Relu => Activation::Relu,
                ActivationKind::Logistic => Activation::Logistic,
            }),
            CellKind::Gru => Cell::Gru { reset_after: self.reset_gate == ResetGate::After },
            CellKind::Lstm => Cell::Lstm,
        }
    }

    /// The name of the cell with its variant.
    pub fn cell_name(&self) -> &'static str {
        match self.cell {
            CellKind::Rnn => match self.activation {
                ActivationKind::Tanh => "Elman RNN (tanh)",
                ActivationKind::Relu => "Elman RNN (ReLU)",
                ActivationKind::Logistic => "Elman RNN (logistic)",
            },
            CellKind::Gru if self.reset_gate == ResetGate::Before => "GRU (reset before)",
            CellKind::Gru => "GRU",
            CellKind::Lstm => "LSTM",
        }
    }

    /// A unidirectional stack of these layers over an input, with dropout on all outputs, the top layer's included.
    pub fn over(&self, input: InputSpec) -> StackSizes {
        StackSizes {
            num_layers: self.num_layers,
            layer_norm: self.layer_norm,
            dropout: DropoutRate { rate: self.dropout, locked: false },
            drops_top: true,
            ..StackSizes::new(self.cell(), input, self.hidden_size)
        }
    }

    /// Checks all sizes against their bounds.
    ///
    /// # Errors
    /// [`crate::Error::Setting`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        within("hidden_size", self.hidden_size, 1, MAX_SIZE)?;
        within("num_layers", self.num_layers, 1, MAX_LAYERS)?;
        fraction("dropout", self.dropout)
    }

    /// For example `LSTM, 2 layers of 256`.
    pub fn summary(&self) -> String {
        let Self { num_layers, hidden_size, .. } = self;
        let layers = if *num_layers == 1 { "layer" } else { "layers" };
        let normalised = if self.layer_norm { ", normalised" } else { "" };
        format!("{}, {num_layers} {layers} of {hidden_size}{normalised}", self.cell_name())
    }
}

impl RecurrentLayers {
    /// Dropout on a layer's output.
    pub fn dropout(&self) -> DropoutRate {
        DropoutRate { rate: self.layers.dropout, locked: self.locked_dropout }
    }

    /// Width of the output, `D H`.
    pub fn output_size(&self) -> usize {
        self.layers.hidden_size * if self.bidirectional { 2 } else { 1 }
    }

    /// A stack of these layers over an input; `drops_top` is whether the top layer's output has dropout.
    pub fn over(&self, input: InputSpec, drops_top: bool) -> StackSizes {
        let Self { bidirectional, .. } = *self;
        StackSizes { bidirectional, dropout: self.dropout(), drops_top, ..self.layers.over(input) }
    }

    /// For example `bidirectional LSTM, 2 layers of 256`.
    pub fn summary(&self) -> String {
        let direction = if self.bidirectional { "bidirectional " } else { "" };
        format!("{direction}{}", self.layers.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_are_on_one_level_and_unknown_ones_are_refused() {
        let layers = RecurrentLayers { locked_dropout: true, ..RecurrentLayers::default() };
        let json = serde_json::to_string(&layers).unwrap();
        let written = r#"{"cell":"lstm","activation":"tanh","reset_gate":"after","hidden_size":128,"num_layers":1,"layer_norm":false,"dropout":0.0,"bidirectional":false,"locked_dropout":true}"#;
        assert_eq!(json, written);
        assert_eq!(serde_json::from_str::<RecurrentLayers>(&json).unwrap(), layers);
        let unknown = json.replace("bidirectional", "peepholes");
        let error = serde_json::from_str::<RecurrentLayers>(&unknown).unwrap_err().to_string();
        assert!(error.contains("peepholes") || error.contains("bidirectional"), "{error}");
        let more = json.replace('{', r#"{"peepholes":true,"#);
        let error = serde_json::from_str::<RecurrentLayers>(&more).unwrap_err().to_string();
        assert!(error.contains("peepholes"), "{error}");
    }
}
