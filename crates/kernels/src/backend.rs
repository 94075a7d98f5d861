//! The interface between models and devices. About half of its methods compute, on whole sequences where applicable;
//! the others create, read and concatenate buffers and activations, or describe the device.
//!
//! Layers, models and training code are generic over [`Backend`]. Texts, batches, states and traces are plain host
//! data; parameters and activations have the backend's own types. [`crate::Reference`] verifies a model in `f64`,
//! [`crate::Cpu`] runs it fast; code above this interface does not depend on which one is used.

use crate::dropout::Dropout;
use crate::optimiser::{Moments, Update, Updated};
use crate::precision::Precision;
use crate::real::Real;
use crate::spec::{LinearSpec, RecurrentSpec};
use std::ops::Range;

/// Marks a position without a target: it contributes no loss and no gradient.
pub const IGNORE: u32 = u32::MAX;

/// Input of a recurrent layer: ids `[T, B]`, or dense frames `[T, B, I]`.
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

/// The gradients with respect to a layer's results; absent means zero.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a, V, R> {
    /// Of its output, `[T, B, H]`.
    pub d_output: Option<V>,
    /// Of its final state.
    pub d_final: Option<&'a State<R>>,
}

/// Destinations of a layer's gradients.
#[derive(Debug)]
pub struct Gradients<'a, B, F, R> {
    /// Gradient arena, added to.
    pub params: &'a mut B,
    /// Gradient of the input frames, `[T, B, I]`, overwritten; only for layers over frames.
    pub d_input: Option<&'a mut F>,
    /// The gradient of the initial state, overwritten.
    pub d_initial: Option<&'a mut State<R>>,
}

/// Named activations of one layer over one window, on the host, `[T, B, H]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<R> {
    /// Hidden states after each step.
    pub h: Vec<R>,
    /// Cell states after each step; empty if the cell has none.
    pub c: Vec<R>,
    /// One entry per slot, named as in [`crate::Cell::slot_names`].
    pub gates: Vec<(&'static str, Vec<R>)>,
}

/// The loss of some positions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Sum over the positions with a target, in nats.
    pub nats: f64,
    /// Number of positions with a target.
    pub count: usize,
}

impl Loss {
    /// Mean in nats per position.
    pub fn mean(self) -> f64 {
        self.nats / self.count as f64
    }

    /// Adds the loss of other positions.
    pub fn add(&mut self, other: Loss) {
        self.nats += other.nats;
        self.count += other.count;
    }
}

/// Arguments of the backward pass of the fused readout and loss.
pub struct CrossEntropy<'a, B: Backend> {
    /// Factor on every gradient: one over the number of positions in the whole batch.
    pub scale: B::Real,
    /// Label smoothing (Szegedy et al. 2016, section 7). The gradients are those of the smoothed cross-entropy; the
    /// reported loss is not smoothed.
    pub smoothing: B::Real,
    /// Gradient of the frames, overwritten, `[T, B, H]`.
    pub d_frames: &'a mut B::Frames,
    /// Gradient arena, added to.
    pub grads: &'a mut B::Buffer,
}

/// An implementation of the numerical operations that models need, on some device.
///
/// Gradients of parameters are *added* to the arena `grads`; gradients of activations are overwritten.
pub trait Backend: Clone + Send + Sync {
    /// Number type on the host.
    type Real: Real;
    /// A flat arena: parameters, gradients, an optimiser's moments.
    type Buffer: Send + Sync;
    /// Activations `[rows, width]` with `rows = T * B`, in the backend's layout.
    type Frames: Send + Sync + Default;
    /// Borrowed activations.
    type View<'a>: Copy + Send + Sync;
    /// A recurrent layer's weights, packed for repeated products.
    type Recurrent: Send + Sync;
    /// A linear layer's weights, packed likewise.
    type Linear: Send + Sync;
    /// Values saved by a forward pass for the backward pass.
    type Tape: Send + Sync + Default;
    /// Scratch memory of linear layers.
    type Scratch: Send + Sync + Default;

    /// A description of everything that affects rounding: instruction set and precision.
    fn describe(&self) -> String;
    /// Number of threads that [`Backend::parallel`] uses. Results do not depend on it.
    fn threads(&self) -> usize;
    /// The precision of products; [`Precision::F32`] also for backends with higher precision.
    fn precision(&self) -> Precision;
    /// This backend for a model with this hidden size: resolves an automatic precision. The threads are shared with
    /// `self`.
    #[must_use]
    fn for_hidden_size(&self, hidden_size: usize) -> Self
    where
        Self: Sized;

    /// An arena holding `values`.
    fn buffer(&self, values: &[Self::Real]) -> Self::Buffer;
    /// The values of an arena.
    fn read(&self, buffer: &Self::Buffer) -> Vec<Self::Real>;
    /// The values of a range of an arena.
    fn read_part(&self, buffer: &Self::Buffer, part: Range<usize>) -> Vec<Self::Real>;
    /// Overwrites `into` with the rows `ids` of a table `[_, width]` that starts at offset `table` of an arena.
    fn read_rows(
        &self,
        buffer: &Self::Buffer,
        table: usize,
        width: usize,
        ids: &[u32],
        into: &mut Vec<Self::Real>,
    );
    /// Adds `values`, `[ids, width]`, to the rows `ids` of the table: the backward pass of [`Backend::read_rows`].
    fn add_rows(
        &self,
        values: &[Self::Real],
        table: usize,
        width: usize,
        ids: &[u32],
        buffer: &mut Self::Buffer,
    );
    /// Adds `values` to an arena, starting at offset `at`.
    fn add_part(&self, values: &[Self::Real], buffer: &mut Self::Buffer, at: usize);
    /// Sets an arena to zero.
    fn clear(&self, buffer: &mut Self::Buffer);

    /// Activations from host values `[rows, width]`.
    fn frames(&self, width: usize, values: &[Self::Real]) -> Self::Frames;
    /// Gradients of activations from host values `[rows, width]`; they may have a higher precision than activations.
    fn d_frames(&self, width: usize, values: &[Self::Real]) -> Self::Frames;
    /// Host values `[rows, width]` of activations.
    fn read_frames(&self, frames: Self::View<'_>) -> Vec<Self::Real>;
    /// Overwrites `into` with activations concatenated along features, `[rows, sum of their widths]`.
    fn join(&self, parts: &[Self::View<'_>], into: &mut Self::Frames);
    /// Overwrites `into` with the gradients of features `at..at + width`: the backward pass of [`Backend::join`].
    fn part(&self, d_joined: Self::View<'_>, at: usize, width: usize, into: &mut Self::Frames);
    /// Adds gradients of activations to others of the same shape.
    fn add_gradients(&self, from: Self::View<'_>, to: &mut Self::Frames);
    /// Borrows activations.
    fn view<'a>(&self, frames: &'a Self::Frames) -> Self::View<'a>;

    /// Runs `work(index, item)` for every item, in parallel if the backend can. Items must be independent; which
    /// thread runs an item is unspecified.
    fn parallel<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Send + Sync);

    /// A layer without weights; [`Backend::pack_recurrent`] sets them.
    fn recurrent(&self, spec: &RecurrentSpec) -> Self::Recurrent;
    /// Packs a layer's weights, needed after every update; `training` includes what the backward pass needs.
    fn pack_recurrent(&self, layer: &mut Self::Recurrent, params: &Self::Buffer, training: bool);

    /// Runs a layer over a window from the state `initial`, whose size determines the number of batch rows `B`.
    ///
    /// With `lengths` (`[B]`, each at most `T`), a finished row keeps its state, and its output is zero. In reverse
    /// direction a row starts at its own last step.
    fn recurrent_forward(
        &self,
        layer: &Self::Recurrent,
        input: Input<'_, Self::View<'_>>,
        initial: &State<Self::Real>,
        lengths: Option<&[usize]>,
        tape: &mut Self::Tape,
    );
    /// The output `[T, B, H]` of the forward pass that wrote the tape.
    fn output<'a>(&self, tape: &'a Self::Tape) -> Self::View<'a>;
    /// Overwrites `state` with the state after the window.
    fn final_state(&self, tape: &Self::Tape, state: &mut State<Self::Real>);
    /// All named activations of a forward pass. Invalid after the backward pass, which consumes the tape.
    fn trace(&self, layer: &Self::Recurrent, tape: &Self::Tape) -> Trace<Self::Real>;

    /// Backward pass: consumes the tape of a forward pass over the same `input`.
    fn recurrent_backward(
        &self,
        layer: &Self::Recurrent,
        input: Input<'_, Self::View<'_>>,
        params: &Self::Buffer,
        upstream: Upstream<'_, Self::View<'_>, Self::Real>,
        tape: &mut Self::Tape,
        into: Gradients<'_, Self::Buffer, Self::Frames, Self::Real>,
    );

    /// A linear layer without weights; [`Backend::pack_linear`] sets them.
    fn linear(&self, spec: &LinearSpec) -> Self::Linear;
    /// Packs a linear layer's weights, as [`Backend::pack_recurrent`].
    fn pack_linear(&self, layer: &mut Self::Linear, params: &Self::Buffer, training: bool);
    /// Overwrites `into` with the outputs of all frames, `[rows, O]`.
    fn linear_forward(
        &self,
        layer: &Self::Linear,
        frames: Self::View<'_>,
        into: &mut Self::Frames,
        scratch: &mut Self::Scratch,
    );
    /// Backward pass of a linear layer: overwrites `d_input`, if given, and adds to the arena `grads`.
    fn linear_backward(
        &self,
        layer: &Self::Linear,
        frames: Self::View<'_>,
        d_output: Self::View<'_>,
        d_input: Option<&mut Self::Frames>,
        grads: &mut Self::Buffer,
        scratch: &mut Self::Scratch,
    );
    /// Overwrites `outputs` with the outputs of all frames, `[rows, O]`, on the host.
    fn linear_outputs(
        &self,
        layer: &Self::Linear,
        frames: Self::View<'_>,
        outputs: &mut Vec<Self::Real>,
        scratch: &mut Self::Scratch,
    );
    /// Linear layer to logits, softmax and cross-entropy against `targets` (`[rows]`, [`crate::IGNORE`] for positions
    /// without one); with `backward`, also their gradients.
    fn cross_entropy(
        &self,
        readout: &Self::Linear,
        frames: Self::View<'_>,
        targets: &[u32],
        backward: Option<CrossEntropy<'_, Self>>,
        scratch: &mut Self::Scratch,
    ) -> Loss;

    /// Applies a dropout mask: to activations in the forward pass, to their gradients in the backward pass.
    fn dropout(&self, dropout: &Dropout, frames: Self::View<'_>, into: &mut Self::Frames);
    /// [`Backend::dropout`] in place.
    fn dropout_in_place(&self, dropout: &Dropout, frames: &mut Self::Frames);

    /// Applies a dropout mask in place to the range `weights` of an arena of parameters or gradients: element `i` of
    /// the range uses element `i` of the mask, whatever the mask's rows.
    fn dropout_weights(&self, dropout: &Dropout, weights: Range<usize>, arena: &mut Self::Buffer);
    /// Interpolates between arenas: `into = (1 - weight) into + weight from`. A weight of 1 copies.
    fn blend(&self, weight: f64, from: &Self::Buffer, into: &mut Self::Buffer);

    /// Sums the gradients of all shards in order, clips their global norm and updates `params`; weight decay applies
    /// to the ranges `decayed`, which are in ascending order. If the norm is not finite nothing is updated; the sum
    /// remains in the first of `grads`.
    fn update(
        &self,
        update: &Update,
        decayed: &[Range<usize>],
        grads: &mut [&mut Self::Buffer],
        moments: &mut Moments<Self::Buffer>,
        params: &mut Self::Buffer,
    ) -> Updated;
}
