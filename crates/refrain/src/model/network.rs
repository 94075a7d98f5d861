//! What training and measuring know of a model, whatever its shape: parameters, and a pass over some rows of a batch.

use std::fmt;
use std::ops::Range;

use refrain_kernels::{Backend, State};

use crate::Result;
use crate::data::Batch;
use crate::layer::{DropoutMask, Score, Stack};
use crate::params::{Layout, LayoutBuilder, Weights};

/// Layers in order, forward and backward.
///
/// A network only describes; weights, activations and states come along, so that one description serves every backend.
pub trait Network: Clone + Send + Sync {
    /// What goes in and what should come out.
    type Batch: Batch;
    /// What a pass works in and leaves behind; reused from pass to pass.
    type Workspace<B: Backend>: Default + Send;

    /// Its parameters.
    fn layout(&self) -> &Layout;

    /// One line for people.
    fn summary(&self) -> String;

    /// The largest `H` of its recurrent layers, which precisions are chosen by.
    fn hidden_size(&self) -> usize {
        self.layout().recurrent().iter().map(|spec| spec.hidden_size).max().unwrap_or(0)
    }

    /// The state of `rows` sequences that begin, one element a layer, if it is carried from batch to batch.
    fn zero_state<B: Backend>(&self, _rows: usize) -> Vec<State<B::Real>> {
        vec![]
    }

    /// Forward, loss and backward of some rows. Gradients, times `step.scale`, are added to `grads`.
    fn train<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        part: &mut Part<Self, B>,
        step: TrainStep,
        grads: &mut B::Buffer,
    ) -> Score;

    /// What a pass (not one of training, which consumes it) left of its recurrent layers over the steps of a sequence.
    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>>;

    /// How well some rows are predicted.
    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score;
}

/// What makes a network of one kind what it is.
pub trait NetworkSizes: Clone + fmt::Debug + Send + Sync {
    /// Its layers, which know their places in the arena.
    type Layers: Clone + fmt::Debug + Send + Sync;

    /// Lays out the layers.
    ///
    /// # Errors
    /// If a size is out of bounds.
    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Self::Layers>;
}

/// A network of the kind that its sizes name: its layers and their places in the arena. Weights come along separately, so
/// that one description serves every backend.
#[derive(Clone, Debug)]
pub struct SizedNetwork<S: NetworkSizes> {
    pub(super) sizes: S,
    pub(super) layout: Layout,
    pub(super) layers: S::Layers,
}

impl<S: NetworkSizes> SizedNetwork<S> {
    /// Lays out a model.
    ///
    /// # Errors
    /// If a size is out of bounds.
    pub fn new(sizes: &S) -> Result<Self> {
        let (layout, layers) = Layout::build(|layout| sizes.lay_out(layout));
        Ok(Self { sizes: sizes.clone(), layout, layers: layers? })
    }

    /// Its sizes and kinds.
    pub fn sizes(&self) -> &S {
        &self.sizes
    }
}

/// The tapes of the layers of one stack.
pub struct Tapes<'w, B: Backend> {
    /// What people call the stack where there are several; or empty.
    pub name: &'static str,
    /// The stack.
    pub stack: &'w Stack,
    /// One a layer, lowest first; of each layer forwards before backwards.
    pub tapes: &'w [B::Tape],
}

/// What a step of training says to all of its parts.
#[derive(Clone, Copy, Debug)]
pub struct TrainStep {
    /// One over the targets of the whole batch.
    pub scale: f64,
    /// What is dropped.
    pub dropout: DropoutMask,
}

/// Some rows of a batch, and what is computed for them without regard to the others.
pub struct Part<N: Network, B: Backend> {
    /// The rows.
    pub batch: N::Batch,
    /// Carried from batch to batch, see [`Network::zero_state`].
    pub state: Vec<State<B::Real>>,
    /// Of the last batch.
    pub score: Score,
    /// What passes work in.
    pub workspace: N::Workspace<B>,
}

impl<N: Network, B: Backend> Default for Part<N, B> {
    fn default() -> Self {
        let (score, workspace) = (Score::default(), N::Workspace::default());
        Self { batch: N::Batch::default(), state: vec![], score, workspace }
    }
}

/// The gradients of some rows' loss, overwritten in `grads`, and their score in the part.
pub fn gradients<N: Network, B: Backend>(
    backend: &B,
    network: &N,
    weights: &Weights<B>,
    part: &mut Part<N, B>,
    step: TrainStep,
    grads: &mut B::Buffer,
) {
    backend.clear(grads);
    part.score = Score::default();
    if part.batch.rows() == 0 {
        return;
    }
    part.score = network.train(backend, weights, part, step, grads);
    weights.drop_gradients(backend, grads);
}

/// Refuses a model whose parameters this machine could not hold `copies` times, before a failed allocation ends the
/// program.
#[cfg(feature = "train")]
pub(crate) fn check_memory(network: &impl Network, copies: usize) -> Result<()> {
    let parameters = network.layout().len();
    let bytes = parameters.saturating_mul(size_of::<f32>()).saturating_mul(copies);
    let reserved = Vec::<u8>::new().try_reserve_exact(bytes);
    let (parameters, bytes) = (parameters as u64, bytes as u64);
    let problem = crate::SettingProblem::OutOfMemory { parameters, bytes };
    reserved.map_err(|_| crate::Error::Setting { setting: "hidden_size", problem })
}

/// Rows of part `i` of `parts`: contiguous, as equal as can be.
pub(crate) fn rows_of_part(rows: usize, parts: usize, i: usize) -> Range<usize> {
    rows * i / parts..rows * (i + 1) / parts
}
