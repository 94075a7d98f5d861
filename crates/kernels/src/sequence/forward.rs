//! The forward pass of a layer over a window.

use super::{Active, Packed, Tape};
use crate::backend::{Input, State};
use crate::cell::{self, Cell, ForwardTile, InputShare, gru};
use crate::frames::FramesView;
use crate::panel::{Init, Operand, Panels, Product};
use std::ops::Range;

/// Runs `layer` over `input` from the state `initial`, whose size gives the batch rows. The tape then holds the
/// output and all that the backward pass needs.
pub(crate) fn forward(
    layer: &Packed,
    input: Input<'_, FramesView<'_>>,
    initial: &State<f32>,
    lengths: Option<&[usize]>,
    tape: &mut Tape,
) {
    let rows = initial.h.len() / layer.spec.hidden_size;
    tape.begin(layer, input.positions() / rows, initial, lengths);
    if let Input::Frames(frames) = input {
        let row_len = tape.slots * tape.hp;
        layer.input_product(frames.operand(), frames.rows(), &mut tape.gates, row_len);
    }
    // Apart from the tape while it is written.
    let lengths = std::mem::take(&mut tape.lengths);
    let active = Active { rows, lengths: lengths.as_deref() };
    for t in tape.direction().order(tape.steps) {
        for rows in active.at(t) {
            step(layer, input, Rows { t, rows }, tape);
        }
        for rows in active.finished_at(t) {
            hold(tape, Rows { t, rows });
        }
        if let Some(lengths) = &lengths {
            mask(tape, t, lengths);
        }
    }
    tape.lengths = lengths;
}

/// The rows that one step works on.
struct Rows {
    t: usize,
    rows: Range<usize>,
}

/// One step of some rows.
fn step(layer: &Packed, input: Input<'_, FramesView<'_>>, at: Rows, tape: &mut Tape) {
    let cell = layer.spec.cell;
    let share = match input {
        Input::Frames(_) => InputShare::InGates,
        Input::Ids(ids) => {
            let ids = &ids[at.t * tape.rows + at.rows.start..][..at.rows.len()];
            InputShare::Table { table: &layer.table, ids }
        }
    };
    let hidden = StepProduct { panels: &layer.panels.hidden, gates: cell.hidden_slots().1.len(), slot: None };
    hidden.run(layer, &at, tape, |tile| {
        cell::forward(layer.simd, cell, ForwardTile { input: share, ..tile });
    });
    if cell == (Cell::Gru { reset_after: false }) {
        let candidate = StepProduct { panels: &layer.panels.candidate, gates: 1, slot: Some(gru::SLOT_Q) };
        candidate.run(layer, &at, tape, |tile| layer.simd.run(gru::ForwardCandidate(tile)));
    }
}

/// A step's product over one set of panels.
struct StepProduct<'a> {
    panels: &'a Panels,
    /// Gates of a unit that lie side by side in a panel.
    gates: usize,
    /// What is multiplied: a slot of the step's own gates, or else the state before the step.
    slot: Option<usize>,
}

impl StepProduct<'_> {
    /// Multiplies panel by panel and hands each product, with its surroundings on the tape, to the pointwise part.
    fn run(&self, layer: &Packed, at: &Rows, tape: &mut Tape, pointwise: impl Fn(ForwardTile<'_>)) {
        let Rows { t, ref rows } = *at;
        let (hp, lanes, slots) = (tape.hp, layer.simd.lanes(), tape.slots);
        let slice = tape.slice_len();
        let state = |s: usize| s * slice + rows.start * hp..s * slice + rows.end * hp;
        let (before, after) = (state(tape.direction().before(t)), state(tape.direction().after(t)));
        let row_len = slots * hp;
        let gates = &mut tape.gates[(t * tape.rows + rows.start) * row_len..][..rows.len() * row_len];
        let (h_prev, h_next) = disjoint(&mut tape.h, before.clone(), after.clone());
        let (c_prev, c_next) = match tape.c.is_empty() {
            true => (&[][..], &mut [][..]),
            false => disjoint(&mut tape.c, before, after),
        };
        for p in 0..self.panels.count() {
            let (panel, blocks) = (self.panels.panel(p), self.panels.blocks_of(p));
            let a = match self.slot {
                None => Operand::rows(h_prev, hp, panel.k),
                Some(slot) => Operand::blocks(&gates[slot * lanes..], row_len, lanes, slots * lanes),
            };
            let pre_stride = panel.width * lanes;
            layer.simd.run(Product {
                rows: rows.len(),
                a,
                panel,
                init: Init::Zero,
                c: &mut tape.product,
                c_stride: pre_stride,
            });
            pointwise(ForwardTile {
                rows: rows.len(),
                units: blocks.start / self.gates..blocks.end / self.gates,
                hp,
                pre: &tape.product,
                pre_stride,
                input: InputShare::InGates,
                gates: &mut *gates,
                h_prev,
                h_next: &mut *h_next,
                c_prev,
                c_next: &mut *c_next,
                hidden_bias: &layer.hidden_bias,
            });
        }
    }
}

/// Two ranges of one buffer that do not overlap, the second to be written.
fn disjoint(buffer: &mut [f32], read: Range<usize>, write: Range<usize>) -> (&[f32], &mut [f32]) {
    if read.end <= write.start {
        let (low, high) = buffer.split_at_mut(write.start);
        (&low[read], &mut high[..write.len()])
    } else {
        let (low, high) = buffer.split_at_mut(read.start);
        (&high[..read.len()], &mut low[write])
    }
}

/// Finished rows keep their state; their gates, which the trace shows, are zero.
fn hold(tape: &mut Tape, Rows { t, rows }: Rows) {
    let (hp, slice, row_len) = (tape.hp, tape.slice_len(), tape.slots * tape.hp);
    let (before, after) = (tape.direction().before(t), tape.direction().after(t));
    for state in [&mut tape.h, &mut tape.c] {
        if !state.is_empty() {
            state.copy_within(
                before * slice + rows.start * hp..before * slice + rows.end * hp,
                after * slice + rows.start * hp,
            );
        }
    }
    tape.gates[(t * tape.rows + rows.start) * row_len..(t * tape.rows + rows.end) * row_len].fill(0.0);
}

/// Writes the step's output: the new state of active rows, zero for finished ones.
fn mask(tape: &mut Tape, t: usize, lengths: &[usize]) {
    let (hp, slice) = (tape.hp, tape.slice_len());
    let after = tape.direction().after(t) * slice;
    for (row, &length) in lengths.iter().enumerate() {
        let out = &mut tape.masked[t * slice + row * hp..][..hp];
        if t < length {
            out.copy_from_slice(&tape.h[after + row * hp..][..hp]);
        } else {
            out.fill(0.0);
        }
    }
}
