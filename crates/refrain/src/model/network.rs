//! What training and measuring know of a model, whatever its shape: parameters, and a pass over some rows of a batch.

use std::ops::Range;

use refrain_kernels::{Backend, LinearSpec, Real, State};

use crate::data::Batch;
use crate::layer::{DropoutMask, Score, Stack, WeightDrop};
use crate::params::Layout;
use crate::text::thousands;
use crate::{Error, Result};

/// Layers in order, and the way back beneath them.
///
/// A network only describes; weights, activations and states come along, so that one description serves every backend.
pub trait Network: Clone + Send + Sync {
    /// What goes in and what should come out.
    type Batch: Batch;
    /// What a pass works in and leaves behind; reused from pass to pass.
    type Workspace<B: Backend>: Default + Send;

    /// Its parameters.
    fn layout(&self) -> &Layout;

    /// Its recurrent layers, in the order in which [`Weights::layers`] has them.
    fn stacks(&self) -> Vec<&Stack>;

    /// Its linear layers, in the order in which [`Weights::linears`] has them.
    fn linears(&self) -> Vec<LinearSpec>;

    /// One line for people.
    fn summary(&self) -> String;

    /// The largest `H` of its recurrent layers, which precisions are chosen by.
    fn hidden_size(&self) -> usize {
        let specs = self.stacks().into_iter().flat_map(Stack::specs);
        specs.map(|spec| spec.hidden_size).max().unwrap_or(0)
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
    fn tapes<'p, B: Backend>(&self, pass: &'p Self::Workspace<B>) -> Vec<Tapes<'p, B>>;

    /// How well some rows are predicted.
    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score;
}

/// The tapes of the layers of one stack.
pub struct Tapes<'p, B: Backend> {
    /// What people call the stack where there are several; or empty.
    pub name: &'static str,
    /// The number of its first layer among all of [`Weights::layers`].
    pub first: usize,
    /// One a layer, lowest first; of each layer forwards before backwards.
    pub tapes: &'p [B::Tape],
}

/// What a step of training says to all of its parts.
#[derive(Clone, Copy, Debug)]
pub struct TrainStep {
    /// One over the targets of the whole batch.
    pub scale: f64,
    /// What is dropped.
    pub dropout: DropoutMask,
}

/// Weights on a backend: the arena, and what products need of it.
pub struct Weights<B: Backend> {
    /// The parameters, in the order of the layout.
    pub params: B::Buffer,
    /// Recurrent layers, stack after stack.
    pub layers: Vec<B::Recurrent>,
    /// Linear layers.
    pub linears: Vec<B::Linear>,
    /// The parameters as they are packed where some weights are dropped, and which those are.
    dropped: Option<B::Buffer>,
    drop: Option<WeightDrop>,
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
    pub pass: N::Workspace<B>,
}

impl<N: Network, B: Backend> Default for Part<N, B> {
    fn default() -> Self {
        Self { batch: N::Batch::default(), state: vec![], score: Score::default(), pass: Default::default() }
    }
}

impl<B: Backend> Weights<B> {
    /// Brings parameters to a backend. Call [`Weights::pack`] before a pass.
    pub fn new(network: &impl Network, backend: &B, params: &[B::Real]) -> Self {
        let stacks = network.stacks();
        let specs = stacks.iter().flat_map(|stack| stack.specs());
        Self {
            params: backend.buffer(params),
            layers: specs.map(|spec| backend.recurrent(spec)).collect(),
            linears: network.linears().iter().map(|spec| backend.linear(spec)).collect(),
            dropped: None,
            drop: None,
        }
    }

    /// All recurrent layers, and the parameters that a stack of them reads beside them.
    pub fn recurrent(&self) -> (&[B::Recurrent], &B::Buffer) {
        (&self.layers, &self.params)
    }

    /// Prepares the weights for passes; after every update, too. `training` includes the way back.
    pub fn pack(&mut self, backend: &B, training: bool) {
        self.drop = None;
        self.pack_all(backend, training);
    }

    /// Prepares the weights for one step of training in which some of the recurrent ones are dropped.
    pub fn pack_dropped(&mut self, network: &impl Network, backend: &B, drop: WeightDrop) {
        let Self { params, dropped, .. } = &mut *self;
        let dropped =
            dropped.get_or_insert_with(|| backend.buffer(&vec![B::Real::of(0.0); network.layout().len()]));
        backend.blend(1.0, params, dropped);
        drop_weights(network, backend, &drop, dropped);
        self.drop = Some(drop);
        self.pack_all(backend, true);
    }

    fn pack_all(&mut self, backend: &B, training: bool) {
        enum Unpacked<'a, B: Backend> {
            Layer(&'a mut B::Recurrent),
            Linear(&'a mut B::Linear),
        }
        let Self { params, layers, linears, dropped, drop } = self;
        let params = drop.and(dropped.as_ref()).unwrap_or(params);
        let mut parts: Vec<Unpacked<'_, B>> = layers.iter_mut().map(Unpacked::Layer).collect();
        parts.extend(linears.iter_mut().map(Unpacked::Linear));
        backend.parallel(&mut parts, |_, part| match part {
            Unpacked::Layer(layer) => backend.pack_recurrent(layer, params, training),
            Unpacked::Linear(linear) => backend.pack_linear(linear, params, training),
        });
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
    if let Some(drop) = &weights.drop {
        drop_weights(network, backend, drop, grads);
    }
}

/// Drops recurrent weights in an arena of parameters, or their gradients in one of gradients.
fn drop_weights<B: Backend>(network: &impl Network, backend: &B, drop: &WeightDrop, arena: &mut B::Buffer) {
    let mut place = 0;
    for stack in network.stacks() {
        stack.drop_weights(backend, drop, place, arena);
        place += stack.specs().len() as u64;
    }
}

/// Refuses a model whose parameters this machine could not hold `copies` times, before a failed allocation ends the
/// program.
pub(crate) fn check_memory(network: &impl Network, copies: usize) -> Result<()> {
    let parameters = network.layout().len();
    let bytes = parameters.saturating_mul(size_of::<f32>()).saturating_mul(copies);
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| {
        Error::Config(format!(
            "a model of {} parameters needs about {} GB, more than there is: lower the hidden size or the number of layers",
            thousands(parameters as u64),
            thousands((bytes as u64).div_ceil(1_000_000_000))
        ))
    })
}

/// Rows of part `i` of `parts`: contiguous, as equal as can be.
pub(crate) fn rows_of_part(rows: usize, parts: usize, i: usize) -> Range<usize> {
    rows * i / parts..rows * (i + 1) / parts
}
