//! The fast backend: fused kernels for the machine's instruction set, with shards on a thread pool.

use crate::backend::{Backend, CrossEntropy, Gradients, Input, Loss, State, Trace, Upstream};
use crate::buffer::Aligned;
use crate::dispatch::Isa;
use crate::dropout::Dropout;
use crate::element::Element;
use crate::error::CpuError;
use crate::frames::{Frames, FramesView};
use crate::linear::{LinearScratch, PackedLinear};
use crate::optimiser::{self, CHUNK, Moments, Update, Updated};
use crate::precision::{Precision, PrecisionChoice};
use crate::readout;
use crate::rows;
use crate::scope::Scope;
use crate::sequence::{self, Packed, Tape};
use crate::simd::{Job, Simd, Vector};
use crate::spec::{LinearSpec, RecurrentSpec};
use crate::threads::Threads;
use crate::values::{Values, match_kind};
use std::ops::Range;

/// Runs models on this machine's processor. Clones share the threads.
///
/// Results depend on the instruction set and the precision, never on the number of threads.
#[derive(Clone)]
pub struct Cpu {
    simd: Simd,
    choice: PrecisionChoice,
    /// The choice, resolved.
    precision: Precision,
    threads: Threads,
}

impl Cpu {
    /// The machine's fastest instruction set (or the one that `REFRAIN_ISA` names) with `threads` threads, in single
    /// precision.
    ///
    /// # Errors
    /// If `REFRAIN_ISA` names an unknown or unavailable instruction set, or if the system cannot start the threads.
    pub fn new(threads: usize) -> Result<Self, CpuError> {
        Self::with_isa(Isa::detect()?, threads)
    }

    /// A given instruction set with `threads` threads: at least one, and exactly one without the feature `threads`.
    ///
    /// # Errors
    /// If the machine lacks it, or if the system cannot start the threads.
    pub fn with_isa(isa: Isa, threads: usize) -> Result<Self, CpuError> {
        let (simd, precision) = (Simd::new(isa)?, Precision::F32);
        Ok(Self { simd, choice: precision.into(), precision, threads: Threads::new(threads)? })
    }

    /// The same backend with another precision of products.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        self.with_precision_choice(precision.into())
    }

    /// The same backend with a precision that may be automatic: single precision until [`Backend::for_hidden_size`]
    /// resolves it.
    #[must_use]
    pub fn with_precision_choice(self, choice: PrecisionChoice) -> Self {
        Self { choice, precision: choice.resolve_on(self.isa(), 0), ..self }
    }

    /// The precision of products.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Host values `[rows, width]` in the format of a precision.
    fn frames_of(&self, precision: Precision, width: usize, values: &[f32]) -> Frames {
        let mut frames = Frames::default();
        let stride = precision.padded(width, self.simd);
        frames.resize(precision.kind(), values.len() / width, width, stride);
        match_kind!(Values, frames.data_mut(), data => {
            for (row, out) in values.chunks_exact(width).zip(data.chunks_exact_mut(stride)) {
                out[width..].fill(Element::of(0.0));
                out.iter_mut().zip(row).for_each(|(out, &x)| *out = Element::of(x));
            }
        });
        frames
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.simd.isa()
    }

    /// Number of threads in use.
    pub fn threads(&self) -> usize {
        self.threads.count()
    }
}

impl Backend for Cpu {
    type Real = f32;
    type Buffer = Aligned;
    type Frames = Frames;
    type View<'a> = FramesView<'a>;
    type Recurrent = Packed;
    type Linear = PackedLinear;
    type Tape = Tape;
    type Scratch = LinearScratch;

    fn describe(&self) -> String {
        format!("{}, {}", self.isa(), self.precision)
    }

    fn threads(&self) -> usize {
        self.threads.count()
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn for_hidden_size(&self, hidden_size: usize) -> Self {
        Self { precision: self.choice.resolve_on(self.isa(), hidden_size), ..self.clone() }
    }

    fn buffer(&self, values: &[f32]) -> Aligned {
        Aligned::from(values)
    }

    fn read(&self, buffer: &Aligned) -> Vec<f32> {
        buffer.to_vec()
    }

    fn read_part(&self, buffer: &Aligned, part: Range<usize>) -> Vec<f32> {
        buffer[part].to_vec()
    }

    fn read_rows(&self, buffer: &Aligned, table: usize, width: usize, ids: &[u32], into: &mut Vec<f32>) {
        rows::read(&buffer[table..], width, ids, into);
    }

    fn add_rows(&self, values: &[f32], table: usize, width: usize, ids: &[u32], buffer: &mut Aligned) {
        rows::add(values, width, ids, &mut buffer[table..]);
    }

    fn add_part(&self, values: &[f32], buffer: &mut Aligned, at: usize) {
        buffer[at..][..values.len()].iter_mut().zip(values).for_each(|(to, x)| *to += x);
    }

    fn clear(&self, buffer: &mut Aligned) {
        buffer.fill(0.0);
    }

    fn frames(&self, width: usize, values: &[f32]) -> Frames {
        self.frames_of(self.precision, width, values)
    }

    fn d_frames(&self, width: usize, values: &[f32]) -> Frames {
        self.frames_of(Precision::F32, width, values)
    }

    fn read_frames(&self, frames: FramesView<'_>) -> Vec<f32> {
        frames.data().to_f32(0, frames.rows(), frames.width(), frames.stride())
    }

    fn join(&self, parts: &[FramesView<'_>], into: &mut Frames) {
        let width = parts.iter().map(|part| part.width()).sum();
        into.join(parts, self.precision.padded(width, self.simd));
    }

    fn part(&self, d_joined: FramesView<'_>, at: usize, width: usize, into: &mut Frames) {
        into.take_part(d_joined, at, width, width.next_multiple_of(self.simd.lanes()));
    }

    fn add_gradients(&self, from: FramesView<'_>, to: &mut Frames) {
        to.add_gradients(from);
    }

    fn view<'a>(&self, frames: &'a Frames) -> FramesView<'a> {
        frames.view()
    }

    fn parallel<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Send + Sync) {
        self.threads.for_each(items, |index, item| {
            let _scope = Scope::new();
            work(index, item);
        });
    }

    fn recurrent(&self, spec: &RecurrentSpec) -> Packed {
        Packed::new(self.simd, self.precision, spec)
    }

    fn pack_recurrent(&self, layer: &mut Packed, params: &Aligned, training: bool) {
        let _scope = Scope::new();
        layer.pack(params, training);
    }

    fn recurrent_forward(
        &self,
        layer: &Packed,
        input: Input<'_, FramesView<'_>>,
        initial: &State<f32>,
        lengths: Option<&[usize]>,
        tape: &mut Tape,
    ) {
        let _scope = Scope::new();
        let team = if sequence::worth_sharing(layer, initial) { self.threads.team() } else { None };
        sequence::forward(layer, input, initial, lengths, tape, team);
    }

    fn output<'a>(&self, tape: &'a Tape) -> FramesView<'a> {
        tape.output()
    }

    fn final_state(&self, tape: &Tape, state: &mut State<f32>) {
        tape.final_state(state);
    }

    fn trace(&self, layer: &Packed, tape: &Tape) -> Trace<f32> {
        tape.trace(layer.spec().cell)
    }

    fn recurrent_backward(
        &self,
        layer: &Packed,
        input: Input<'_, FramesView<'_>>,
        params: &Aligned,
        upstream: Upstream<'_, FramesView<'_>, f32>,
        tape: &mut Tape,
        into: Gradients<'_, Aligned, Frames, f32>,
    ) {
        let _scope = Scope::new();
        sequence::backward(layer, input, params, upstream, tape, into);
    }

    fn linear(&self, spec: &LinearSpec) -> PackedLinear {
        PackedLinear::new(self.simd, self.precision, spec)
    }

    fn pack_linear(&self, layer: &mut PackedLinear, params: &Aligned, training: bool) {
        let _scope = Scope::new();
        layer.pack(params, training);
    }

    fn linear_forward(
        &self,
        layer: &PackedLinear,
        frames: FramesView<'_>,
        into: &mut Frames,
        scratch: &mut LinearScratch,
    ) {
        let _scope = Scope::new();
        layer.forward(frames, into, scratch);
    }

    fn linear_backward(
        &self,
        layer: &PackedLinear,
        frames: FramesView<'_>,
        d_output: FramesView<'_>,
        d_input: Option<&mut Frames>,
        grads: &mut Aligned,
        scratch: &mut LinearScratch,
    ) {
        let _scope = Scope::new();
        layer.backward(frames, d_output, d_input, grads, scratch);
    }

    fn linear_outputs(
        &self,
        layer: &PackedLinear,
        frames: FramesView<'_>,
        outputs: &mut Vec<f32>,
        scratch: &mut LinearScratch,
    ) {
        let _scope = Scope::new();
        layer.outputs(frames, outputs, scratch);
    }

    fn cross_entropy(
        &self,
        readout: &PackedLinear,
        frames: FramesView<'_>,
        targets: &[u32],
        backward: Option<CrossEntropy<'_, Self>>,
        scratch: &mut LinearScratch,
    ) -> Loss {
        let _scope = Scope::new();
        let backward = backward.map(|b| readout::Backward {
            scale: b.scale,
            smoothing: b.smoothing,
            d_frames: b.d_frames,
            grads: b.grads,
        });
        readout::cross_entropy(readout, frames, targets, backward, scratch)
    }

    fn dropout(&self, dropout: &Dropout, frames: FramesView<'_>, into: &mut Frames) {
        let (rows, stride) = (frames.rows(), frames.stride());
        into.resize(frames.data().kind(), rows, frames.width(), stride);
        into.data_mut().copy_at(0, frames.data(), rows * stride);
        self.dropout_in_place(dropout, into);
    }

    fn dropout_in_place(&self, dropout: &Dropout, frames: &mut Frames) {
        let (width, stride) = (frames.view().width(), frames.stride());
        match_kind!(Values, frames.data_mut(), data => self.simd.run(DropOut { dropout, width, stride, data }));
    }

    fn dropout_weights(&self, dropout: &Dropout, weights: Range<usize>, arena: &mut Aligned) {
        self.simd.run(DropWeights { dropout, weights: &mut arena[weights] });
    }

    fn blend(&self, weight: f64, from: &Aligned, into: &mut Aligned) {
        let mut chunks: Vec<_> = into.chunks_mut(CHUNK).zip(from.chunks(CHUNK)).collect();
        self.threads.for_each(&mut chunks, |_, (into, from)| self.simd.run(Blend { weight, from, into }));
    }

    fn update(
        &self,
        update: &Update,
        decayed: &[Range<usize>],
        grads: &mut [&mut Aligned],
        moments: &mut Moments<Aligned>,
        params: &mut Aligned,
    ) -> Updated {
        let Some((sum, others)) = grads.split_first_mut() else { return Updated { norm: 0.0 } };
        let mut chunks: Vec<_> = sum.chunks_mut(CHUNK).map(|sum| (sum, 0.0)).collect();
        self.threads.for_each(&mut chunks, |i, (sum, squares)| {
            let own = i * CHUNK..i * CHUNK + sum.len();
            *squares = self.simd.run(Sum { sum, others: others.iter().map(|other| &other[own.clone()]) });
        });
        let norm = chunks.iter().map(|(_, squares)| squares).sum::<f64>().sqrt();
        if !norm.is_finite() {
            return Updated { norm };
        }
        let clip = update.clip_factor(norm);
        let mut moments: Vec<_> = moments.0.iter_mut().map(|m| m.chunks_mut(CHUNK)).collect();
        let of_chunk = |(grads, params)| {
            let moments: Vec<_> = moments.iter_mut().filter_map(Iterator::next).collect();
            (grads, moments, params)
        };
        let mut chunks: Vec<_> = sum.chunks(CHUNK).zip(params.chunks_mut(CHUNK)).map(of_chunk).collect();
        self.threads.for_each(&mut chunks, |i, (grads, moments, params)| {
            let _scope = Scope::new();
            self.simd.run(Sweep { update, decayed, first: i * CHUNK, clip, grads, moments, params });
        });
        Updated { norm }
    }
}

/// Applies a dropout mask to rows of `width` values, `stride` apart.
struct DropOut<'a, E> {
    dropout: &'a Dropout,
    width: usize,
    stride: usize,
    data: &'a mut [E],
}

impl<E: Element> Job for DropOut<'_, E> {
    type Output = ();

    // Plain loops, compiled with the features of the instruction set.
    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        for (r, row) in self.data.chunks_exact_mut(self.stride).enumerate() {
            let counter = self.dropout.counter(r, self.width);
            for (i, x) in row[..self.width].iter_mut().enumerate() {
                *x = E::of(x.to_f32() * self.dropout.factor(counter.wrapping_add(i as u32)));
            }
        }
    }
}

/// Applies a dropout mask to weights or their gradients.
struct DropWeights<'a> {
    dropout: &'a Dropout,
    weights: &'a mut [f32],
}

impl Job for DropWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        self.dropout.apply_flat(self.weights);
    }
}

/// One chunk of a blend of two arenas.
struct Blend<'a> {
    weight: f64,
    from: &'a [f32],
    into: &'a mut [f32],
}

impl Job for Blend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        optimiser::blend(self.weight, self.from, self.into);
    }
}

/// Adds the gradients of the other shards to the first, in order; returns the sum of squares.
struct Sum<'a, I> {
    sum: &'a mut [f32],
    others: I,
}

impl<'a, I: Iterator<Item = &'a [f32]>> Job for Sum<'_, I> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> f64 {
        for other in self.others {
            for (sum, x) in self.sum.iter_mut().zip(other) {
                *sum += x;
            }
        }
        let mut total = 0.0;
        for part in self.sum.chunks(256) {
            let whole = part.chunks_exact(V::LANES);
            let rest: f64 = whole.remainder().iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            let mut squares = v.splat(0.0);
            for x in whole {
                let x = v.load(x);
                squares = x.mul_add(x, squares);
            }
            total += f64::from(squares.sum()) + rest;
        }
        total
    }
}

/// One chunk of the optimiser's update.
struct Sweep<'a, 'm> {
    update: &'a Update,
    decayed: &'a [Range<usize>],
    first: usize,
    clip: f64,
    grads: &'a [f32],
    moments: &'a mut [&'m mut [f32]],
    params: &'a mut [f32],
}

impl Job for Sweep<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let Self { update, decayed, first, clip, grads, moments, params } = self;
        update.apply(decayed, first, clip, grads, moments, params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_automatic_precision_is_resolved_by_the_hidden_size() {
        for isa in Isa::available() {
            let large = if isa.has_fast_bf16() { Precision::Bf16 } else { Precision::F32 };
            let cpu = Cpu::with_isa(isa, 2).unwrap().with_precision_choice(PrecisionChoice::Auto);
            let resolved = [0, 128, 192, 1024].map(|size| cpu.for_hidden_size(size).precision());
            assert_eq!(resolved, [Precision::F32, Precision::F32, large, large], "{isa}");
            assert_eq!(cpu.for_hidden_size(1024).for_hidden_size(8).precision(), Precision::F32, "{isa}");
            for precision in Precision::ALL {
                let fixed = cpu.clone().with_precision(precision).for_hidden_size(1024);
                assert_eq!((fixed.precision(), fixed.threads()), (precision, cpu.threads()), "{isa}");
            }
        }
    }

    #[cfg(feature = "threads")]
    #[test]
    fn the_number_of_threads_is_as_requested_and_at_least_one() {
        let threads = [0, 1, 3].map(|threads| Cpu::with_isa(Isa::Scalar, threads).unwrap().clone().threads());
        assert_eq!(threads, [1, 1, 3]);
    }
}
