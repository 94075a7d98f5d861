//! The seam between models and machines: 37 operations. About half of them compute, on whole sequences where there is a
//! sequence; the others make, read and join buffers and activations, or say what the device is.
//!
//! Layers, models and training are written once over [`Backend`]. What lies on the near side of it (texts, batches,
//! states, traces) is plain host data; parameters and activations are the backend's own. [`crate::Reference`]
//! proves a model right in `f64`, [`crate::Cpu`] runs it fast, and nothing above the seam knows which one works.

use crate::dropout::Dropout;
use crate::optimiser::{Moments, Update, Updated};
use crate::precision::Precision;
use crate::real::Real;
use crate::spec::{LinearSpec, RecurrentSpec};
use std::ops::Range;

/// Marks a position without a target: it adds no loss and no gradient.
pub const IGNORE: u32 = u32::MAX;

/// What a recurrent layer reads: ids `[T, B]`, or dense frames `[T, B, I]`.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a, V> {
    /// For layers over one-hot or embedded ids. Every id is below the vocabulary size.
    Ids(&'a [u32]),
    /// For layers over frames.
    Frames(V),
}

/// The state of one layer: a value, passed in and returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State<R> {
    /// `[B, H]`.
    pub h: Vec<R>,
    /// `[B, H]` for LSTM, empty otherwise.
    pub c: Vec<R>,
}

impl<R: Real> State<R> {
    /// The zero state of `rows` sequences.
    pub fn zeros(spec: &RecurrentSpec, rows: usize) -> Self {
        let len = rows * spec.hidden_size;
        Self { h: vec![R::zero(); len], c: vec![R::zero(); if spec.cell.has_cell_state() { len } else { 0 }] }
    }
}

/// The gradients that reach a layer; absent means zero.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a, V, R> {
    /// Of its output, `[T, B, H]`.
    pub d_output: Option<V>,
    /// Of its final state.
    pub d_final: Option<&'a State<R>>,
}

/// Where a layer's gradients go.
#[derive(Debug)]
pub struct Gradients<'a, B, F, R> {
    /// The arena of gradients, added to.
    pub params: &'a mut B,
    /// The gradient of the input frames, overwritten, `[T, B, I]`; only for layers over frames.
    pub d_input: Option<&'a mut F>,
    /// The gradient of the initial state, overwritten.
    pub d_initial: Option<&'a mut State<R>>,
}

/// Named activations of one layer over one window, on the host, `[T, B, H]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<R> {
    /// Hidden states after each step.
    pub h: Vec<R>,
    /// Cell states after each step; empty unless the cell has them.
    pub c: Vec<R>,
    /// The slots of [`crate::Cell::slot_names`].
    pub gates: Vec<(&'static str, Vec<R>)>,
}

/// The loss of some positions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Sum over the counted positions, in nats.
    pub nats: f64,
    /// Positions with a target.
    pub count: usize,
}

impl Loss {
    /// Mean in nats per position.
    pub fn mean(self) -> f64 {
        self.nats / self.count as f64
    }

    /// Adds other positions.
    pub fn add(&mut self, other: Loss) {
        self.nats += other.nats;
        self.count += other.count;
    }
}

/// What the fused readout and loss give back beside the loss.
pub struct CrossEntropy<'a, B: Backend> {
    /// Factor on every gradient: one over the positions of the whole batch.
    pub scale: B::Real,
    /// Share of a target's probability that is dealt out to all ids alike (Szegedy et al. 2016, section 7). The gradients
    /// are then those of that cross-entropy; the reported loss stays that of the targets.
    pub smoothing: B::Real,
    /// Gradient of the frames, overwritten, `[T, B, H]`.
    pub d_frames: &'a mut B::Frames,
    /// Arena of gradients, added to.
    pub grads: &'a mut B::Buffer,
}

/// A machine that models run on.
///
/// Gradients of parameters are *added* to the arena `grads`; gradients of activations are overwritten.
pub trait Backend: Clone + Send + Sync {
    /// Numbers on the host side.
    type Real: Real;
    /// A flat arena: parameters, gradients, an optimiser's moments.
    type Buffer: Send + Sync;
    /// Activations `[rows, width]`, rows being `T * B`, in the backend's layout.
    type Frames: Send + Sync + Default;
    /// Borrowed activations.
    type View<'a>: Copy + Send + Sync;
    /// A recurrent layer's weights, prepared for many products.
    type Recurrent: Send + Sync;
    /// A linear layer's weights, prepared likewise.
    type Linear: Send + Sync;
    /// What a forward pass leaves for the backward pass.
    type Tape: Send + Sync + Default;
    /// Scratch memory of linear layers.
    type Scratch: Send + Sync + Default;

    /// What results depend on beside the program and its input: instruction set and precision.
    fn describe(&self) -> String;
    /// Threads that share out the items of [`Backend::parallel`]. Results do not depend on them.
    fn threads(&self) -> usize;
    /// The precision of products; [`Precision::F32`] also for what is more exact.
    fn precision(&self) -> Precision;
    /// This device for a model whose layers have this hidden size: a precision that was left to the machine is settled.
    /// Threads are shared, not started anew.
    #[must_use]
    fn for_hidden_size(&self, hidden_size: usize) -> Self
    where
        Self: Sized;

    /// An arena holding `values`.
    fn buffer(&self, values: &[Self::Real]) -> Self::Buffer;
    /// The values of an arena.
    fn read(&self, buffer: &Self::Buffer) -> Vec<Self::Real>;
    /// The values of a part of an arena.
    fn read_part(&self, buffer: &Self::Buffer, part: Range<usize>) -> Vec<Self::Real>;
    /// Overwrites `into` with rows of a table `[_, width]` that begins at `table` in an arena: those that `ids` name.
    fn read_rows(
        &self,
        buffer: &Self::Buffer,
        table: usize,
        width: usize,
        ids: &[u32],
        into: &mut Vec<Self::Real>,
    );
    /// Adds `values`, `[ids, width]`, to the rows that `ids` name: the way back from [`Backend::read_rows`].
    fn add_rows(
        &self,
        values: &[Self::Real],
        table: usize,
        width: usize,
        ids: &[u32],
        buffer: &mut Self::Buffer,
    );
    /// Adds to the values of an arena from `at` on.
    fn add_part(&self, values: &[Self::Real], buffer: &mut Self::Buffer, at: usize);
    /// Sets an arena to zero.
    fn clear(&self, buffer: &mut Self::Buffer);

    /// Activations from host values `[rows, width]`.
    fn frames(&self, width: usize, values: &[Self::Real]) -> Self::Frames;
    /// Gradients of activations from host values `[rows, width]`; they may be held more exactly than activations.
    fn d_frames(&self, width: usize, values: &[Self::Real]) -> Self::Frames;
    /// Host values `[rows, width]` of activations.
    fn read_frames(&self, frames: Self::View<'_>) -> Vec<Self::Real>;
    /// Overwrites `into` with activations side by side, `[rows, sum of their widths]`.
    fn join(&self, parts: &[Self::View<'_>], into: &mut Self::Frames);
    /// Overwrites `into` with the gradients of `width` features from feature `at` on: the way back from
    /// [`Backend::join`].
    fn part(&self, d_joined: Self::View<'_>, at: usize, width: usize, into: &mut Self::Frames);
    /// Adds gradients of activations to others of the same size.
    fn add_gradients(&self, from: Self::View<'_>, to: &mut Self::Frames);
    /// Borrows activations.
    fn view<'a>(&self, frames: &'a Self::Frames) -> Self::View<'a>;

    /// Runs `work(index, item)` for every item, in parallel where the backend can. Items must not depend on
    /// each other; which thread runs which is unspecified.
    fn parallel<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Send + Sync);

    /// A layer without weights; [`Backend::pack_recurrent`] brings them.
    fn recurrent(&self, spec: &RecurrentSpec) -> Self::Recurrent;
    /// Prepares a layer's weights, after every update; `training` includes what the backward pass needs.
    fn pack_recurrent(&self, layer: &mut Self::Recurrent, params: &Self::Buffer, training: bool);

    /// Runs a layer over a window from `initial`, whose size gives the batch rows `B`.
    ///
    /// With `lengths` (`[B]`, each at most `T`), a row that has finished keeps its state, and its output is zero.
    /// In reverse direction a row starts at its own last step.
    fn recurrent_forward(
        &self,
        layer: &Self::Recurrent,
        input: Input<'_, Self::View<'_>>,
        initial: &State<Self::Real>,
        lengths: Option<&[usize]>,
        tape: &mut Self::Tape,
    );
    /// The output `[T, B, H]` that a forward pass left on the tape.
    fn output<'a>(&self, tape: &'a Self::Tape) -> Self::View<'a>;
    /// Overwrites `state` with that after the window.
    fn final_state(&self, tape: &Self::Tape, state: &mut State<Self::Real>);
    /// Every named activation of a forward pass. Not after the backward pass, which consumes the tape.
    fn trace(&self, layer: &Self::Recurrent, tape: &Self::Tape) -> Trace<Self::Real>;

    /// The way back: consumes the tape of a forward pass over the same `input`.
    fn recurrent_backward(
        &self,
        layer: &Self::Recurrent,
        input: Input<'_, Self::View<'_>>,
        params: &Self::Buffer,
        upstream: Upstream<'_, Self::View<'_>, Self::Real>,
        tape: &mut Self::Tape,
        into: Gradients<'_, Self::Buffer, Self::Frames, Self::Real>,
    );

    /// A linear layer without weights; [`Backend::pack_linear`] brings them.
    fn linear(&self, spec: &LinearSpec) -> Self::Linear;
    /// Prepares a linear layer's weights, as [`Backend::pack_recurrent`].
    fn pack_linear(&self, layer: &mut Self::Linear, params: &Self::Buffer, training: bool);
    /// Overwrites `into` with the outputs of all frames, `[rows, O]`.
    fn linear_forward(
        &self,
        layer: &Self::Linear,
        frames: Self::View<'_>,
        into: &mut Self::Frames,
        scratch: &mut Self::Scratch,
    );
    /// The way back from the gradient of the outputs: overwrites that of the inputs, where it is wanted, and adds to
    /// the arena `grads`.
    fn linear_backward(
        &self,
        layer: &Self::Linear,
        frames: Self::View<'_>,
        d_output: Self::View<'_>,
        d_input: Option<&mut Self::Frames>,
        grads: &mut Self::Buffer,
        scratch: &mut Self::Scratch,
    );
    /// Overwrites `outputs` with those of all frames, `[rows, O]`, on the host.
    fn linear_outputs(
        &self,
        layer: &Self::Linear,
        frames: Self::View<'_>,
        outputs: &mut Vec<Self::Real>,
        scratch: &mut Self::Scratch,
    );
    /// A linear layer to logits, softmax and cross-entropy against `targets` (`[rows]`, [`crate::IGNORE`] where there is none); with
    /// `backward`, their gradients in the same sweep.
    fn cross_entropy(
        &self,
        readout: &Self::Linear,
        frames: Self::View<'_>,
        targets: &[u32],
        backward: Option<CrossEntropy<'_, Self>>,
        scratch: &mut Self::Scratch,
    ) -> Loss;

    /// Drops activations: forward on activations, backward on their gradients, with the same mask.
    fn dropout(&self, dropout: &Dropout, frames: Self::View<'_>, into: &mut Self::Frames);
    /// As [`Backend::dropout`], in place.
    fn dropout_in_place(&self, dropout: &Dropout, frames: &mut Self::Frames);

    /// Drops weights in place, and likewise their gradients with the same mask: element `i` of the range `weights`
    /// of an arena by the mask's element `i`, whatever rows the mask speaks of.
    fn dropout_weights(&self, dropout: &Dropout, weights: Range<usize>, arena: &mut Self::Buffer);
    /// Moves an arena towards another: `into = (1 - share) into + share from`. A share of 1 copies.
    fn blend(&self, share: f64, from: &Self::Buffer, into: &mut Self::Buffer);

    /// Adds up the gradients of all shards in their order, clips their global norm and updates `params`, of which those in
    /// the ranges `decayed`, in rising order, are subject to weight decay. If the
    /// norm is not finite nothing is updated; the sum is left in the first of `grads` for inspection.
    fn update(
        &self,
        update: &Update,
        decayed: &[Range<usize>],
        grads: &mut [&mut Self::Buffer],
        moments: &mut Moments<Self::Buffer>,
        params: &mut Self::Buffer,
    ) -> Updated;
}
