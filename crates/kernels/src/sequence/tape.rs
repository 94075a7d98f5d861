//! What a forward pass saves, by name.

use super::gradient::Scratch;
use super::packed::Packed;
use super::time::Direction;
use crate::backend::{State, Trace};
use crate::bf16::Bf16;
use crate::buffer::Aligned;
use crate::cell::Cell;
use crate::frames::FramesView;
use crate::panel::{PANEL_WIDTH, Quantised};
use crate::values::{Kind, Values, ValuesRef, match_kind};

/// States and gates of one layer over one window, and the scratch memory of both passes.
///
/// `Hp` is `H` padded to whole vectors. After [`super::backward`] the gates hold the gradients of the pre-activations.
#[derive(Default)]
pub struct Tape {
    pub(super) steps: usize,
    pub(super) rows: usize,
    pub(super) hidden_size: usize,
    pub(super) hp: usize,
    pub(super) reverse: bool,
    /// The number type of activations: the gates, and the states as products read them.
    kind: Kind,
    /// `[T+1, B, Hp]`; the states before and after step `t` are adjacent.
    pub(super) h: Aligned,
    /// The same in bfloat16, where products read that; otherwise empty.
    pub(super) h_rounded: Aligned<Bf16>,
    /// `[T+1, B, Hp]`, or empty.
    pub(super) c: Aligned,
    /// `[slots, T, B, Hp]`: a plane for each slot.
    pub(super) gates: Values,
    /// Rows of different lengths: `[T, B, Hp]` with zeros after the end of each row. Otherwise the output is `h`.
    pub(super) masked: Values,
    pub(super) lengths: Option<Vec<usize>>,
    /// `[B, 4 lanes]`: one panel's product; for a single row, those of all panels.
    pub(super) product: Aligned,
    /// `[T, B, unit blocks, slots, lanes]`: the input's products, if they are computed before the first step; otherwise empty.
    pub(super) precomputed: Aligned,
    /// The input and the state of a step, rounded for products with 8-bit weights.
    pub(super) quantised: [Quantised; 2],
    /// `[B, Hp]` each: gradients carried from step to step.
    pub(super) d_h: Aligned,
    pub(super) d_c: Aligned,
    /// `[V, G, Hp]`: gradient of the lookup table.
    pub(super) d_table: Aligned,
    pub(super) scratch: Scratch,
}

impl Tape {
    /// Resizes for a window and writes the initial state.
    pub(super) fn begin(
        &mut self,
        layer: &Packed,
        steps: usize,
        initial: &State<f32>,
        lengths: Option<&[usize]>,
    ) {
        let hidden_size = layer.spec.hidden_size;
        let rows = initial.h.len() / hidden_size;
        let (hp, kind) = (layer.hp, layer.precision.kind());
        (self.steps, self.rows, self.hidden_size, self.hp) = (steps, rows, hidden_size, hp);
        (self.reverse, self.kind) = (layer.spec.reverse, kind);
        let (states, plane) = ((steps + 1) * rows * hp, self.plane());
        self.h.resize_scratch(states);
        self.h_rounded.resize_scratch(if kind == Kind::Bf16 { states } else { 0 });
        self.c.resize_scratch(if layer.spec.cell.has_cell_state() { states } else { 0 });
        self.gates.resize_scratch(kind, layer.spec.cell.slots() * plane);
        self.lengths = lengths.map(<[usize]>::to_vec);
        self.masked.resize_scratch(kind, if lengths.is_some() { plane } else { 0 });
        let panel = rows * PANEL_WIDTH * layer.simd.lanes();
        self.product.resize_scratch(if rows == 1 { panel.max(layer.row_len()) } else { panel });
        self.clear_padding(layer.unit_blocks() * layer.simd.lanes());

        let first = if self.reverse { steps } else { 0 } * rows * hp;
        let own = first..first + rows * hp;
        pad_rows(&initial.h, hidden_size, &mut self.h[own.clone()], hp);
        if !self.c.is_empty() {
            pad_rows(&initial.c, hidden_size, &mut self.c[own.clone()], hp);
        }
        if !self.h_rounded.is_empty() {
            for (to, &h) in self.h_rounded[own.clone()].iter_mut().zip(&self.h[own]) {
                *to = Bf16::of(h);
            }
        }
    }

    /// Zeroes the part of each row that products read but no unit fills.
    fn clear_padding(&mut self, units: usize) {
        if units == self.hp {
            return;
        }
        self.h_rounded.chunks_exact_mut(self.hp).for_each(|row| row[units..].fill(Bf16::default()));
        match_kind!(Values, &mut self.gates, gates => {
            gates.chunks_exact_mut(self.hp).for_each(|row| row[units..].fill(Default::default()));
        });
    }

    /// Number of values in a plane of the gates.
    pub(super) fn plane(&self) -> usize {
        self.steps * self.rows * self.hp
    }

    /// The states as products read them, `[T+1, B, Hp]`.
    pub(super) fn states(&self) -> ValuesRef<'_> {
        match self.kind {
            Kind::F32 => ValuesRef::F32(&self.h),
            Kind::Bf16 => ValuesRef::Bf16(&self.h_rounded),
        }
    }

    pub(super) fn direction(&self) -> Direction {
        Direction { reverse: self.reverse }
    }

    /// Number of values in one time slice, `[B, Hp]`.
    pub(super) fn slice_len(&self) -> usize {
        self.rows * self.hp
    }

    /// The output `[T, B, H]`.
    pub(crate) fn output(&self) -> FramesView<'_> {
        let data = match self.lengths {
            Some(_) => self.masked.as_ref(),
            None => self.states().from(self.direction().after(0) * self.slice_len()),
        };
        FramesView::new(data, self.steps * self.rows, self.hidden_size, self.hp)
    }

    /// Overwrites `state` with the state after the last step.
    pub(crate) fn final_state(&self, state: &mut State<f32>) {
        let at = if self.reverse { 0 } else { self.steps } * self.slice_len();
        for (values, to) in [(&self.h, &mut state.h), (&self.c, &mut state.c)] {
            unpad_rows(
                values.get(at..at + self.slice_len()).unwrap_or_default(),
                self.hp,
                self.hidden_size,
                to,
            );
        }
    }

    /// All named values of the forward pass on the host, `[T, B, H]` each.
    pub(crate) fn trace(&self, cell: Cell) -> Trace<f32> {
        let (plane, hp) = (self.plane(), self.hp);
        let unpad = |values: ValuesRef<'_>, at: usize| values.to_f32(at, plane / hp, self.hidden_size, hp);
        let after = self.direction().after(0) * self.slice_len();
        let c = if self.c.is_empty() { vec![] } else { unpad(ValuesRef::F32(&self.c), after) };
        let gates = cell.slot_names().iter().enumerate();
        Trace {
            h: unpad(ValuesRef::F32(&self.h), after),
            c,
            gates: gates.map(|(slot, &name)| (name, unpad(self.gates.as_ref(), slot * plane))).collect(),
        }
    }
}

/// Copies rows of `width` values into rows of `stride`, padded with zeros.
pub(super) fn pad_rows(from: &[f32], width: usize, to: &mut [f32], stride: usize) {
    for (row, out) in from.chunks_exact(width).zip(to.chunks_exact_mut(stride)) {
        out[..width].copy_from_slice(row);
        out[width..].fill(0.0);
    }
}

/// Overwrites `to` with the first `width` values of every row of `stride`.
pub(super) fn unpad_rows(from: &[f32], stride: usize, width: usize, to: &mut Vec<f32>) {
    to.clear();
    from.chunks_exact(stride).for_each(|row| to.extend_from_slice(&row[..width]));
}
