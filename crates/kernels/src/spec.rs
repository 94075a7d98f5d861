//! The specification of a layer: its sizes, and the offsets of its parameters in the arena.

use crate::cell::Cell;
use std::ops::Range;

/// The input of a recurrent layer at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputSpec {
    /// Dense frames, `[T, B, size]`.
    Frames {
        /// `I`.
        size: usize,
    },
    /// Ids as one-hot vectors of size `V`.
    OneHot {
        /// `V`.
        vocab_size: usize,
    },
    /// Ids through an embedding `[V, E]`.
    Embedded {
        /// `V`.
        vocab_size: usize,
        /// `E`.
        size: usize,
        /// Offset of the embedding in the arena.
        embedding: usize,
    },
}

impl InputSpec {
    /// Columns of `weight_ih`: `I`, `V` or `E`.
    pub fn size(self) -> usize {
        match self {
            InputSpec::Frames { size } | InputSpec::Embedded { size, .. } => size,
            InputSpec::OneHot { vocab_size } => vocab_size,
        }
    }
}

/// One recurrent layer in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecurrentSpec {
    /// The cell.
    pub cell: Cell,
    /// Its input.
    pub input: InputSpec,
    /// `H`.
    pub hidden_size: usize,
    /// Whether time runs from the last step to the first.
    pub reverse: bool,
    /// Offset of `weight_ih`, `[G*H, I]`.
    pub weight_ih: usize,
    /// Offset of `weight_hh`, `[G*H, H]`.
    pub weight_hh: usize,
    /// Offsets of `bias_ih` and `bias_hh`, `[G*H]` each, if the layer has biases.
    pub bias: Option<(usize, usize)>,
}

impl RecurrentSpec {
    pub(crate) fn weight_ih_range(&self) -> Range<usize> {
        self.weight_ih..self.weight_ih + self.cell.gates() * self.hidden_size * self.input.size()
    }

    /// The range of `weight_hh` in the arena.
    pub fn weight_hh_range(&self) -> Range<usize> {
        self.weight_hh..self.weight_hh + self.cell.gates() * self.hidden_size * self.hidden_size
    }

    /// Ranges of `bias_ih` and `bias_hh`.
    pub(crate) fn bias_ranges(&self) -> Option<(Range<usize>, Range<usize>)> {
        let len = self.cell.gates() * self.hidden_size;
        self.bias.map(|(ih, hh)| (ih..ih + len, hh..hh + len))
    }
}

/// A linear layer from `I` features to `O`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearSpec {
    /// `I`.
    pub input_size: usize,
    /// `O`; for a readout, `V`.
    pub output_size: usize,
    /// Offset of the weight, `[O, I]`.
    pub weight: usize,
    /// Offset of the bias, `[O]`, if there is one.
    pub bias: Option<usize>,
}

impl LinearSpec {
    pub(crate) fn weight_range(&self) -> Range<usize> {
        self.weight..self.weight + self.output_size * self.input_size
    }

    pub(crate) fn bias_range(&self) -> Option<Range<usize>> {
        self.bias.map(|bias| bias..bias + self.output_size)
    }
}
