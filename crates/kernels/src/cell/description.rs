//! What the driver over time reads of a cell, beside its pointwise functions.

use std::ops::Range;

/// The slots of a cell, and the products that fill them.
pub(crate) struct Description {
    /// What a trace calls the slots, in order.
    pub(crate) slot_names: &'static [&'static str],
    /// The gates `0..G`, each once, in the order of the slots `0..G`: those that receive a share of the input's product.
    pub(crate) input_gates: &'static [usize],
    /// The stages of a step, in order. The pre-activations of the first are all slots of a unit, with the input's share;
    /// those of a later one are its own slots only, products without any share.
    pub(crate) stages: &'static [Stage],
    /// Whether the state has a vector `c` beside `h`.
    pub(crate) has_cell_state: bool,
    /// The gate that says how much of the state is kept, where a gate says only that.
    pub(crate) forget_gate: Option<usize>,
}

/// A product by rows of `weight_hh`, which a pointwise function follows.
pub(crate) struct Stage {
    pub(crate) operand: StageOperand,
    /// The slots that receive the product, and whose gradients flow back through the weights. Their biases are part of the
    /// first stage's pre-activations, whichever stage they belong to.
    pub(crate) slots: Range<usize>,
    /// The gate of each of them.
    pub(crate) gates: &'static [usize],
}

/// What a stage multiplies.
#[derive(Clone, Copy)]
pub(crate) enum StageOperand {
    /// The state before the step: what the first stage multiplies, and only it.
    State,
    /// What the pointwise function of the stage before has written to this slot, the last one of the cell. The function of
    /// the stage itself does not see it.
    Slot(usize),
}
