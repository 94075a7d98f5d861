//! Steps of a single row, the units of each shared out over a team of threads.
//!
//! A single stream reads every weight for every symbol, so it is as fast as the memory that holds them, and two
//! threads read faster than one. Each unit is still one thread's sum in one order: nobody can tell from the bits.

use super::packed::Packed;
use super::step::{Operands, Rows, States, state_ranges};
use super::tape::Tape;
use crate::backend::{Input, State};
use crate::bf16::Bf16;
use crate::cell::{self, ForwardTile, Share};
use crate::frames::FramesView;
use crate::scope::Scope;
use crate::threads::{MOST_PIECES, Team};
use crate::values::{PlanesMut, split_off};
use std::ops::Range;

/// Multiplications of a step that are worth sharing: some microseconds.
const ENOUGH: usize = 1 << 18;
/// Pieces a thread would do if all were equally fast; more than one, so that a slow one can do fewer.
const PIECES_A_THREAD: usize = 3;

/// Some units of a step, and where what they come to belongs.
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

/// Whether the steps of `layer` over a single row are better shared.
pub(crate) fn sharing_pays(layer: &Packed, initial: &State<f32>) -> bool {
    let spec = &layer.spec;
    initial.h.len() == spec.hidden_size
        && spec.cell.gates() * spec.hidden_size * spec.hidden_size >= ENOUGH
        // The product of a later stage waits for all units of the one before.
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
    let Tape { h, h_rounded, c, gates, product, ahead, quantised: [by_x, by_h], .. } = tape;
    let states = States::split(h, h_rounded, c, &before, &after);
    let (share, x) = layer.input_share(input, at.t, 1, by_x);
    let h_size = (1, layer.spec.hidden_size, panels.state().k());
    let h = layer.operand(states.operand(), hp, h_size, by_h);
    let operands = Operands { x, h, ahead: !ahead.is_empty() };
    let ((h_prev, mut h), (_, mut h_rounded), (c_prev, mut c)) = (states.h, states.h_rounded, states.c);
    let mut gates = gates.as_mut().planes(plane, at.t * hp);
    let mut pre = if operands.ahead { &mut ahead[at.t * layer.row_len()..] } else { &mut product[..] };

    let count = (team.threads() * PIECES_A_THREAD).min(MOST_PIECES).min(panels.state().count());
    let mut parts: [Option<Part<'_>>; MOST_PIECES] = std::array::from_fn(|i| {
        (i < count).then(|| {
            let own = i * panels.state().count() / count..(i + 1) * panels.state().count() / count;
            let units = layer.units_of(own.clone());
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
        let part = part.take().expect("each part is worked on once");
        let Part { panels, units, pre, h, h_rounded, c, gates } = part;
        operands.multiply(layer, panels, 1, pre, pre.len());
        let (start, width) = (units.start * lanes, units.len() * lanes);
        let tile = ForwardTile {
            rows: 1,
            units: 0..units.len(),
            hp: width,
            pre,
            pre_stride: width * cell.slots(),
            share: Share { rows: &share.rows[start * cell.slots()..], ..share },
            h_prev: &h_prev[start..],
            h_next: h,
            h_rounded,
            c_prev: c_prev.get(start..).unwrap_or_default(),
            c_next: c,
        };
        cell::forward(layer.simd, cell, 0, tile, gates);
    });
}
