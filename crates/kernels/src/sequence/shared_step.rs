//! Steps of a single row, with the units of each divided among a team of threads.
//!
//! A single sequence reads every weight at every step, so its speed is limited by memory bandwidth, and two threads
//! read faster than one. Each unit is still summed by one thread in one order, so results are bit-identical.

use super::packed::Packed;
use super::step::{Operands, Rows, States, state_ranges};
use super::tape::Tape;
use crate::backend::{Input, State};
use crate::bf16::Bf16;
use crate::cell::{self, ForwardTile, InputBias};
use crate::frames::FramesView;
use crate::scope::Scope;
use crate::threads::{MAX_ITEMS, Team};
use crate::values::{PlanesMut, split_off};
use std::ops::Range;

/// Minimum number of multiplications per step that is worth dividing: a few microseconds.
const MIN_MULTIPLICATIONS: usize = 1 << 18;
/// Parts per thread if all are equally fast; more than one, so that a slow thread can do fewer.
const PARTS_PER_THREAD: usize = 3;

/// Some units of a step, and the buffers of their results.
struct Part<'a> {
    panels: Range<usize>,
    /// Unit blocks.
    units: Range<usize>,
    pre: &'a mut [f32],
    h: &'a mut [f32],
    h_rounded: &'a mut [Bf16],
    c: &'a mut [f32],
    gates: PlanesMut<'a>,
}

/// Whether to divide the steps of `layer` over a single row.
pub(crate) fn worth_sharing(layer: &Packed, initial: &State<f32>) -> bool {
    let spec = &layer.spec;
    initial.h.len() == spec.hidden_size
        && spec.cell.gates() * spec.hidden_size * spec.hidden_size >= MIN_MULTIPLICATIONS
        // The product of a later stage depends on all units of the previous one.
        && spec.cell.description().stages.len() == 1
}

/// One step of a single row.
pub(super) fn step(
    layer: &Packed,
    input: Input<'_, FramesView<'_>>,
    at: &Rows,
    team: &Team,
    tape: &mut Tape,
) {
    let (cell, panels, lanes) = (layer.spec.cell, &layer.panels, layer.simd.lanes());
    let (hp, plane, (before, after)) = (tape.hp, tape.plane(), state_ranges(tape, at));
    let Tape { h, h_rounded, c, gates, product, precomputed, quantised: [by_x, by_h], .. } = tape;
    let states = States::split(h, h_rounded, c, &before, &after);
    let (input_bias, x) = layer.input_parts(input, at.t, 1, by_x);
    let h_size = (1, layer.spec.hidden_size, panels.state().k());
    let h = layer.operand(states.operand(), hp, h_size, by_h);
    let operands = Operands { x, h, precomputed: !precomputed.is_empty() };
    let ((h_prev, mut h), (_, mut h_rounded), (c_prev, mut c)) = (states.h, states.h_rounded, states.c);
    let mut gates = gates.as_mut().planes(plane, at.t * hp);
    let mut pre =
        if operands.precomputed { &mut precomputed[at.t * layer.row_len()..] } else { &mut product[..] };

    let count = (team.threads() * PARTS_PER_THREAD).min(MAX_ITEMS).min(panels.state().count());
    let mut parts: [Option<Part<'_>>; MAX_ITEMS] = std::array::from_fn(|i| {
        (i < count).then(|| {
            let own = i * panels.state().count() / count..(i + 1) * panels.state().count() / count;
            let units = layer.unit_blocks_of(own.clone());
            let width = units.len() * lanes;
            Part {
                panels: own,
                units,
                pre: split_off(&mut pre, width * cell.slots()),
                h: split_off(&mut h, width),
                h_rounded: split_off(&mut h_rounded, width),
                c: split_off(&mut c, width),
                gates: gates.split_off(width),
            }
        })
    });
    team.for_each(&mut parts[..count], |_, part| {
        let _scope = Scope::new();
        let part = part.take().expect("each part is processed once");
        let Part { panels, units, pre, h, h_rounded, c, gates } = part;
        operands.multiply(layer, panels, 1, pre, pre.len());
        let (start, width) = (units.start * lanes, units.len() * lanes);
        let tile = ForwardTile {
            rows: 1,
            units: 0..units.len(),
            hp: width,
            pre,
            pre_stride: width * cell.slots(),
            input_bias: InputBias { rows: &input_bias.rows[start * cell.slots()..], ..input_bias },
            h_prev: &h_prev[start..],
            h_next: h,
            h_rounded,
            c_prev: c_prev.get(start..).unwrap_or_default(),
            c_next: c,
        };
        cell::forward(layer.simd, cell, 0, tile, gates);
    });
}
