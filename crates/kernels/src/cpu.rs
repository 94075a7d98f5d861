//! The fast backend: fused `f32` kernels for the instruction set of the machine, shards on a pool of threads.

use crate::backend::{Backend, CrossEntropy, Gradients, Input, Loss, State, Trace, Upstream};
use crate::buffer::Aligned;
use crate::dispatch::{Isa, IsaError};
use crate::dropout::Dropout;
use crate::frames::{Frames, FramesView};
use crate::optimiser::{CHUNK, Moments, Update, Updated};
use crate::readout::{self, PackedReadout, ReadoutScratch};
use crate::sequence::{self, Packed, Tape};
use crate::simd::{FlushDenormals, Job, Simd, Vector};
use crate::spec::{ReadoutSpec, RecurrentSpec};
use rayon::prelude::*;

/// Runs models on this machine's processor.
///
/// Results depend on the instruction set, never on the number of threads.
pub struct Cpu {
    simd: Simd,
    pool: rayon::ThreadPool,
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
    /// The fastest instruction set of the machine (or the one that `REFRAIN_ISA` names) on `threads` threads.
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
        Ok(Self { simd, pool: pool.expect("the system starts threads") })
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
    type Readout = PackedReadout;
    type Tape = Tape;
    type Scratch = ReadoutScratch;

    fn describe(&self) -> String {
        format!("{}, f32", self.isa())
    }

    fn buffer(&self, values: &[f32]) -> Aligned {
        Aligned::from(values)
    }

    fn read(&self, buffer: &Aligned) -> Vec<f32> {
        buffer.to_vec()
    }

    fn clear(&self, buffer: &mut Aligned) {
        buffer.fill(0.0);
    }

    fn frames(&self, width: usize, values: &[f32]) -> Frames {
        let mut frames = Frames::default();
        frames.resize(values.len() / width, width, self.simd.lanes());
        let stride = frames.stride();
        for (row, out) in values.chunks_exact(width).zip(frames.data_mut().chunks_exact_mut(stride)) {
            out[..width].copy_from_slice(row);
            out[width..].fill(0.0);
        }
        frames
    }

    fn read_frames(&self, frames: FramesView<'_>) -> Vec<f32> {
        let rows = frames.data().chunks_exact(frames.stride()).take(frames.rows());
        rows.flat_map(|row| &row[..frames.width()]).copied().collect()
    }

    fn view<'a>(&self, frames: &'a Frames) -> FramesView<'a> {
        frames.view()
    }

    fn parallel<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Send + Sync) {
        let run = |(index, item): (usize, &mut T)| {
            let _flush = FlushDenormals::new();
            work(index, item);
        };
        if items.len() == 1 || self.threads() == 1 {
            items.iter_mut().enumerate().for_each(run);
        } else {
            self.pool.install(|| items.par_iter_mut().enumerate().with_max_len(1).for_each(run));
        }
    }

    fn recurrent(&self, spec: &RecurrentSpec) -> Packed {
        Packed::new(self.simd, spec)
    }

    fn pack_recurrent(&self, layer: &mut Packed, params: &Aligned, training: bool) {
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
        let _flush = FlushDenormals::new();
        sequence::forward(layer, input, initial, lengths, tape);
    }

    fn output<'a>(&self, tape: &'a Tape) -> FramesView<'a> {
        tape.output()
    }

    fn final_state(&self, tape: &Tape) -> State<f32> {
        tape.final_state()
    }

    fn trace(&self, layer: &Packed, tape: &Tape) -> Trace<f32> {
        tape.trace(layer.spec().cell, self.simd.lanes())
    }

    fn recurrent_backward(
        &self,
        layer: &Packed,
        input: Input<'_, FramesView<'_>>,
        params: &Aligned,
        upstream: Upstream<'_, FramesView<'_>, f32>,
        tape: &mut Tape,
        into: Gradients<'_, Aligned, Frames>,
    ) -> State<f32> {
        let _flush = FlushDenormals::new();
        sequence::backward(layer, input, params, upstream, tape, into)
    }

    fn readout(&self, spec: &ReadoutSpec) -> PackedReadout {
        PackedReadout::new(self.simd, spec)
    }

    fn pack_readout(&self, readout: &mut PackedReadout, params: &Aligned, training: bool) {
        readout.pack(params, training);
    }

    fn logits(
        &self,
        readout: &PackedReadout,
        frames: FramesView<'_>,
        scratch: &mut ReadoutScratch,
    ) -> Vec<f32> {
        readout.logits(frames, scratch)
    }

    fn cross_entropy(
        &self,
        readout: &PackedReadout,
        frames: FramesView<'_>,
        targets: &[u32],
        backward: Option<CrossEntropy<'_, Self>>,
        scratch: &mut ReadoutScratch,
    ) -> Loss {
        let _flush = FlushDenormals::new();
        let backward =
            backward.map(|b| readout::Backward { scale: b.scale, d_frames: b.d_frames, grads: b.grads });
        readout.cross_entropy(frames, targets, backward, scratch)
    }

    fn dropout(&self, dropout: &Dropout, frames: FramesView<'_>, into: &mut Frames) {
        into.resize(frames.rows(), frames.width(), self.simd.lanes());
        into.data_mut().copy_from_slice(&frames.data()[..frames.rows() * frames.stride()]);
        self.dropout_in_place(dropout, into);
    }

    fn dropout_in_place(&self, dropout: &Dropout, frames: &mut Frames) {
        let (width, stride) = (frames.view().width(), frames.stride());
        self.simd.run(Drop { dropout, width, stride, data: frames.data_mut() });
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
                let _flush = FlushDenormals::new();
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
struct Drop<'a> {
    dropout: &'a Dropout,
    width: usize,
    stride: usize,
    data: &'a mut [f32],
}

impl Job for Drop<'_> {
    type Output = ();

    // Plain loops: the instruction set's entry compiles them with its features.
    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        for (r, row) in self.data.chunks_exact_mut(self.stride).enumerate() {
            let counter = self.dropout.counter(r, self.width);
            for (i, x) in row[..self.width].iter_mut().enumerate() {
                *x *= self.dropout.factor(counter.wrapping_add(i as u32));
            }
        }
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
