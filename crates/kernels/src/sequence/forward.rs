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
use crate::values::{Values, each};

/// Rows below which the input's products are better taken for all steps at once: so few do not make up for reading
/// the weights at every step. It changes no bit, since the step's own product goes on from the same sums.
const FEW_ROWS: usize = 8;

/// Runs `layer` over `input` from the state `initial`, whose size gives the batch rows. The tape then holds the
/// output and all that the backward pass needs. With a `team`, the steps of a single row are shared out over it.
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
    // Rows that have all steps are as if nobody had counted.
    let lengths = lengths.filter(|lengths| lengths.iter().any(|&length| length < steps));
    tape.begin(layer, steps, initial, lengths);
    match input {
        Input::Frames(x) if rows < FEW_ROWS && steps > 1 => {
            layer.input_products(x, &mut tape.quantised[0], &mut tape.ahead);
        }
        _ => tape.ahead.resize_scratch(0),
    }
    let team = team.filter(|_| rows == 1 && lengths.is_none());
    // Apart from the tape while it is written.
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

/// One step of some rows: the products panel by panel, then the pointwise part on what they gave. It comes after each
/// panel, while that is in the nearest cache. The functions of a single row's few units would wait for one another
/// there, so they come at the end, all at once.
fn step(layer: &Packed, input: Input<'_, FramesView<'_>>, at: &Rows, tape: &mut Tape) {
    let (cell, panels, lanes) = (layer.spec.cell, &layer.panels, layer.simd.lanes());
    let (rows, hp, plane) = (at.rows.len(), tape.hp, tape.plane());
    let (first, (before, after)) = (at.t * tape.rows + at.rows.start, state_ranges(tape, at));
    let Tape { h, h_rounded, c, gates, product, ahead, quantised: [by_x, by_h], .. } = tape;
    let mut states = States::split(h, h_rounded, c, &before, &after);
    let (share, x) = layer.input_share(input, first, rows, by_x);
    let row_len = layer.row_len();
    let h_size = (rows, layer.spec.hidden_size, panels.state().k());
    let h = layer.operand(states.operand(), hp, h_size, by_h);
    let operands = Operands { x, h, ahead: !ahead.is_empty() };
    let count = panels.state().count();
    let stretch = if tape.rows == 1 { count } else { 1 };
    for start in (0..count).step_by(stretch) {
        let units = layer.units_of(start..start + stretch);
        let width = units.len() * cell.slots() * lanes;
        let (pre, pre_stride) = match operands.ahead {
            true => (&mut ahead[first * row_len + units.start * cell.slots() * lanes..], row_len),
            false => (&mut product[..], width),
        };
        operands.multiply(layer, start..start + stretch, rows, pre, pre_stride);
        let tile = states.tile(rows, units, hp, (pre, pre_stride), share);
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
            let tile = states.tile(rows, units, hp, (product, width * lanes), share);
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
    each!(Values, &mut tape.gates, gates => {
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
