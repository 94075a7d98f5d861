//! The forward pass of a layer over a window.

use super::packed::Packed;
use super::shared_step;
use super::step::{Operands, Rows, States, state_ranges};
use super::tape::Tape;
use super::time::Active;
use crate::backend::{Input, State};
use crate::bf16::Bf16;
use crate::cell::{self, Stage, StageOperand};
use crate::frames::FramesView;
use crate::panel::{Init, Product, Term};
use crate::threads::Team;
use crate::values::{Values, match_kind};

/// Below this many rows, the input's products are computed for all steps at once: few rows do not amortise reading
/// the weights at every step. Results are bit-identical, since the step's own product continues the same sums.
const MIN_ROWS_PER_STEP_PRODUCT: usize = 8;

/// Runs `layer` over `input` from the state `initial`, whose size determines the number of batch rows. The tape then
/// holds the output and all that the backward pass needs. With a `team`, each step of a single row is divided among
/// its threads.
pub(crate) fn forward(
    layer: &Packed,
    input: Input<'_, FramesView<'_>>,
    initial: &State<f32>,
    lengths: Option<&[usize]>,
    tape: &mut Tape,
    team: Option<&Team>,
) {
    let rows = initial.h.len() / layer.spec.hidden_size;
    let positions = match input {
        Input::Ids(ids) => ids.len(),
        Input::Frames(frames) => frames.rows(),
    };
    let steps = positions / rows;
    // If all rows have full length, the lengths are ignored.
    let lengths = lengths.filter(|lengths| lengths.iter().any(|&length| length < steps));
    tape.begin(layer, steps, initial, lengths);
    match input {
        Input::Frames(x) if rows < MIN_ROWS_PER_STEP_PRODUCT && steps > 1 => {
            layer.input_products(x, &mut tape.quantised[0], &mut tape.precomputed);
        }
        _ => tape.precomputed.resize_scratch(0),
    }
    let team = team.filter(|_| rows == 1 && lengths.is_none());
    // Moved out of the tape while it is written.
    let lengths = std::mem::take(&mut tape.lengths);
    let active = Active { rows, lengths: lengths.as_deref() };
    for t in tape.direction().order(tape.steps) {
        for rows in active.at(t) {
            let at = Rows { t, rows };
            match team {
                Some(team) => shared_step::step(layer, input, &at, team, tape),
                None => step(layer, input, &at, tape),
            }
        }
        for rows in active.finished_at(t) {
            hold(tape, &Rows { t, rows });
        }
        if let Some(lengths) = &lengths {
            mask(tape, t, lengths);
        }
    }
    tape.lengths = lengths;
}

/// One step of some rows: the products panel by panel, each followed by the pointwise part while its results are in
/// the L1 cache. A panel of a single row has too few units to hide the latency of the pointwise functions, so for one
/// row they run once, after all panels.
fn step(layer: &Packed, input: Input<'_, FramesView<'_>>, at: &Rows, tape: &mut Tape) {
    let (cell, panels, lanes) = (layer.spec.cell, &layer.panels, layer.simd.lanes());
    let (rows, hp, plane) = (at.rows.len(), tape.hp, tape.plane());
    let (first, (before, after)) = (at.t * tape.rows + at.rows.start, state_ranges(tape, at));
    let Tape { h, h_rounded, c, gates, product, precomputed, quantised: [by_x, by_h], .. } = tape;
    let mut states = States::split(h, h_rounded, c, &before, &after);
    let (input_bias, x) = layer.input_parts(input, first, rows, by_x);
    let row_len = layer.row_len();
    let h_size = (rows, layer.spec.hidden_size, panels.state().k());
    let h = layer.operand(states.operand(), hp, h_size, by_h);
    let operands = Operands { x, h, precomputed: !precomputed.is_empty() };
    let count = panels.state().count();
    let chunk = if tape.rows == 1 { count } else { 1 };
    for start in (0..count).step_by(chunk) {
        let units = layer.unit_blocks_of(start..start + chunk);
        let width = units.len() * cell.slots() * lanes;
        let (pre, pre_stride) = match operands.precomputed {
            true => (&mut precomputed[first * row_len + units.start * cell.slots() * lanes..], row_len),
            false => (&mut product[..], width),
        };
        operands.multiply(layer, start..start + chunk, rows, pre, pre_stride);
        let tile = states.tile(rows, units, hp, (pre, pre_stride), input_bias);
        cell::forward(layer.simd, cell, 0, tile, gates.as_mut().planes(plane, first * hp));
    }
    for (stage, Stage { operand, gates: own, .. }) in cell.description().stages.iter().enumerate() {
        let StageOperand::Slot(slot) = *operand else { continue };
        let (mut gates, operand) = gates.split_at_mut(slot * plane);
        let panels = &panels.hidden[stage].forward;
        let size = (rows, layer.spec.hidden_size, panels.k());
        let operand = layer.operand(operand.from(first * hp), hp, size, by_h);
        for p in 0..panels.count() {
            let (panel, blocks) = (panels.panel(p), panels.blocks_of(p));
            let units = blocks.start / own.len()..blocks.end / own.len();
            let (width, terms) = (panel.width, &[Term { a: operand, panel, at: 0 }]);
            Product { rows, terms, init: Init::Zero, width, c: product, c_stride: width * lanes }
                .run(layer.simd);
            let tile = states.tile(rows, units, hp, (product, width * lanes), input_bias);
            cell::forward(layer.simd, cell, stage, tile, gates.reborrow().planes(plane, first * hp));
        }
    }
}

/// Finished rows keep their state; their gates, which the trace shows, are zero.
fn hold(tape: &mut Tape, at: &Rows) {
    let (hp, plane, (before, after)) = (tape.hp, tape.plane(), state_ranges(tape, at));
    for state in [&mut tape.h, &mut tape.c] {
        if !state.is_empty() {
            state.copy_within(before.clone(), after.start);
        }
    }
    if !tape.h_rounded.is_empty() {
        tape.h_rounded.copy_within(before, after.start);
    }
    let first = at.t * tape.rows;
    let rows = (first + at.rows.start) * hp..(first + at.rows.end) * hp;
    match_kind!(Values, &mut tape.gates, gates => {
        gates.chunks_exact_mut(plane).for_each(|gate| gate[rows.clone()].fill(Default::default()));
    });
}

/// Writes the step's output: the new state of active rows, zero for finished ones.
fn mask(tape: &mut Tape, t: usize, lengths: &[usize]) {
    let (hp, slice) = (tape.hp, tape.slice_len());
    let after = tape.direction().after(t) * slice;
    for (row, &length) in lengths.iter().enumerate() {
        let (from, to) = (after + row * hp, t * slice + row * hp);
        match &mut tape.masked {
            Values::F32(masked) if t < length => masked[to..][..hp].copy_from_slice(&tape.h[from..][..hp]),
            Values::Bf16(masked) if t < length => {
                masked[to..][..hp].copy_from_slice(&tape.h_rounded[from..][..hp]);
            }
            Values::F32(masked) => masked[to..][..hp].fill(0.0),
            Values::Bf16(masked) => masked[to..][..hp].fill(Bf16::default()),
        }
    }
}
