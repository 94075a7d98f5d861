//! What a forward pass leaves behind, by name.

use super::{Direction, Packed};
use crate::backend::{State, Trace};
use crate::buffer::Aligned;
use crate::frames::FramesView;
use crate::sequence::Scratch;

/// States and gates of one layer over one window, and the scratch memory of both passes.
///
/// `Hp` is `H` padded to whole vectors, `S` the cell's slots. After [`super::backward`] the gate slots hold the
/// gradients of the pre-activations.
#[derive(Default)]
pub struct Tape {
    pub(super) steps: usize,
    pub(super) rows: usize,
    pub(super) hidden_size: usize,
    pub(super) hp: usize,
    pub(super) slots: usize,
    pub(super) reverse: bool,
    /// `[T+1, B, Hp]`; the state before step `t` and the one after it are neighbours.
    pub(super) h: Aligned,
    /// `[T+1, B, Hp]`, or empty.
    pub(super) c: Aligned,
    /// `[T, B, Hp/lanes, S, lanes]`.
    pub(super) gates: Aligned,
    /// Rows of different lengths: `[T, B, Hp]` with zeros after the end of each row. Otherwise the output is `h`.
    pub(super) masked: Aligned,
    pub(super) lengths: Option<Vec<usize>>,
    /// `[B, 4 lanes]`: one panel's product.
    pub(super) product: Aligned,
    /// `[B, Hp]` each: gradients carried from step to step.
    pub(super) d_h: Aligned,
    pub(super) d_c: Aligned,
    /// `[V, Hp/lanes, G, lanes]`: gradient of the lookup table.
    pub(super) d_table: Aligned,
    pub(super) scratch: Scratch,
}

impl Tape {
    /// Makes room for a window and writes the initial state.
    pub(super) fn begin(
        &mut self,
        layer: &Packed,
        steps: usize,
        initial: &State<f32>,
        lengths: Option<&[usize]>,
    ) {
        let hidden_size = layer.spec.hidden_size;
        let rows = initial.h.len() / hidden_size;
        let (hp, slots) = (layer.hp, layer.spec.cell.slots());
        let has_c = layer.spec.cell.has_cell_state();
        (self.steps, self.rows, self.hidden_size, self.hp, self.slots) =
            (steps, rows, hidden_size, hp, slots);
        self.reverse = layer.spec.reverse;
        self.h.resize_scratch((steps + 1) * rows * hp);
        self.c.resize_scratch(if has_c { (steps + 1) * rows * hp } else { 0 });
        self.gates.resize_scratch(steps * rows * slots * hp);
        self.lengths = lengths.map(<[usize]>::to_vec);
        self.masked.resize_scratch(if lengths.is_some() { steps * rows * hp } else { 0 });
        self.product.resize_scratch(rows * crate::panel::PANEL_WIDTH * layer.simd.lanes());
        let first = if self.reverse { steps } else { 0 };
        pad_rows(&initial.h, hidden_size, &mut self.h[first * rows * hp..][..rows * hp], hp);
        if has_c {
            pad_rows(&initial.c, hidden_size, &mut self.c[first * rows * hp..][..rows * hp], hp);
        }
    }

    pub(super) fn direction(&self) -> Direction {
        Direction { reverse: self.reverse }
    }

    /// `[B, Hp]` values of one time slice.
    pub(super) fn slice_len(&self) -> usize {
        self.rows * self.hp
    }

    /// The output `[T, B, H]`.
    pub(crate) fn output(&self) -> FramesView<'_> {
        let data = match self.lengths {
            Some(_) => &self.masked[..],
            None => {
                let first = self.direction().after(0);
                &self.h[first * self.slice_len()..][..self.steps * self.slice_len()]
            }
        };
        FramesView::new(data, self.steps * self.rows, self.hidden_size, self.hp)
    }

    /// The state after the last step taken.
    pub(crate) fn final_state(&self) -> State<f32> {
        let at = if self.reverse { 0 } else { self.steps } * self.slice_len();
        let unpad = |values: &[f32]| {
            let rows = values.get(at..at + self.slice_len()).unwrap_or(&[]);
            rows.chunks_exact(self.hp).flat_map(|row| &row[..self.hidden_size]).copied().collect()
        };
        State { h: unpad(&self.h), c: unpad(&self.c) }
    }

    /// Every named value of the forward pass on the host, `[T, B, H]` each.
    pub(crate) fn trace(&self, cell: crate::Cell, lanes: usize) -> Trace<f32> {
        let (n, hp) = (self.steps * self.rows, self.hp);
        let unpad = |values: &[f32]| -> Vec<f32> {
            values.chunks_exact(hp).flat_map(|row| &row[..self.hidden_size]).copied().collect()
        };
        let after = self.direction().after(0) * self.slice_len();
        let state = |values: &[f32]| values.get(after..after + n * hp).map(unpad).unwrap_or_default();
        let gate = |slot: usize| -> Vec<f32> {
            let value = |row: &[f32], u: usize| row[(u / lanes * self.slots + slot) * lanes + u % lanes];
            let rows = self.gates.chunks_exact(self.slots * hp);
            rows.flat_map(|row| (0..self.hidden_size).map(move |u| value(row, u))).collect()
        };
        let gates = cell.slot_names().iter().enumerate().map(|(s, &name)| (name, gate(s))).collect();
        Trace { h: state(&self.h), c: state(&self.c), gates }
    }
}

/// Copies rows of `width` values into rows of `stride`, zeros after them.
pub(super) fn pad_rows(from: &[f32], width: usize, to: &mut [f32], stride: usize) {
    for (row, out) in from.chunks_exact(width).zip(to.chunks_exact_mut(stride)) {
        out[..width].copy_from_slice(row);
        out[width..].fill(0.0);
    }
}
