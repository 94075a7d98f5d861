//! A layer over a sequence, row by row and step by step.

use super::cells::{self, Weights};
use crate::backend::{Input, State, Trace, Upstream};
use crate::cell::{Cell, StageOperand};
use crate::real::Real;
use crate::spec::{InputSpec, RecurrentSpec};
use std::ops::Range;

/// All values computed by a forward pass, in order of time, per row.
#[derive(Default)]
pub struct Tape<R> {
    steps: usize,
    rows: usize,
    hidden_size: usize,
    /// `[T, B]` steps; finished rows repeat their state and have gates of zero.
    cells: Vec<StepRecord<R>>,
    /// `[T, B, H]`.
    pub(super) output: Vec<R>,
    last: State<R>,
}

/// One row at one step: the states before and after, and the gates.
struct StepRecord<R> {
    active: bool,
    x: Vec<R>,
    h_prev: Vec<R>,
    c_prev: Vec<R>,
    step: cells::Step<R>,
}

/// A layer with a copy of the arena that it was packed from.
pub struct Layer<R> {
    pub(super) spec: RecurrentSpec,
    pub(super) params: Vec<R>,
}

/// The input of a layer at one position, as a dense vector.
fn frame<R: Real>(layer: &Layer<R>, input: Input<'_, &[R]>, position: usize) -> Vec<R> {
    match (input, layer.spec.input) {
        (Input::Frames(x), spec) => x[position * spec.size()..][..spec.size()].to_vec(),
        (Input::Ids(ids), InputSpec::Embedded { size, embedding, .. }) => {
            layer.params[embedding + ids[position] as usize * size..][..size].to_vec()
        }
        (Input::Ids(ids), spec) => {
            let hot = |v| if v == ids[position] as usize { R::one() } else { R::zero() };
            (0..spec.size()).map(hot).collect()
        }
    }
}

impl<R: Real> Layer<R> {
    fn weights(&self) -> Weights<'_, R> {
        let (b_ih, b_hh) = match self.spec.bias_ranges() {
            Some((ih, hh)) => (&self.params[ih], &self.params[hh]),
            None => (&[][..], &[][..]),
        };
        let (ih, hh) = (self.spec.weight_ih_range(), self.spec.weight_hh_range());
        Weights { ih: &self.params[ih], hh: &self.params[hh], b_ih, b_hh }
    }

    fn order(&self, steps: usize) -> Vec<usize> {
        if self.spec.reverse { (0..steps).rev().collect() } else { (0..steps).collect() }
    }

    pub(super) fn forward(
        &self,
        input: Input<'_, &[R]>,
        initial: &State<R>,
        lengths: Option<&[usize]>,
        tape: &mut Tape<R>,
    ) {
        let hidden_size = self.spec.hidden_size;
        let rows = initial.h.len() / hidden_size;
        let positions = match input {
            Input::Ids(ids) => ids.len(),
            Input::Frames(x) => x.len() / self.spec.input.size(),
        };
        let steps = positions / rows;
        let mut state = initial.clone();
        let mut cells: Vec<Option<StepRecord<R>>> = (0..positions).map(|_| None).collect();
        let mut output = vec![R::zero(); positions * hidden_size];
        for t in self.order(steps) {
            for b in 0..rows {
                let own = b * hidden_size..(b + 1) * hidden_size;
                let (h_prev, c_prev) = (state.h[own.clone()].to_vec(), part(&state.c, own.clone()).to_vec());
                let x = frame(self, input, t * rows + b);
                let active = lengths.is_none_or(|lengths| t < lengths[b]);
                let step = if active {
                    cells::forward(self.spec.cell, self.weights(), &x, &h_prev, &c_prev)
                } else {
                    let gates = vec![vec![R::zero(); hidden_size]; self.spec.cell.slots()];
                    cells::Step { h: h_prev.clone(), c: c_prev.clone(), gates }
                };
                state.h[own.clone()].copy_from_slice(&step.h);
                if self.spec.cell.has_cell_state() {
                    state.c[own].copy_from_slice(&step.c);
                }
                if active {
                    output[(t * rows + b) * hidden_size..][..hidden_size].copy_from_slice(&step.h);
                }
                cells[t * rows + b] = Some(StepRecord { active, x, h_prev, c_prev, step });
            }
        }
        *tape = Tape {
            steps,
            rows,
            hidden_size,
            cells: cells.into_iter().flatten().collect(),
            output,
            last: state,
        };
    }

    /// Returns the gradient of the initial state.
    pub(super) fn backward(
        &self,
        input: Input<'_, &[R]>,
        upstream: Upstream<'_, &[R], R>,
        tape: &Tape<R>,
        grads: &mut [R],
        mut d_input: Option<&mut Vec<R>>,
    ) -> State<R> {
        let (n, size, w) = (self.spec.hidden_size, self.spec.input.size(), self.weights());
        let mut d_state = upstream.d_final.cloned().unwrap_or_else(|| State::zeros(&self.spec, tape.rows));
        if let Some(d_input) = &mut d_input {
            d_input.clear();
            d_input.resize(tape.cells.len() * size, R::zero());
        }
        for t in self.order(tape.steps).into_iter().rev() {
            for b in 0..tape.rows {
                let position = t * tape.rows + b;
                let cell = &tape.cells[position];
                if !cell.active {
                    continue;
                }
                let own = b * n..(b + 1) * n;
                let above = upstream.d_output.map(|d| &d[position * n..][..n]);
                let from_above = |k: usize| above.map_or(R::zero(), |d| d[k]);
                let d_h: Vec<R> =
                    d_state.h[own.clone()].iter().enumerate().map(|(k, &d)| d + from_above(k)).collect();
                let states = (&cell.h_prev[..], &cell.c_prev[..], &cell.step.c[..]);
                let d_c = part(&d_state.c, own.clone());
                let back = cells::backward(self.spec.cell, w, &cell.step.gates, states, (&d_h, d_c));
                self.add_gradients(cell, &back, grads);
                let mut d_x = vec![R::zero(); size];
                cells::transposed_into(w.ih, &back.d_ih, 0, &mut d_x);
                match (input, self.spec.input, &mut d_input) {
                    (Input::Frames(_), _, Some(d_input)) => {
                        d_input[position * size..][..size].copy_from_slice(&d_x)
                    }
                    (Input::Ids(ids), InputSpec::Embedded { embedding, .. }, _) => {
                        add(&mut grads[embedding + ids[position] as usize * size..][..size], &d_x);
                    }
                    _ => {}
                }
                d_state.h[own.clone()].copy_from_slice(&back.d_h);
                if self.spec.cell.has_cell_state() {
                    d_state.c[own].copy_from_slice(&back.d_c);
                }
            }
        }
        d_state
    }

    /// Adds one step's outer products to the gradients of weights and biases.
    fn add_gradients(&self, cell: &StepRecord<R>, back: &cells::StepGradients<R>, grads: &mut [R]) {
        let n = self.spec.hidden_size;
        outer_into(&mut grads[self.spec.weight_ih_range()], &back.d_ih, &cell.x);
        let d_weight_hh = &mut grads[self.spec.weight_hh_range()];
        for stage in self.spec.cell.description().stages {
            let operand = match stage.operand {
                StageOperand::State => &cell.h_prev,
                StageOperand::Slot(slot) => &cell.step.gates[slot],
            };
            for gate in stage.gates {
                let own = &mut d_weight_hh[gate * n * n..][..n * n];
                outer_into(own, &back.d_hh[gate * n..][..n], operand);
            }
        }
        if let Some((ih, hh)) = self.spec.bias_ranges() {
            add(&mut grads[ih], &back.d_ih);
            add(&mut grads[hh], &back.d_hh);
        }
    }
}

impl<R: Real> Tape<R> {
    pub(super) fn hidden_size(&self) -> usize {
        self.hidden_size
    }

    pub(super) fn final_state(&self) -> State<R> {
        self.last.clone()
    }

    pub(super) fn trace(&self, cell: Cell) -> Trace<R> {
        let gather =
            |of: &dyn Fn(&StepRecord<R>) -> Vec<R>| self.cells.iter().flat_map(of).collect::<Vec<R>>();
        let gate = |slot: usize| gather(&|v| v.step.gates[slot].clone());
        debug_assert_eq!(self.cells.len(), self.steps * self.rows);
        debug_assert!(self.cells.iter().all(|v| v.step.h.len() == self.hidden_size));
        Trace {
            h: gather(&|v| v.step.h.clone()),
            c: gather(&|v| v.step.c.clone()),
            gates: cell.slot_names().iter().enumerate().map(|(s, &name)| (name, gate(s))).collect(),
        }
    }
}

/// A row's part of a cell state, which may be absent.
fn part<R>(values: &[R], own: Range<usize>) -> &[R] {
    values.get(own).unwrap_or_default()
}

pub(super) fn add<R: Real>(out: &mut [R], d: &[R]) {
    for (out, &d) in out.iter_mut().zip(d) {
        *out = *out + d;
    }
}

/// `out += a b^T`.
pub(super) fn outer_into<R: Real>(out: &mut [R], a: &[R], b: &[R]) {
    for (row, &a) in out.chunks_exact_mut(b.len()).zip(a) {
        for (out, &b) in row.iter_mut().zip(b) {
            *out = *out + a * b;
        }
    }
}
