//! The interface of all models to training and evaluation: parameters, and a pass over some rows of a batch.

use std::fmt;
use std::ops::Range;

use refrain_kernels::{Backend, State};

use crate::Result;
use crate::data::Batch;
use crate::layer::{DropoutMask, Score, Stack};
use crate::params::{Layout, LayoutBuilder, Weights};

/// Layers in order, forward and backward.
///
/// A network only describes; weights, activations and states are arguments, so that it is the same for all backends.
pub trait Network: Clone + Send + Sync {
    /// Inputs and targets.
    type Batch: Batch;
    /// Buffers of the forward and backward pass, reused.
    type Workspace<B: Backend>: Default + Send;

    /// Its parameters.
    fn layout(&self) -> &Layout;

    /// A description in one line.
    fn summary(&self) -> String;

    /// The largest `H` of its recurrent layers, from which the precision is chosen.
    fn hidden_size(&self) -> usize {
        self.layout().recurrent().iter().map(|spec| spec.hidden_size).max().unwrap_or(0)
    }

    /// The initial state of `rows` sequences, one element per layer; empty if no state is carried across batches.
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

    /// The tapes of the recurrent layers from the last pass; training passes consume them.
    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>>;

    /// Loss and accuracy of some rows.
    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score;
}

/// The sizes of one kind of network.
pub trait NetworkSizes: Clone + fmt::Debug + Send + Sync {
    /// Its layers, with their places in the arena.
    type Layers: Clone + fmt::Debug + Send + Sync;

    /// Lays out the layers.
    ///
    /// # Errors
    /// If a size is out of bounds.
    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Self::Layers>;
}

/// A network with these sizes: its layers and their places in the arena.
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
    /// Name of the stack in models with several; otherwise empty.
    pub name: &'static str,
    /// The stack.
    pub stack: &'w Stack,
    /// One per layer and direction, lowest layer first, forward direction first.
    pub tapes: &'w [B::Tape],
}

/// Values that all parts of a training step share.
#[derive(Clone, Copy, Debug)]
pub struct TrainStep {
    /// 1 / number of targets of the whole batch.
    pub scale: f64,
    /// The dropout mask.
    pub dropout: DropoutMask,
}

/// Some rows of a batch, processed independently of the others.
pub struct Part<N: Network, B: Backend> {
    /// The rows.
    pub batch: N::Batch,
    /// Carried from batch to batch, see [`Network::zero_state`].
    pub state: Vec<State<B::Real>>,
    /// The score of the last batch.
    pub score: Score,
    /// Buffers.
    pub workspace: N::Workspace<B>,
}

impl<N: Network, B: Backend> Default for Part<N, B> {
    fn default() -> Self {
        let (score, workspace) = (Score::default(), N::Workspace::default());
        Self { batch: N::Batch::default(), state: vec![], score, workspace }
    }
}

/// Overwrites `grads` with the gradients of the loss of some rows, and `part.score`.
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

/// Fails if memory cannot hold `copies` of the parameters: a failed allocation would abort the process.
#[cfg(feature = "train")]
pub(crate) fn check_memory(network: &impl Network, copies: usize) -> Result<()> {
    let parameters = network.layout().len();
    let bytes = parameters.saturating_mul(size_of::<f32>()).saturating_mul(copies);
    let reserved = Vec::<u8>::new().try_reserve_exact(bytes);
    let (parameters, bytes) = (parameters as u64, bytes as u64);
    let problem = crate::SettingProblem::OutOfMemory { parameters, bytes };
    reserved.map_err(|_| crate::Error::Setting { setting: "hidden_size", problem })
}

/// Rows of part `i` of `parts`: contiguous, as equal as possible.
pub(crate) fn rows_of_part(rows: usize, parts: usize, i: usize) -> Range<usize> {
    rows * i / parts..rows * (i + 1) / parts
}
