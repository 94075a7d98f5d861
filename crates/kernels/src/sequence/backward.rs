//! The backward pass of a layer over a window: the forward pass in reverse.

use super::embedding;
use super::gradient::{self, Scratch, WeightGradient};
use super::packed::Packed;
use super::tape::{Tape, pad_rows, unpad_rows};
use super::time::Active;
use crate::backend::{Gradients, Input, Upstream};
use crate::buffer::Aligned;
use crate::cell::{self, BackwardTile, StageOperand};
use crate::frames::{Frames, FramesView};
use crate::panel::{Init, Operand, Planes, Product, Term};
use crate::values::{Kind, PlanesMut};
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
    // Moved out of the tape while it is written.
    let lengths = std::mem::take(&mut tape.lengths);
    let active = Active { rows: tape.rows, lengths: lengths.as_deref() };
    let last = layer.panels.hidden.len() - 1;
    let through_state = |t: usize, tape: &mut Tape| {
        for p in 0..layer.panels.hidden[0].back.count() {
            active.at(t).for_each(|rows| through_weights(layer, p, t, rows, tape));
        }
    };
    let mut later = None;
    for t in tape.direction().order(tape.steps).rev() {
        if let Some(later) = later {
            through_state(later, tape);
        }
        for rows in active.at(t) {
            let units = 0..layer.panels.hidden[0].back.blocks();
            let (tile, gates) = tile(tape, upstream.d_output, t, rows, units);
            cell::backward(layer.simd, layer.spec.cell, last, tile, gates);
        }
        for stage in (1..=last).rev() {
            active.at(t).for_each(|rows| through_operand(layer, stage, t, rows, tape));
        }
        later = Some(t);
    }
    if let Some(first) = later {
        through_state(first, tape);
    }
    tape.lengths = lengths;
}

/// The gradients of a stage's pre-activations at step `t`, starting at row `row`, as the operand of a product over `k`
/// values.
fn d_pre_activations<'a>(
    layer: &Packed,
    stage: usize,
    (t, row): (usize, usize),
    k: usize,
    tape: &'a Tape,
) -> Operand<'a> {
    let slots = &layer.spec.cell.description().stages[stage].slots;
    let first = slots.start * tape.plane() + (t * tape.rows + row) * tape.hp;
    let gates = Planes { data: tape.gates.as_ref().from(first), row_stride: tape.hp, plane: tape.plane() };
    Operand::planes(gates, k / slots.len())
}

/// Adds the gradient that flows from the gates of step `t` through `W_hh` to `d_h`, for the units of panel `p`.
fn through_weights(layer: &Packed, p: usize, t: usize, rows: Range<usize>, tape: &mut Tape) {
    let (panels, hp) = (&layer.panels.hidden[0].back, tape.hp);
    let panel = panels.panel(p);
    let mut d_h = std::mem::take(&mut tape.d_h);
    let a = d_pre_activations(layer, 0, (t, rows.start), panel.k, tape);
    Product {
        rows: rows.len(),
        terms: &[Term { a, panel, at: 0 }],
        init: Init::Accumulate,
        width: panel.width,
        c: &mut d_h[rows.start * hp + panels.blocks_of(p).start * layer.simd.lanes()..],
        c_stride: hp,
    }
    .run(layer.simd);
    tape.d_h = d_h;
}

/// The backward pass from a later stage's pre-activations to its operand and to the previous stage.
fn through_operand(layer: &Packed, stage: usize, t: usize, rows: Range<usize>, tape: &mut Tape) {
    let (simd, panels) = (layer.simd, &layer.panels.hidden[stage].back);
    for p in 0..panels.count() {
        let (panel, units) = (panels.panel(p), panels.blocks_of(p));
        let mut d_operand = std::mem::take(&mut tape.product);
        let d_operand_stride = panel.width * simd.lanes();
        let a = d_pre_activations(layer, stage, (t, rows.start), panel.k, tape);
        Product {
            rows: rows.len(),
            terms: &[Term { a, panel, at: 0 }],
            init: Init::Zero,
            width: panel.width,
            c: &mut d_operand,
            c_stride: d_operand_stride,
        }
        .run(simd);
        let (tile, gates) = tile(tape, None, t, rows.clone(), units);
        let tile = BackwardTile { d_operand: &d_operand, d_operand_stride, ..tile };
        cell::backward(simd, layer.spec.cell, stage - 1, tile, gates);
        tape.product = d_operand;
    }
}

/// The tile of some rows and units of step `t`, and the gates starting at those rows.
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
        d_operand: &[],
        d_operand_stride: 0,
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
    let description = spec.cell.description();
    let h_before = tape.direction().before(0) * tape.slice_len();
    let mut scratch = std::mem::take(&mut tape.scratch);
    let z = Planes { data: tape.gates.as_ref(), row_stride: hp, plane };
    for stage in description.stages {
        let by_stage = WeightGradient {
            simd,
            steps: tape.steps * tape.rows,
            hidden_size: spec.hidden_size,
            z,
            first_plane: stage.slots.start,
            gates: stage.gates,
            x: match stage.operand {
                StageOperand::State => tape.states().from(h_before),
                StageOperand::Slot(slot) => z.data.from(slot * plane),
            },
            x_stride: hp,
            x_width: spec.hidden_size,
        };
        by_stage.add_to(&mut grads[spec.weight_hh_range()], &mut scratch);
    }
    match input {
        Input::Frames(x) => {
            let by_input = WeightGradient {
                simd,
                steps: tape.steps * tape.rows,
                hidden_size: spec.hidden_size,
                z,
                first_plane: 0,
                gates: description.input_gates,
                x: x.data(),
                x_stride: x.stride(),
                x_width: spec.input.size(),
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
    let description = spec.cell.description();
    for slot in 0..spec.cell.slots() {
        let sums = gradient::column_sums(layer.simd, z, slot, rows, scratch);
        let by_input = description.input_gates.get(slot).map(|gate| ih.start + gate * spec.hidden_size);
        let stage = description.stages.iter().find(|stage| stage.slots.contains(&slot));
        let by_state = stage.map(|stage| hh.start + stage.gates[slot - stage.slots.start] * spec.hidden_size);
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
