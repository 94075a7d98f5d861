//! What the driver over time needs to know about a cell, besides its pointwise functions.

use std::ops::Range;

/// The slots of a cell, and the products that fill them.
pub(crate) struct Description {
    /// Names of the slots in a trace, in order.
    pub(crate) slot_names: &'static [&'static str],
    /// The gates of the slots `0..G`, each gate once: these slots receive the input's product.
    pub(crate) input_gates: &'static [usize],
    /// The stages of a step, in order. The first stage has the pre-activations of all slots of a unit, including the
    /// input's contribution; a later stage has those of its own slots only, without the input.
    pub(crate) stages: &'static [Stage],
    /// Whether the state has a vector `c` besides `h`.
    pub(crate) has_cell_state: bool,
    /// The gate that only controls how much of the state is kept, if there is one.
    pub(crate) forget_gate: Option<usize>,
}

/// A product with rows of `weight_hh`, followed by a pointwise function.
pub(crate) struct Stage {
    pub(crate) operand: StageOperand,
    /// The slots that receive the product and whose gradients flow back through the weights. Their biases are added
    /// in the first stage, whichever stage they belong to.
    pub(crate) slots: Range<usize>,
    /// The gate of each slot.
    pub(crate) gates: &'static [usize],
}

/// The left operand of a stage's product.
#[derive(Clone, Copy)]
pub(crate) enum StageOperand {
    /// The state before the step: used by the first stage only.
    State,
    /// The values that the previous stage's pointwise function has written to this slot, the last one of the cell.
    /// The pointwise function of this stage does not access the slot.
    Slot(usize),
}
