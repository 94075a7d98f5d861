//! The backward pass of a layer over a window: the forward pass in reverse.

use super::gradient::{self, Scratch, WeightGradient};
use super::tape::{pad_rows, unpad_rows};
use super::{Active, Packed, Tape};
use crate::backend::{Gradients, Input, Upstream};
use crate::buffer::Aligned;
use crate::cell::{self, BackwardTile, Cell, gru};
use crate::embedding;
use crate::frames::{Frames, FramesView};
use crate::panel::{Init, Operand, Planes, Product, Term};
use crate::values::{Kind, PlanesMut, each};
use std::ops::Range;

/// Consumes the tape of a forward pass over `input`; see [`crate::Backend::recurrent_backward`].
pub(crate) fn backward(
    layer: &Packed,
    input: Input<'_, FramesView<'_>>,
    params: &[f32],
    upstream: Upstream<'_, FramesView<'_>, f32>,
    tape: &mut Tape,
    into: Gradients<'_, Aligned, Frames, f32>,
) {
    through_time(layer, &upstream, tape);
    parameters(layer, input, params, tape, into.params);
    if let Some(d_input) = into.d_input {
        frames(layer, tape, d_input);
    }
    if let Some(d_initial) = into.d_initial {
        unpad_rows(&tape.d_h, tape.hp, tape.hidden_size, &mut d_initial.h);
        unpad_rows(&tape.d_c, tape.hp, tape.hidden_size, &mut d_initial.c);
    }
}

/// Turns the gates on the tape into gradients of the pre-activations; leaves the initial state's gradient in
/// `d_h` and `d_c`.
fn through_time(layer: &Packed, upstream: &Upstream<'_, FramesView<'_>, f32>, tape: &mut Tape) {
    let slice = tape.slice_len();
    tape.d_h.resize_scratch(slice);
    tape.d_c.resize_scratch(if tape.c.is_empty() { 0 } else { slice });
    match upstream.d_final {
        Some(d_final) => {
            pad_rows(&d_final.h, tape.hidden_size, &mut tape.d_h, tape.hp);
            pad_rows(&d_final.c, tape.hidden_size, &mut tape.d_c, tape.hp);
        }
        None => {
            tape.d_h.fill(0.0);
            tape.d_c.fill(0.0);
        }
    }
    // Apart from the tape while it is written.
    let lengths = std::mem::take(&mut tape.lengths);
    let active = Active { rows: tape.rows, lengths: lengths.as_deref() };
    let mut later = None;
    for t in tape.direction().order(tape.steps).rev() {
        if let Some(later) = later {
            for p in 0..layer.panels.hidden_back.count() {
                active.at(later).for_each(|rows| through_weights(layer, p, later, rows, tape));
            }
        }
        for rows in active.at(t) {
            let units = 0..layer.panels.hidden_back.blocks();
            let (tile, gates) = tile(tape, upstream.d_output, t, rows, units);
            cell::backward(layer.simd, layer.spec.cell, tile, gates);
        }
        if layer.spec.cell == (Cell::Gru { reset_after: false }) {
            active.at(t).for_each(|rows| reset_gates(layer, t, rows, tape));
        }
        later = Some(t);
    }
    if let Some(first) = later {
        for p in 0..layer.panels.hidden_back.count() {
            active.at(first).for_each(|rows| through_weights(layer, p, first, rows, tape));
        }
    }
    tape.lengths = lengths;
}

/// Adds what flows from the gates of step `t` through `W_hh` to the carried `d_h`, for the units of panel `p`.
fn through_weights(layer: &Packed, p: usize, t: usize, rows: Range<usize>, tape: &mut Tape) {
    let (slots, _) = layer.spec.cell.hidden_slots();
    let (panels, hp) = (&layer.panels.hidden_back, tape.hp);
    let panel = panels.panel(p);
    let first = slots.start * tape.plane() + (t * tape.rows + rows.start) * hp;
    let gates = Planes { data: tape.gates.as_ref().from(first), row_stride: hp, plane: tape.plane() };
    Product {
        rows: rows.len(),
        terms: &[Term { a: Operand::planes(gates, panel.k / slots.len()), panel, at: 0 }],
        init: Init::Accumulate,
        width: panel.width,
        c: &mut tape.d_h[rows.start * hp + panels.blocks_of(p).start * layer.simd.lanes()..],
        c_stride: hp,
    }
    .run(layer.simd);
}

/// The reset-before GRU's way back from the candidate through `W_hn` and the reset gate.
fn reset_gates(layer: &Packed, t: usize, rows: Range<usize>, tape: &mut Tape) {
    let (lanes, hp, panels) = (layer.simd.lanes(), tape.hp, &layer.panels.candidate_back);
    let first = gru::SLOT_N * tape.plane() + (t * tape.rows + rows.start) * hp;
    for p in 0..panels.count() {
        let (panel, units) = (panels.panel(p), panels.blocks_of(p));
        let mut d_q = std::mem::take(&mut tape.product);
        let d_q_stride = panel.width * lanes;
        let d_n = Operand::rows(tape.gates.as_ref().from(first), hp, panel.k);
        Product {
            rows: rows.len(),
            terms: &[Term { a: d_n, panel, at: 0 }],
            init: Init::Zero,
            width: panel.width,
            c: &mut d_q,
            c_stride: d_q_stride,
        }
        .run(layer.simd);
        let (tile, gates) = tile(tape, None, t, rows.clone(), units);
        each!(PlanesMut, gates, gates => {
            layer.simd.run(gru::BackwardResetGate { tile, gates, d_q: &d_q, d_q_stride });
        });
        tape.product = d_q;
    }
}

/// The surroundings of some rows and units of step `t`, and the gates from those rows on.
fn tile<'a>(
    tape: &'a mut Tape,
    d_output: Option<FramesView<'a>>,
    t: usize,
    rows: Range<usize>,
    units: Range<usize>,
) -> (BackwardTile<'a>, PlanesMut<'a>) {
    let (hp, plane, slice) = (tape.hp, tape.plane(), tape.slice_len());
    let (before, after) = (tape.direction().before(t), tape.direction().after(t));
    let first = t * tape.rows + rows.start;
    let state = |s: usize| s * slice + rows.start * hp..s * slice + rows.end * hp;
    let cell_state = |s: usize| if tape.c.is_empty() { &[][..] } else { &tape.c[state(s)] };
    let (d_output, d_output_stride) = match d_output {
        Some(frames) => frames.gradients_from(first),
        None => (&[][..], 0),
    };
    let tile = BackwardTile {
        rows: rows.len(),
        units,
        hp,
        d_output,
        d_output_stride,
        h_prev: &tape.h[state(before)],
        c_prev: cell_state(before),
        c_next: cell_state(after),
        d_h: &mut tape.d_h[rows.start * hp..rows.end * hp],
        d_c: if tape.d_c.is_empty() { &mut [] } else { &mut tape.d_c[rows.start * hp..rows.end * hp] },
    };
    (tile, tape.gates.as_mut().planes(plane, first * hp))
}

/// Adds the gradients of weights, biases and embedding.
fn parameters(
    layer: &Packed,
    input: Input<'_, FramesView<'_>>,
    params: &[f32],
    tape: &mut Tape,
    grads: &mut [f32],
) {
    let (simd, spec, hp, plane) = (layer.simd, &layer.spec, tape.hp, tape.plane());
    let (slots, gates) = spec.cell.hidden_slots();
    let h_before = tape.direction().before(0) * tape.slice_len();
    let mut scratch = std::mem::take(&mut tape.scratch);
    let z = Planes { data: tape.gates.as_ref(), row_stride: hp, plane };
    let from_gates = WeightGradient {
        simd,
        steps: tape.steps * tape.rows,
        hidden_size: spec.hidden_size,
        z,
        first_plane: slots.start,
        gates,
        x: tape.states().from(h_before),
        x_stride: hp,
        x_width: spec.hidden_size,
    };
    let weight_hh = &mut grads[spec.weight_hh_range()];
    from_gates.add_to(weight_hh, &mut scratch);
    if spec.cell == (Cell::Gru { reset_after: false }) {
        let candidate = WeightGradient {
            first_plane: gru::SLOT_N,
            gates: &[gru::N],
            x: z.data.from(gru::SLOT_Q * plane),
            ..from_gates
        };
        candidate.add_to(weight_hh, &mut scratch);
    }
    match input {
        Input::Frames(x) => {
            let by_input = WeightGradient {
                first_plane: 0,
                gates: spec.cell.input_gates(),
                x: x.data(),
                x_stride: x.stride(),
                x_width: spec.input.size(),
                ..from_gates
            };
            by_input.add_to(&mut grads[spec.weight_ih_range()], &mut scratch);
        }
        Input::Ids(ids) => {
            embedding::gradients(layer, ids, params, z, &mut tape.d_table, grads, &mut scratch)
        }
    }
    biases(layer, z, tape.steps * tape.rows, grads, &mut scratch);
    tape.scratch = scratch;
}

/// Adds the sums of the gates' gradients to the biases.
fn biases(layer: &Packed, z: Planes<'_>, rows: usize, grads: &mut [f32], scratch: &mut Scratch) {
    let spec = &layer.spec;
    let Some((ih, hh)) = spec.bias_ranges() else { return };
    let (slots, hidden_gates) = spec.cell.hidden_slots();
    let candidate = spec.cell == (Cell::Gru { reset_after: false });
    for slot in 0..spec.cell.slots() {
        let sums = gradient::column_sums(layer.simd, z, slot, rows, scratch);
        let by_input = spec.cell.input_gates().get(slot).map(|gate| ih.start + gate * spec.hidden_size);
        let by_state = slots.contains(&slot).then(|| hidden_gates[slot - slots.start]);
        let by_state = by_state.or((candidate && slot == gru::SLOT_N).then_some(gru::N));
        let by_state = by_state.map(|gate| hh.start + gate * spec.hidden_size);
        for start in [by_input, by_state].into_iter().flatten() {
            let bias = &mut grads[start..][..spec.hidden_size];
            bias.iter_mut().zip(sums).for_each(|(bias, sum)| *bias += sum);
        }
    }
}

/// Overwrites the gradient of the input frames.
fn frames(layer: &Packed, tape: &Tape, d_input: &mut Frames) {
    let (rows, size) = (tape.steps * tape.rows, layer.spec.input.size());
    let stride = size.next_multiple_of(layer.simd.lanes());
    d_input.resize(Kind::F32, rows, size, stride);
    let z = Planes { data: tape.gates.as_ref(), row_stride: tape.hp, plane: tape.plane() };
    layer.input_gradient(z, rows, d_input.gradients_mut(), stride);
}
