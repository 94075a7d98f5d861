//! The backward pass of a layer over a window: the forward pass in reverse.

use super::gradient::{self, WeightGradient};
use super::tape::pad_rows;
use super::{Active, Packed, Tape};
use crate::backend::{Gradients, Input, State, Upstream};
use crate::buffer::Aligned;
use crate::cell::{self, BackwardTile, Cell, gru};
use crate::embedding;
use crate::frames::{Frames, FramesView};
use crate::panel::{Init, Operand, Product};
use crate::spec::InputSpec;
use std::ops::Range;

/// Consumes the tape of a forward pass over `input`; see [`crate::Backend::recurrent_backward`].
pub(crate) fn backward(
    layer: &Packed,
    input: Input<'_, FramesView<'_>>,
    params: &[f32],
    upstream: Upstream<'_, FramesView<'_>, f32>,
    tape: &mut Tape,
    into: Gradients<'_, Aligned, Frames>,
) -> State<f32> {
    through_time(layer, &upstream, tape);
    parameters(layer, input, params, tape, into.params);
    if let Some(d_input) = into.d_input {
        frames(layer, tape, d_input);
    }
    let unpad = |values: &[f32]| -> Vec<f32> {
        values.chunks_exact(tape.hp).flat_map(|row| &row[..tape.hidden_size]).copied().collect()
    };
    State { h: unpad(&tape.d_h), c: unpad(&tape.d_c) }
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
        for p in 0..layer.panels.hidden_back.count() {
            if let Some(later) = later {
                active.at(later).for_each(|rows| through_weights(layer, p, later, rows, tape));
            }
            let units = layer.panels.hidden_back.blocks_of(p);
            for rows in active.at(t) {
                let tile = tile(tape, upstream.d_output, t, rows, units.clone());
                cell::backward(layer.simd, layer.spec.cell, tile);
            }
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
    let (hp, row_len) = (tape.hp, tape.slots * tape.hp);
    let lanes = layer.simd.lanes();
    let (slots, _) = layer.spec.cell.hidden_slots();
    let units = layer.panels.hidden_back.blocks_of(p);
    layer.simd.run(Product {
        rows: rows.len(),
        a: slots_operand(&tape.gates[(t * tape.rows + rows.start) * row_len..], tape, lanes, slots),
        panel: layer.panels.hidden_back.panel(p),
        init: Init::Accumulate,
        c: &mut tape.d_h[rows.start * hp + units.start * lanes..],
        c_stride: hp,
    });
}

/// The reset-before GRU's way back from the candidate through `W_hn` and the reset gate.
fn reset_gates(layer: &Packed, t: usize, rows: Range<usize>, tape: &mut Tape) {
    let (lanes, row_len) = (layer.simd.lanes(), tape.slots * tape.hp);
    let panels = &layer.panels.candidate_back;
    for p in 0..panels.count() {
        let (panel, units) = (panels.panel(p), panels.blocks_of(p));
        let mut d_q = std::mem::take(&mut tape.product);
        let gates = &tape.gates[(t * tape.rows + rows.start) * row_len..];
        layer.simd.run(Product {
            rows: rows.len(),
            a: slots_operand(gates, tape, lanes, gru::SLOT_N..gru::SLOT_N + 1),
            panel,
            init: Init::Zero,
            c: &mut d_q,
            c_stride: panel.width * lanes,
        });
        let tile = tile(tape, None, t, rows.clone(), units);
        layer.simd.run(gru::BackwardResetGate { tile, d_q: &d_q, d_q_stride: panel.width * lanes });
        tape.product = d_q;
    }
}

/// The surroundings of some rows and units of step `t`.
fn tile<'a>(
    tape: &'a mut Tape,
    d_output: Option<FramesView<'a>>,
    t: usize,
    rows: Range<usize>,
    units: Range<usize>,
) -> BackwardTile<'a> {
    let (hp, row_len, slice) = (tape.hp, tape.slots * tape.hp, tape.slice_len());
    let (before, after) = (tape.direction().before(t), tape.direction().after(t));
    let gate_rows = (t * tape.rows + rows.start) * row_len..(t * tape.rows + rows.end) * row_len;
    let state = |s: usize| s * slice + rows.start * hp..s * slice + rows.end * hp;
    let cell_state = |s: usize| if tape.c.is_empty() { &[][..] } else { &tape.c[state(s)] };
    let (d_output, d_output_stride) = match d_output {
        Some(frames) => frames.rows_from(t * tape.rows + rows.start),
        None => (&[][..], 0),
    };
    BackwardTile {
        rows: rows.len(),
        units,
        hp,
        d_output,
        d_output_stride,
        h_prev: &tape.h[state(before)],
        c_prev: cell_state(before),
        c_next: cell_state(after),
        gates: &mut tape.gates[gate_rows],
        d_h: &mut tape.d_h[rows.start * hp..rows.end * hp],
        d_c: if tape.d_c.is_empty() { &mut [] } else { &mut tape.d_c[rows.start * hp..rows.end * hp] },
    }
}

/// Some slots of every unit block of rows of gates, as the left operand of a product.
fn slots_operand<'a>(gates: &'a [f32], tape: &Tape, lanes: usize, slots: Range<usize>) -> Operand<'a> {
    let row_len = tape.slots * tape.hp;
    if slots.len() == tape.slots {
        return Operand::rows(gates, row_len, row_len);
    }
    Operand::blocks(&gates[slots.start * lanes..], row_len, slots.len() * lanes, tape.slots * lanes)
}

/// Adds the gradients of weights, biases and embedding.
fn parameters(
    layer: &Packed,
    input: Input<'_, FramesView<'_>>,
    params: &[f32],
    tape: &mut Tape,
    grads: &mut [f32],
) {
    let (simd, spec, lanes, hp) = (layer.simd, &layer.spec, layer.simd.lanes(), tape.hp);
    let (slots, gates) = spec.cell.hidden_slots();
    let h_before = tape.direction().before(0) * tape.slice_len();
    let from_gates = WeightGradient {
        simd,
        steps: tape.steps * tape.rows,
        hidden_size: spec.hidden_size,
        z: &tape.gates,
        z_stride: tape.slots * hp,
        z_slots: tape.slots,
        first_slot: slots.start,
        gates,
        x: &tape.h[h_before..],
        x_stride: hp,
        x_block_stride: lanes,
        x_width: spec.hidden_size,
    };
    let weight_hh = &mut grads[spec.weight_hh_range()];
    from_gates.add_to(weight_hh, &mut tape.scratch);
    if spec.cell == (Cell::Gru { reset_after: false }) {
        let candidate = WeightGradient {
            first_slot: gru::SLOT_N,
            gates: &[gru::N],
            x: &tape.gates[gru::SLOT_Q * lanes..],
            x_stride: tape.slots * hp,
            x_block_stride: tape.slots * lanes,
            ..from_gates
        };
        candidate.add_to(weight_hh, &mut tape.scratch);
    }
    match input {
        Input::Frames(x) => {
            let x_stride = x.stride();
            let by_input = WeightGradient {
                first_slot: 0,
                gates: spec.cell.input_gates(),
                x: x.data(),
                x_stride,
                x_block_stride: lanes,
                x_width: spec.input.size(),
                ..from_gates
            };
            by_input.add_to(&mut grads[spec.weight_ih_range()], &mut tape.scratch);
        }
        Input::Ids(ids) => {
            let table_row = hp * spec.cell.gates();
            tape.d_table.resize_scratch(layer.table.len());
            let z = embedding::Scatter { lanes, slots: tape.slots, gates: spec.cell.gates(), table_row };
            z.add_rows(ids, &tape.gates, &mut tape.d_table);
            if let InputSpec::OneHot { vocab_size } = spec.input {
                let weight_ih = &mut grads[spec.weight_ih_range()];
                embedding::one_hot_gradient(layer, &tape.d_table, vocab_size, weight_ih);
            } else {
                embedding::embedded_gradient(layer, params, &tape.d_table, grads, &mut tape.scratch);
            }
        }
    }
    biases(layer, tape, grads);
}

/// Adds the column sums of the gates' gradients to the biases.
fn biases(layer: &Packed, tape: &mut Tape, grads: &mut [f32]) {
    let (spec, lanes) = (&layer.spec, layer.simd.lanes());
    let Some((ih, hh)) = spec.bias_ranges() else { return };
    let sums = gradient::column_sums(layer.simd, &tape.gates, tape.slots * tape.hp, &mut tape.scratch);
    let sum = |slot: usize, unit: usize| sums[(unit / lanes * tape.slots + slot) * lanes + unit % lanes];
    let (slots, hidden_gates) = spec.cell.hidden_slots();
    let candidate = (spec.cell == (Cell::Gru { reset_after: false })).then_some((gru::SLOT_N, gru::N));
    for unit in 0..spec.hidden_size {
        for (slot, gate) in spec.cell.input_gates().iter().enumerate() {
            grads[ih.start + gate * spec.hidden_size + unit] += sum(slot, unit);
        }
        for (slot, gate) in slots.clone().zip(hidden_gates.iter().copied()).chain(candidate) {
            grads[hh.start + gate * spec.hidden_size + unit] += sum(slot, unit);
        }
    }
}

/// Overwrites the gradient of the input frames.
fn frames(layer: &Packed, tape: &Tape, d_input: &mut Frames) {
    let (lanes, rows) = (layer.simd.lanes(), tape.steps * tape.rows);
    d_input.resize(rows, layer.spec.input.size(), lanes);
    let stride = d_input.stride();
    let d_gates = slots_operand(&tape.gates, tape, lanes, 0..layer.spec.cell.gates());
    layer.input_gradient(d_gates, rows, d_input.data_mut(), stride);
}
