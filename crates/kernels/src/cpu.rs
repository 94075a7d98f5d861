//! The fast backend: fused kernels for the instruction set of the machine, shards on a pool of threads.

use crate::backend::{Backend, CrossEntropy, Gradients, Input, Loss, State, Trace, Upstream};
use crate::buffer::Aligned;
use crate::dispatch::{Isa, IsaError};
use crate::dropout::Dropout;
use crate::element::Element;
use crate::frames::{Frames, FramesView};
use crate::linear::{LinearScratch, PackedLinear};
use crate::optimiser::{self, CHUNK, Moments, Update, Updated};
use crate::precision::Precision;
use crate::readout;
use crate::rows;
use crate::scope::Scope;
use crate::sequence::{self, Packed, Tape};
use crate::simd::{Job, Simd, Vector};
use crate::spec::{LinearSpec, RecurrentSpec};
use crate::team::{Items, Team};
use crate::values::{Values, each};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Runs models on this machine's processor.
///
/// Results depend on the instruction set and the precision, never on the number of threads.
#[derive(Clone)]
pub struct Cpu {
    simd: Simd,
    precision: Precision,
    pool: Arc<rayon::ThreadPool>,
    /// For steps of one stream; made when the first one comes.
    team: Arc<OnceLock<Team>>,
}

impl Input<'_, FramesView<'_>> {
    /// `T * B`.
    pub(crate) fn positions(&self) -> usize {
        match self {
            Input::Ids(ids) => ids.len(),
            Input::Frames(frames) => frames.rows(),
        }
    }
}

impl Cpu {
    /// The fastest instruction set of the machine (or the one that `REFRAIN_ISA` names) on `threads` threads, in
    /// single precision.
    ///
    /// # Errors
    /// If `REFRAIN_ISA` names an instruction set that does not exist or that the machine lacks.
    pub fn new(threads: usize) -> Result<Self, IsaError> {
        Self::with_isa(Isa::detect()?, threads)
    }

    /// A given instruction set on `threads` threads.
    ///
    /// # Errors
    /// If the machine lacks it.
    ///
    /// # Panics
    /// If the system cannot start the threads.
    pub fn with_isa(isa: Isa, threads: usize) -> Result<Self, IsaError> {
        let simd = Simd::new(isa)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
        Ok(Self {
            simd,
            precision: Precision::F32,
            pool: Arc::new(pool.expect("the system starts threads")),
            team: Arc::default(),
        })
    }

    /// The same with products of another precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The precision of products.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Host values `[rows, width]` as a precision holds them.
    fn frames_of(&self, precision: Precision, width: usize, values: &[f32]) -> Frames {
        let mut frames = Frames::default();
        let stride = self.simd.padded(width, precision);
        frames.resize(precision.kind(), values.len() / width, width, stride);
        each!(Values, frames.data_mut(), data => {
            for (row, out) in values.chunks_exact(width).zip(data.chunks_exact_mut(stride)) {
                out[width..].fill(Element::of(0.0));
                out.iter_mut().zip(row).for_each(|(out, &x)| *out = Element::of(x));
            }
        });
        frames
    }

    /// Calls `work` with every number below `count`, once each. Knows nothing of items, so that the pool's part in it is
    /// compiled once.
    fn for_each_below(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        let work = |index| {
            let _scope = Scope::new();
            work(index);
        };
        if count == 1 || self.threads() == 1 {
            (0..count).for_each(work);
        } else {
            self.pool.install(|| (0..count).into_par_iter().with_max_len(1).for_each(work));
        }
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.simd.isa()
    }

    /// Threads in use.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
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
        into.join(parts, self.simd.padded(width, self.precision));
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
        let (count, items) = (items.len(), Items::of(items));
        self.for_each_below(count, &|index| {
            // SAFETY: every index below `count` comes once.
            work(index, unsafe { items.take(index) });
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
        // On a thread of the pool the others have shards of their own to see to.
        let alone = self.threads() > 1 && rayon::current_thread_index().is_none();
        let team = (alone && sequence::sharing_pays(layer, initial))
            .then(|| self.team.get_or_init(|| Team::new(self.threads())));
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
        each!(Values, frames.data_mut(), data => self.simd.run(DropOut { dropout, width, stride, data }));
    }

    fn dropout_weights(&self, dropout: &Dropout, weights: Range<usize>, arena: &mut Aligned) {
        self.simd.run(DropWeights { dropout, weights: &mut arena[weights] });
    }

    fn blend(&self, share: f64, from: &Aligned, into: &mut Aligned) {
        self.pool.install(|| {
            let chunks = into.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK));
            chunks.for_each(|(into, from)| self.simd.run(Blend { share, from, into }));
        });
    }

    fn update(
        &self,
        update: &Update,
        grads: &mut [&mut Aligned],
        moments: &mut Moments<Aligned>,
        params: &mut Aligned,
    ) -> Updated {
        self.pool.install(|| {
            let Some((sum, others)) = grads.split_first_mut() else { return Updated { norm: 0.0 } };
            let squares: Vec<f64> = sum
                .par_chunks_mut(CHUNK)
                .enumerate()
                .map(|(i, sum)| {
                    let from = i * CHUNK;
                    let len = sum.len();
                    self.simd.run(Sum { sum, others: others.iter().map(|o| &o[from..from + len]) })
                })
                .collect();
            let norm = squares.iter().sum::<f64>().sqrt();
            if !norm.is_finite() {
                return Updated { norm };
            }
            let clip = update.clip_factor(norm);
            let mut moments: Vec<_> = moments.0.iter_mut().map(|m| m.par_chunks_mut(CHUNK)).collect();
            let sweep = |i: usize, grads: &[f32], moments: &mut [&mut [f32]], params: &mut [f32]| {
                let _scope = Scope::new();
                self.simd.run(Sweep { update, first: i * CHUNK, clip, grads, moments, params });
            };
            let chunks = sum.par_chunks(CHUNK).zip(params.par_chunks_mut(CHUNK)).enumerate();
            match (moments.pop(), moments.pop()) {
                (None, _) => chunks.for_each(|(i, (g, p))| sweep(i, g, &mut [], p)),
                (Some(a), None) => chunks.zip(a).for_each(|((i, (g, p)), a)| sweep(i, g, &mut [a], p)),
                (Some(b), Some(a)) => {
                    chunks.zip(a).zip(b).for_each(|(((i, (g, p)), a), b)| sweep(i, g, &mut [a, b], p));
                }
            }
            Updated { norm }
        })
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

    // Plain loops: the instruction set's entry compiles them with its features.
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
    share: f64,
    from: &'a [f32],
    into: &'a mut [f32],
}

impl Job for Blend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        optimiser::blend(self.share, self.from, self.into);
    }
}

/// Adds the other shards' gradients to the first's, in order; gives the sum of squares.
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

/// One chunk of the optimiser's sweep.
struct Sweep<'a, 'm> {
    update: &'a Update,
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
        self.update.apply(self.first, self.clip, self.grads, self.moments, self.params);
    }
}
