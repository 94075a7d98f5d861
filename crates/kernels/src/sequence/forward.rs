//! The forward pass of a layer over a window.

use super::{Active, Packed, Tape, shared_step};
use crate::backend::{Input, State};
use crate::cell::{self, Cell, ForwardTile, Share, gru};
use crate::element::Bf16;
use crate::frames::FramesView;
use crate::panel::{Init, Operand, Product, Term};
use crate::team::Team;
use crate::values::{PlanesMut, Values, ValuesRef, each};
use std::ops::Range;

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
    let steps = input.positions() / rows;
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

/// The rows that one step works on.
pub(super) struct Rows {
    pub(super) t: usize,
    pub(super) rows: Range<usize>,
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
    let h_size = (rows, layer.spec.hidden_size, panels.hidden.k());
    let h = layer.operand(states.operand(), hp, h_size, by_h);
    let operands = Operands { x, h, ahead: !ahead.is_empty() };
    let count = panels.hidden.count();
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
        cell::forward(layer.simd, cell, tile, gates.as_mut().planes(plane, first * hp));
    }
    if cell == (Cell::Gru { reset_after: false }) {
        // The candidate's product of its own, of q = r h.
        let (mut gates, q) = gates.split_at_mut(gru::SLOT_Q * plane);
        let q_size = (rows, layer.spec.hidden_size, panels.candidate.k());
        let q = layer.operand(q.from(first * hp), hp, q_size, by_h);
        for p in 0..panels.candidate.count() {
            let (panel, units) = (panels.candidate.panel(p), panels.candidate.blocks_of(p));
            let (width, terms) = (panel.width, &[Term { a: q, panel, at: 0 }]);
            Product { rows, terms, init: Init::Zero, width, c: product, c_stride: width * lanes }
                .run(layer.simd);
            let tile = states.tile(rows, units, hp, (product, width * lanes), share);
            each!(PlanesMut, gates.reborrow().planes(plane, first * hp), gates => {
                layer.simd.run(gru::ForwardCandidate { tile, gates });
            });
        }
    }
}

/// What the pre-activations of a step are products of.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    /// Dense input frames.
    pub(super) x: Option<Operand<'a>>,
    pub(super) h: Operand<'a>,
    /// Whether the input's products are there already.
    pub(super) ahead: bool,
}

impl Operands<'_> {
    /// The products of some panels, `[rows][units, S, lanes]` from their first unit on, rows `stride` apart.
    pub(super) fn multiply(
        &self,
        layer: &Packed,
        panels: Range<usize>,
        rows: usize,
        pre: &mut [f32],
        stride: usize,
    ) {
        let (cell, first) = (layer.spec.cell, layer.units_of(panels.clone()).start);
        for p in panels {
            let units = layer.units_of(p..p + 1);
            let width = units.len() * cell.slots();
            let by_state =
                Term { a: self.h, panel: layer.panels.hidden.panel(p), at: cell.hidden_slots().0.start };
            let both = self.x.filter(|_| !self.ahead);
            let both = both.map(|a| [Term { a, panel: layer.panels.input.panel(p), at: 0 }, by_state]);
            let terms = both.as_ref().map_or(std::slice::from_ref(&by_state), |both| both);
            let init = if self.ahead { Init::Accumulate } else { Init::Zero };
            let c = &mut pre[(units.start - first) * cell.slots() * layer.simd.lanes()..];
            Product { rows, terms, init, width, c, c_stride: stride }.run(layer.simd);
        }
    }
}

/// Where the states before and after a step lie on the tape.
pub(super) fn state_ranges(tape: &Tape, at: &Rows) -> (Range<usize>, Range<usize>) {
    let (hp, slice) = (tape.hp, tape.slice_len());
    let range = |s: usize| s * slice + at.rows.start * hp..s * slice + at.rows.end * hp;
    (range(tape.direction().before(at.t)), range(tape.direction().after(at.t)))
}

/// The states of some rows before and after a step.
pub(super) struct States<'a> {
    pub(super) h: (&'a [f32], &'a mut [f32]),
    pub(super) h_rounded: (&'a [Bf16], &'a mut [Bf16]),
    pub(super) c: (&'a [f32], &'a mut [f32]),
}

impl<'a> States<'a> {
    pub(super) fn split(
        h: &'a mut [f32],
        h_rounded: &'a mut [Bf16],
        c: &'a mut [f32],
        before: &Range<usize>,
        after: &Range<usize>,
    ) -> Self {
        Self {
            h: disjoint(h, before, after),
            h_rounded: disjoint(h_rounded, before, after),
            c: disjoint(c, before, after),
        }
    }

    /// The state before the step as products read it.
    pub(super) fn operand(&self) -> ValuesRef<'a> {
        match self.h_rounded.0 {
            [] => ValuesRef::F32(self.h.0),
            rounded => ValuesRef::Bf16(rounded),
        }
    }

    /// The pointwise part's share of a step: some units, whose products are `pre`.
    fn tile<'b>(
        &'b mut self,
        rows: usize,
        units: Range<usize>,
        hp: usize,
        (pre, pre_stride): (&'b [f32], usize),
        share: Share<'b>,
    ) -> ForwardTile<'b> {
        ForwardTile {
            rows,
            units,
            hp,
            pre,
            pre_stride,
            share,
            h_prev: self.h.0,
            h_next: self.h.1,
            h_rounded: self.h_rounded.1,
            c_prev: self.c.0,
            c_next: self.c.1,
        }
    }
}

/// Two ranges of one buffer that do not overlap, the second to be written; nothing of an empty one.
fn disjoint<'a, E>(buffer: &'a mut [E], read: &Range<usize>, write: &Range<usize>) -> (&'a [E], &'a mut [E]) {
    if buffer.is_empty() {
        return (&[], &mut []);
    }
    if read.end <= write.start {
        let (low, high) = buffer.split_at_mut(write.start);
        (&low[read.clone()], &mut high[..write.len()])
    } else {
        let (low, high) = buffer.split_at_mut(read.start);
        (&high[..read.len()], &mut low[write.clone()])
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
