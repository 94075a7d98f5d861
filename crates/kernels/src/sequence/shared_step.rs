//! One step of one row, its units shared out over a team of threads.
//!
//! A single stream reads every weight for every symbol, so it is as fast as the memory that holds them, and two
//! threads read faster than one. Each unit is still one thread's sum in one order: nobody can tell from the bits.

use super::forward::States;
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

/// Whether a step of `layer` is better shared.
pub(crate) fn sharing_pays(layer: &Packed, input: Input<'_, FramesView<'_>>, initial: &State<f32>) -> bool {
    let spec = &layer.spec;
    let columns = spec.hidden_size + if matches!(input, Input::Frames(_)) { spec.input.size() } else { 0 };
    initial.h.len() == spec.hidden_size
        && input.positions() == 1
        && spec.cell.gates() * spec.hidden_size * columns >= ENOUGH
        // It takes two products, the second of which waits for all units of the first.
        && spec.cell != Cell::Gru { reset_after: false }
}

/// As [`super::forward`], for a single step of a single row.
pub(crate) fn shared_step(
    layer: &Packed,
    input: Input<'_, FramesView<'_>>,
    initial: &State<f32>,
    team: &Team,
    tape: &mut Tape,
) {
    tape.begin(layer, 1, initial, None);
    let (panels, lanes, hp) = (&layer.panels, layer.simd.lanes(), tape.hp);
    let gates_of_unit = layer.spec.cell.hidden_slots().1.len();
    let mut parts = std::mem::take(&mut tape.parts);
    let count = (team.threads() * PIECES_A_THREAD).min(panels.hidden.count());
    parts.resize_with(count, Part::default);
    for (i, part) in parts.iter_mut().enumerate() {
        part.panels = i * panels.hidden.count() / count..(i + 1) * panels.hidden.count() / count;
        let first = panels.hidden.blocks_of(part.panels.start).start;
        let end = panels.hidden.blocks_of(part.panels.end - 1).end;
        part.units = first / gates_of_unit..end / gates_of_unit;
        part.make_room(layer);
    }

    let Tape { h, h_rounded, c, gates, quantised: [by_x, by_h], reverse, .. } = tape;
    let (before, after) = if *reverse { (hp..2 * hp, 0..hp) } else { (0..hp, hp..2 * hp) };
    let mut states = States::split(h, h_rounded, c, &before, &after);
    let (share, x) = layer.input_share(input, 0, 1, by_x);
    let h_size = (1, layer.spec.hidden_size, panels.hidden.k());
    let h = layer.operand(states.operand(), hp, h_size, by_h);
    let slots = layer.spec.cell.hidden_slots().0;
    let (h_prev, c_prev) = states.before();
    team.for_each(&mut parts, |_, part| {
        let _scope = Scope::new();
        let Part { panels: own, units, h: h_next, h_rounded, c: c_next, gates, product } = part;
        let (start, width) = (units.start, units.len() * lanes);
        for p in own.clone() {
            let blocks = panels.hidden.blocks_of(p);
            let units = blocks.start / gates_of_unit - start..blocks.end / gates_of_unit - start;
            let columns = units.len() * layer.spec.cell.slots();
            let by_state = Term { a: h, panel: panels.hidden.panel(p), at: slots.start };
            let both = x.map(|a| [Term { a, panel: panels.input.panel(p), at: 0 }, by_state]);
            let terms = both.as_ref().map_or(std::slice::from_ref(&by_state), |both| both);
            let c_stride = columns * lanes;
            Product { rows: 1, terms, init: Init::Zero, width: columns, c: product, c_stride }
                .run(layer.simd);
            let slots_before = start * layer.spec.cell.slots() * lanes;
            let tile = ForwardTile {
                rows: 1,
                units,
                hp: width,
                plane: width,
                pre: product,
                pre_stride: c_stride,
                share: Share { rows: &share.rows[slots_before..], ..share },
                h_prev: &h_prev[start * lanes..],
                h_next,
                h_rounded,
                c_prev: c_prev.get(start * lanes..).unwrap_or_default(),
                c_next,
            };
            cell::forward(layer.simd, layer.spec.cell, tile, gates.as_mut());
        }
    });
    for part in &parts {
        part.bring_home(layer, &mut states, gates);
    }
    tape.parts = parts;
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
    fn bring_home(&self, layer: &Packed, states: &mut States<'_>, gates: &mut Values) {
        let (lanes, slots, hp) = (layer.simd.lanes(), layer.spec.cell.slots(), layer.hp);
        let (from, width) = (self.units.start * lanes, self.units.len() * lanes);
        states.set_after(from, &self.h, &self.h_rounded, &self.c);
        for slot in 0..slots {
            gates.copy_at(slot * hp + from, self.gates.as_ref().from(slot * width), width);
        }
    }
}
