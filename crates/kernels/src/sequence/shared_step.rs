//! Steps of a single row, the units of each shared out over a team of threads.
//!
//! A single stream reads every weight for every symbol, so it is as fast as the memory that holds them, and two
//! threads read faster than one. Each unit is still one thread's sum in one order: nobody can tell from the bits.

use super::forward::{Rows, States, state_ranges};
use super::{Packed, Tape};
use crate::backend::{Input, State};
use crate::buffer::Aligned;
use crate::cell::{self, Cell, ForwardTile, Share};
use crate::element::Bf16;
use crate::frames::FramesView;
use crate::panel::{Init, Product, Term};
use crate::scope::Scope;
use crate::team::Team;
use crate::values::{Kind, Values};
use std::ops::Range;

/// Multiplications of a step that are worth sharing: some microseconds.
const ENOUGH: usize = 1 << 18;
/// Pieces a thread would do if all were equally fast; more than one, so that a slow one can do fewer.
const PIECES_A_THREAD: usize = 3;

/// Some units of a step: what they come to, in memory of their own.
#[derive(Default)]
pub(super) struct Part {
    panels: Range<usize>,
    /// Unit blocks.
    units: Range<usize>,
    h: Aligned,
    h_rounded: Aligned<Bf16>,
    c: Aligned,
    /// `[S, units]`.
    gates: Values,
    product: Aligned,
}

/// Whether the steps of `layer` over a single row are better shared.
pub(crate) fn sharing_pays(layer: &Packed, initial: &State<f32>) -> bool {
    let spec = &layer.spec;
    initial.h.len() == spec.hidden_size
        && spec.cell.gates() * spec.hidden_size * spec.hidden_size >= ENOUGH
        // It takes two products, the second of which waits for all units of the first.
        && spec.cell != Cell::Gru { reset_after: false }
}

/// Cuts the units of a layer into parts for the steps to come.
pub(super) fn share_out(layer: &Packed, team: &Team, tape: &mut Tape) {
    let (hidden, gates) = (&layer.panels.hidden, layer.spec.cell.hidden_slots().1.len());
    let count = (team.threads() * PIECES_A_THREAD).min(hidden.count());
    tape.parts.resize_with(count, Part::default);
    for (i, part) in tape.parts.iter_mut().enumerate() {
        part.panels = i * hidden.count() / count..(i + 1) * hidden.count() / count;
        let blocks = hidden.blocks_of(part.panels.start).start..hidden.blocks_of(part.panels.end - 1).end;
        part.units = blocks.start / gates..blocks.end / gates;
        part.make_room(layer);
    }
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
    let Tape { h, h_rounded, c, gates, ahead, parts, quantised: [by_x, by_h], .. } = tape;
    let mut states = States::split(h, h_rounded, c, &before, &after);
    let (share, x) = layer.input_share(input, at.t, 1, by_x);
    let h_size = (1, layer.spec.hidden_size, panels.hidden.k());
    let h = layer.operand(states.operand(), hp, h_size, by_h);
    let (h_prev, c_prev) = states.before();
    let (slots, hidden_gates) = cell.hidden_slots();
    let ahead = ahead.get(at.t * layer.row_len()..).filter(|row| !row.is_empty());
    team.for_each(parts, |_, part| {
        let _scope = Scope::new();
        let Part { panels: own, units: all, h: h_next, h_rounded, c: c_next, gates, product } = part;
        let (start, width) = (all.start, all.len() * lanes);
        for p in own.clone() {
            let blocks = panels.hidden.blocks_of(p);
            let units = blocks.start / hidden_gates.len()..blocks.end / hidden_gates.len();
            let (columns, c_stride) = (units.len() * cell.slots(), units.len() * cell.slots() * lanes);
            let by_state = Term { a: h, panel: panels.hidden.panel(p), at: slots.start };
            let both = x.map(|a| [Term { a, panel: panels.input.panel(p), at: 0 }, by_state]);
            let (terms, init) = match (&both, ahead) {
                (_, Some(row)) => {
                    let from = units.start * cell.slots() * lanes;
                    product[..c_stride].copy_from_slice(&row[from..][..c_stride]);
                    (std::slice::from_ref(&by_state), Init::Accumulate)
                }
                (Some(both), None) => (&both[..], Init::Zero),
                (None, None) => (std::slice::from_ref(&by_state), Init::Zero),
            };
            Product { rows: 1, terms, init, width: columns, c: product, c_stride }.run(layer.simd);
            let tile = ForwardTile {
                rows: 1,
                units: units.start - start..units.end - start,
                hp: width,
                plane: width,
                pre: product,
                pre_stride: c_stride,
                share: Share { rows: &share.rows[start * cell.slots() * lanes..], ..share },
                h_prev: &h_prev[start * lanes..],
                h_next,
                h_rounded,
                c_prev: c_prev.get(start * lanes..).unwrap_or_default(),
                c_next,
            };
            cell::forward(layer.simd, cell, tile, gates.as_mut());
        }
    });
    for part in parts {
        part.bring_home(layer, &mut states, gates, (plane, at.t * hp));
    }
}

impl Part {
    fn make_room(&mut self, layer: &Packed) {
        let (width, kind) = (self.units.len() * layer.simd.lanes(), layer.precision.kind());
        self.h.resize_scratch(width);
        self.h_rounded.resize_scratch(if kind == Kind::Bf16 { width } else { 0 });
        self.c.resize_scratch(if layer.spec.cell.has_cell_state() { width } else { 0 });
        self.gates.resize_scratch(kind, layer.spec.cell.slots() * width);
        self.product.resize_scratch(crate::panel::PANEL_WIDTH * layer.simd.lanes());
    }

    /// Copies what came out to where a step by one thread would have put it.
    fn bring_home(
        &self,
        layer: &Packed,
        states: &mut States<'_>,
        gates: &mut Values,
        (plane, row): (usize, usize),
    ) {
        let (lanes, slots) = (layer.simd.lanes(), layer.spec.cell.slots());
        let (from, width) = (self.units.start * lanes, self.units.len() * lanes);
        states.set_after(from, &self.h, &self.h_rounded, &self.c);
        for slot in 0..slots {
            gates.copy_at(slot * plane + row + from, self.gates.as_ref().from(slot * width), width);
        }
    }
}
