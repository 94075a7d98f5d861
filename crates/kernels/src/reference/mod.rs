//! The reference implementation: the specification. Scalar loops in the order of the equations, generic over `f32`
//! and `f64`, not optimised. Its gradients are checked by finite differences; faster implementations are checked
//! against it.

mod cells;
mod recurrent;

use crate::backend::{Backend, CrossEntropy, Gradients, IGNORE, Input, Loss, State, Trace, Upstream};
use crate::dropout::Dropout;
use crate::optimiser::{Moments, Update, Updated};
use crate::precision::Precision;
use crate::real::Real;
use crate::rows;
use crate::spec::{LinearSpec, RecurrentSpec};
use recurrent::{Layer, Tape, add, outer_into};
use std::marker::PhantomData;
use std::ops::Range;

/// Runs models as specified. `Reference<f64>` is exact enough for finite differences.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference<R>(PhantomData<R>);

impl<R: Real> Reference<R> {
    /// A backend without settings.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// Activations `[rows, width]`.
#[derive(Clone, Debug, Default)]
pub struct Frames<R> {
    values: Vec<R>,
    width: usize,
}

/// A linear layer with a copy of the arena that it was packed from.
pub struct Linear<R> {
    spec: LinearSpec,
    params: Vec<R>,
}

impl<R: Real> Linear<R> {
    fn output(&self, x: &[R]) -> Vec<R> {
        let zeros = vec![R::zero(); self.spec.output_size];
        let bias = self.spec.bias_range().map_or(&zeros[..], |bias| &self.params[bias]);
        cells::affine(&self.params[self.spec.weight_range()], bias, x, 0..self.spec.output_size)
    }

    /// Adds the gradients of one position: of the parameters to `grads`, of the input to `d_x`.
    fn back(&self, x: &[R], d: &[R], grads: &mut [R], d_x: Option<&mut [R]>) {
        outer_into(&mut grads[self.spec.weight_range()], d, x);
        if let Some(bias) = self.spec.bias_range() {
            add(&mut grads[bias], d);
        }
        if let Some(d_x) = d_x {
            cells::transposed_into(&self.params[self.spec.weight_range()], d, 0, d_x);
        }
    }
}

impl<R: Real> Backend for Reference<R> {
    type Real = R;
    type Buffer = Vec<R>;
    type Frames = Frames<R>;
    type View<'a> = (&'a [R], usize);
    type Recurrent = Layer<R>;
    type Linear = Linear<R>;
    type Tape = Tape<R>;
    type Scratch = ();

    fn describe(&self) -> String {
        format!("reference, {}", std::any::type_name::<R>())
    }

    fn threads(&self) -> usize {
        1
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn for_hidden_size(&self, _: usize) -> Self {
        Self(PhantomData)
    }

    fn buffer(&self, values: &[R]) -> Vec<R> {
        values.to_vec()
    }

    fn read(&self, buffer: &Vec<R>) -> Vec<R> {
        buffer.clone()
    }

    fn read_part(&self, buffer: &Vec<R>, part: Range<usize>) -> Vec<R> {
        buffer[part].to_vec()
    }

    fn read_rows(&self, buffer: &Vec<R>, table: usize, width: usize, ids: &[u32], into: &mut Vec<R>) {
        rows::read(&buffer[table..], width, ids, into);
    }

    fn add_rows(&self, values: &[R], table: usize, width: usize, ids: &[u32], buffer: &mut Vec<R>) {
        rows::add(values, width, ids, &mut buffer[table..]);
    }

    fn add_part(&self, values: &[R], buffer: &mut Vec<R>, at: usize) {
        add(&mut buffer[at..][..values.len()], values);
    }

    fn clear(&self, buffer: &mut Vec<R>) {
        buffer.fill(R::zero());
    }

    fn frames(&self, width: usize, values: &[R]) -> Frames<R> {
        Frames { values: values.to_vec(), width }
    }

    fn d_frames(&self, width: usize, values: &[R]) -> Frames<R> {
        self.frames(width, values)
    }

    fn read_frames(&self, (values, _): (&[R], usize)) -> Vec<R> {
        values.to_vec()
    }

    fn join(&self, parts: &[(&[R], usize)], into: &mut Frames<R>) {
        let rows = parts.first().map_or(0, |(values, width)| values.len() / width);
        let row = |row: usize| parts.iter().flat_map(move |&(values, width)| &values[row * width..][..width]);
        into.values = (0..rows).flat_map(row).copied().collect();
        into.width = parts.iter().map(|(_, width)| width).sum();
    }

    fn part(&self, (values, of): (&[R], usize), at: usize, width: usize, into: &mut Frames<R>) {
        into.values = values.chunks_exact(of).flat_map(|row| &row[at..][..width]).copied().collect();
        into.width = width;
    }

    fn add_gradients(&self, (values, _): (&[R], usize), to: &mut Frames<R>) {
        add(&mut to.values, values);
    }

    fn view<'a>(&self, frames: &'a Frames<R>) -> (&'a [R], usize) {
        (&frames.values, frames.width)
    }

    fn parallel<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Send + Sync) {
        items.iter_mut().enumerate().for_each(|(index, item)| work(index, item));
    }

    fn recurrent(&self, spec: &RecurrentSpec) -> Layer<R> {
        Layer { spec: *spec, params: vec![] }
    }

    fn pack_recurrent(&self, layer: &mut Layer<R>, params: &Vec<R>, _: bool) {
        layer.params.clone_from(params);
    }

    fn recurrent_forward(
        &self,
        layer: &Layer<R>,
        input: Input<'_, (&[R], usize)>,
        initial: &State<R>,
        lengths: Option<&[usize]>,
        tape: &mut Tape<R>,
    ) {
        layer.forward(values(input), initial, lengths, tape);
    }

    fn output<'a>(&self, tape: &'a Tape<R>) -> (&'a [R], usize) {
        (&tape.output, tape.hidden_size())
    }

    fn final_state(&self, tape: &Tape<R>, state: &mut State<R>) {
        *state = tape.final_state();
    }

    fn trace(&self, layer: &Layer<R>, tape: &Tape<R>) -> Trace<R> {
        tape.trace(layer.spec.cell)
    }

    fn recurrent_backward(
        &self,
        layer: &Layer<R>,
        input: Input<'_, (&[R], usize)>,
        _: &Vec<R>,
        upstream: Upstream<'_, (&[R], usize), R>,
        tape: &mut Tape<R>,
        mut into: Gradients<'_, Vec<R>, Frames<R>, R>,
    ) {
        if let Some(d_input) = &mut into.d_input {
            d_input.width = layer.spec.input.size();
        }
        let d_output = upstream.d_output.map(|(values, _)| values);
        let upstream = Upstream { d_output, d_final: upstream.d_final };
        let d_input = into.d_input.map(|frames| &mut frames.values);
        let d_state = layer.backward(values(input), upstream, tape, into.params, d_input);
        if let Some(d_initial) = into.d_initial {
            *d_initial = d_state;
        }
    }

    fn linear(&self, spec: &LinearSpec) -> Linear<R> {
        Linear { spec: *spec, params: vec![] }
    }

    fn pack_linear(&self, layer: &mut Linear<R>, params: &Vec<R>, _: bool) {
        layer.params.clone_from(params);
    }

    fn linear_forward(
        &self,
        layer: &Linear<R>,
        frames: (&[R], usize),
        into: &mut Frames<R>,
        scratch: &mut (),
    ) {
        into.width = layer.spec.output_size;
        self.linear_outputs(layer, frames, &mut into.values, scratch);
    }

    fn linear_backward(
        &self,
        layer: &Linear<R>,
        (frames, width): (&[R], usize),
        (d_output, d_width): (&[R], usize),
        mut d_input: Option<&mut Frames<R>>,
        grads: &mut Vec<R>,
        (): &mut (),
    ) {
        if let Some(d_input) = &mut d_input {
            **d_input = Frames { values: vec![R::zero(); frames.len()], width };
        }
        let positions = frames.chunks_exact(width).zip(d_output.chunks_exact(d_width));
        for (position, (x, d)) in positions.enumerate() {
            let d_x = d_input.as_mut().map(|d_input| &mut d_input.values[position * width..][..width]);
            layer.back(x, d, grads, d_x);
        }
    }

    fn linear_outputs(
        &self,
        layer: &Linear<R>,
        (frames, width): (&[R], usize),
        outputs: &mut Vec<R>,
        (): &mut (),
    ) {
        *outputs = frames.chunks_exact(width).flat_map(|x| layer.output(x)).collect();
    }

    fn cross_entropy(
        &self,
        readout: &Linear<R>,
        (frames, width): (&[R], usize),
        targets: &[u32],
        mut backward: Option<CrossEntropy<'_, Self>>,
        (): &mut (),
    ) -> Loss {
        let mut loss = Loss::default();
        if let Some(backward) = &mut backward {
            *backward.d_frames = Frames { values: vec![R::zero(); frames.len()], width };
        }
        for (position, (h, &target)) in frames.chunks_exact(width).zip(targets).enumerate() {
            if target == IGNORE {
                continue;
            }
            let logits = readout.output(h);
            let largest = logits.iter().copied().fold(R::neg_infinity(), R::max);
            let exps: Vec<R> = logits.iter().map(|&x| (x - largest).exp()).collect();
            let sum: R = exps.iter().copied().sum();
            let nats = sum.ln() + largest - logits[target as usize];
            loss.add(Loss { nats: nats.as_f64(), count: 1 });
            if let Some(backward) = &mut backward {
                let (scale, smoothing) = (backward.scale, backward.smoothing);
                let uniform = smoothing / R::of(exps.len() as f64);
                let mut d: Vec<R> = exps.iter().map(|&e| scale * (e / sum - uniform)).collect();
                d[target as usize] = d[target as usize] - scale * (R::one() - smoothing);
                let d_h = &mut backward.d_frames.values[position * width..][..width];
                readout.back(h, &d, backward.grads, Some(d_h));
            }
        }
        loss
    }

    fn dropout(&self, dropout: &Dropout, (values, width): (&[R], usize), into: &mut Frames<R>) {
        *into = Frames { values: values.to_vec(), width };
        self.dropout_in_place(dropout, into);
    }

    fn dropout_in_place(&self, dropout: &Dropout, frames: &mut Frames<R>) {
        let width = frames.width;
        for (r, row) in frames.values.chunks_exact_mut(width).enumerate() {
            let counter = dropout.counter(r, width);
            for (i, x) in row.iter_mut().enumerate() {
                *x = *x * R::of(dropout.factor(counter.wrapping_add(i as u32)).into());
            }
        }
    }

    fn dropout_weights(&self, dropout: &Dropout, weights: Range<usize>, arena: &mut Vec<R>) {
        dropout.apply_flat(&mut arena[weights]);
    }

    fn blend(&self, weight: f64, from: &Vec<R>, into: &mut Vec<R>) {
        crate::optimiser::blend(weight, from, into);
    }

    fn update(
        &self,
        update: &Update,
        decayed: &[Range<usize>],
        grads: &mut [&mut Vec<R>],
        moments: &mut Moments<Vec<R>>,
        params: &mut Vec<R>,
    ) -> Updated {
        let Some((sum, others)) = grads.split_first_mut() else { return Updated { norm: 0.0 } };
        others.iter().for_each(|other| add(sum, other));
        let squares: R = sum.iter().map(|&g| g * g).sum();
        let norm = squares.sqrt().as_f64();
        if norm.is_finite() {
            let mut moments: Vec<&mut [R]> = moments.0.iter_mut().map(|m| &mut m[..]).collect();
            update.apply(decayed, 0, update.clip_factor(norm), sum, &mut moments, params);
        }
        Updated { norm }
    }
}

fn values<'a, R>(input: Input<'a, (&'a [R], usize)>) -> Input<'a, &'a [R]> {
    match input {
        Input::Ids(ids) => Input::Ids(ids),
        Input::Frames((values, _)) => Input::Frames(values),
    }
}
