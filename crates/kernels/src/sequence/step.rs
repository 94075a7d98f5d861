//! The data of one step of the forward pass: some rows, the states before and after it, and the operands of its
//! products.

use super::packed::Packed;
use super::tape::Tape;
use crate::bf16::Bf16;
use crate::cell::{ForwardTile, InputBias};
use crate::panel::{Init, Operand, Product, Term};
use crate::values::ValuesRef;
use std::ops::Range;

/// The rows of one step.
pub(super) struct Rows {
    pub(super) t: usize,
    pub(super) rows: Range<usize>,
}

/// The operands of the products that give a step's pre-activations.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    /// Dense input frames.
    pub(super) x: Option<Operand<'a>>,
    pub(super) h: Operand<'a>,
    /// Whether the input's products are already computed.
    pub(super) precomputed: bool,
}

impl Operands<'_> {
    /// The products of some panels, `[rows][unit blocks, slots, lanes]` starting at their first unit, rows `stride`
    /// apart.
    pub(super) fn multiply(
        &self,
        layer: &Packed,
        panels: Range<usize>,
        rows: usize,
        pre: &mut [f32],
        stride: usize,
    ) {
        let (cell, first) = (layer.spec.cell, layer.unit_blocks_of(panels.clone()).start);
        let at = cell.description().stages[0].slots.start;
        for p in panels {
            let units = layer.unit_blocks_of(p..p + 1);
            let width = units.len() * cell.slots();
            let by_state = Term { a: self.h, panel: layer.panels.state().panel(p), at };
            let both = self.x.filter(|_| !self.precomputed);
            let both = both.map(|a| [Term { a, panel: layer.panels.input.panel(p), at: 0 }, by_state]);
            let terms = both.as_ref().map_or(std::slice::from_ref(&by_state), |both| both);
            let init = if self.precomputed { Init::Accumulate } else { Init::Zero };
            let c = &mut pre[(units.start - first) * cell.slots() * layer.simd.lanes()..];
            Product { rows, terms, init, width, c, c_stride: stride }.run(layer.simd);
        }
    }
}

/// The ranges of the states before and after a step on the tape.
pub(super) fn state_ranges(tape: &Tape, at: &Rows) -> (Range<usize>, Range<usize>) {
    let (hp, slice) = (tape.hp, tape.slice_len());
    let range = |s: usize| s * slice + at.rows.start * hp..s * slice + at.rows.end * hp;
    (range(tape.direction().before(at.t)), range(tape.direction().after(at.t)))
}

/// The states of some rows before and after a step.
pub(super) struct States<'a> {
    pub(super) h: (&'a [f32], &'a mut [f32]),
    pub(super) h_rounded: (&'a [Bf16], &'a mut [Bf16]),
    pub(super) c: (&'a [f32], &'a mut [f32]),
}

impl<'a> States<'a> {
    pub(super) fn split(
        h: &'a mut [f32],
        h_rounded: &'a mut [Bf16],
        c: &'a mut [f32],
        before: &Range<usize>,
        after: &Range<usize>,
    ) -> Self {
        Self {
            h: disjoint(h, before, after),
            h_rounded: disjoint(h_rounded, before, after),
            c: disjoint(c, before, after),
        }
    }

    /// The state before the step as products read it.
    pub(super) fn operand(&self) -> ValuesRef<'a> {
        match self.h_rounded.0 {
            [] => ValuesRef::F32(self.h.0),
            rounded => ValuesRef::Bf16(rounded),
        }
    }

    /// The forward tile of some units, whose products are `pre`.
    pub(super) fn tile<'b>(
        &'b mut self,
        rows: usize,
        units: Range<usize>,
        hp: usize,
        (pre, pre_stride): (&'b [f32], usize),
        input_bias: InputBias<'b>,
    ) -> ForwardTile<'b> {
        ForwardTile {
            rows,
            units,
            hp,
            pre,
            pre_stride,
            input_bias,
            h_prev: self.h.0,
            h_next: self.h.1,
            h_rounded: self.h_rounded.1,
            c_prev: self.c.0,
            c_next: self.c.1,
        }
    }
}

/// Two disjoint ranges of one buffer, the second mutable; both empty for an empty buffer.
fn disjoint<'a, E>(buffer: &'a mut [E], read: &Range<usize>, write: &Range<usize>) -> (&'a [E], &'a mut [E]) {
    if buffer.is_empty() {
        return (&[], &mut []);
    }
    if read.end <= write.start {
        let (low, high) = buffer.split_at_mut(write.start);
        (&low[read.clone()], &mut high[..write.len()])
    } else {
        let (low, high) = buffer.split_at_mut(read.start);
        (&high[..read.len()], &mut low[write.clone()])
    }
}
