//! The classifier: many-to-one. It reads a sequence and says which of some classes it belongs to.
//!
//! ids `[T, B]` -> embedding, or frames `[T, B, I]` -> recurrent layers -> pooling -> linear -> softmax cross-entropy.

mod step;

use std::ops::Range;

use refrain_kernels::{Backend, LinearSpec, Real, State};
use serde::{Deserialize, Serialize};
pub use step::ClassifierState;

use super::architecture::{MAX_VOCABULARY, within};
use super::input::{INPUT, Input, InputKind, InputWorkspace, Read};
use super::network::{Network, Part, Tapes, TrainStep, Weights};
use super::recurrent::RecurrentLayers;
use crate::Result;
use crate::data::{Batch, Padded};
use crate::layer::{
    AttentionPool, AttentionPoolWorkspace, DropoutMask, LossBack, Outputs, PoolInput, Pooling, Score, Stack,
    StackBack, StackWorkspace, push_bias, push_linear, softmax_cross_entropy,
};
use crate::params::Layout;

/// How a sequence becomes one vector, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolingKind {
    /// The output at the end, in each direction.
    Last,
    /// The mean over all steps.
    Mean,
    /// The largest over all steps, unit by unit.
    #[default]
    Max,
    /// The mean over all steps, weighted by a score that is learned.
    Attention,
}

/// The layer of that name.
#[derive(Clone, Debug)]
enum Pool {
    Plain(Pooling),
    Attention(AttentionPool),
}

/// What makes a classifier what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierSizes {
    /// What it reads.
    pub input: InputKind,
    /// Its recurrent layers.
    pub recurrent: RecurrentLayers,
    /// How their output becomes one vector.
    pub pooling: PoolingKind,
    /// `K`.
    pub classes: usize,
}

/// Sequences with a class each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassifierBatch {
    /// Ids, for a model over ids.
    pub ids: Padded<u32>,
    /// Frames, for a model over frames.
    pub frames: Padded<f32>,
    /// `[B]`
    pub classes: Vec<u32>,
    /// `[B]`: how much each row's loss counts.
    pub weights: Vec<f32>,
}

/// The layers and their places in the arena.
#[derive(Clone, Debug)]
pub struct Classifier {
    sizes: ClassifierSizes,
    layout: Layout,
    input: Input,
    stack: Stack,
    pool: Pool,
    output: LinearSpec,
}

/// What a pass leaves behind.
pub struct ClassifierWorkspace<B: Backend> {
    input: InputWorkspace<B>,
    stack: StackWorkspace<B>,
    scratch: B::Scratch,
    /// Of the recurrent layers, on the host.
    outputs: Vec<B::Real>,
    /// Which step each maximum is from.
    steps: Vec<u32>,
    attention: AttentionPoolWorkspace<B>,
    pooled: B::Frames,
    d_pooled: B::Frames,
    logits: Vec<B::Real>,
    d_logits: Vec<B::Real>,
}

/// Where the pooled vector is in the order of dropout masks.
const POOLED: u64 = INPUT + 1;

impl Classifier {
    /// Lays out a model.
    ///
    /// # Errors
    /// If a size is out of bounds.
    pub fn new(sizes: &ClassifierSizes) -> Result<Self> {
        sizes.input.validate()?;
        sizes.recurrent.validate()?;
        within("number of classes", sizes.classes, 1, MAX_VOCABULARY)?;
        let mut layout = Layout::default();
        let input = Input::new(&mut layout, "embedding", sizes.input, sizes.recurrent.dropout())
            .labelled(&mut layout);
        // The top layer's output is dropped once it is pooled: a maximum over steps should not be one over what is left.
        let mut stack = Stack::new(&mut layout, "rnn", sizes.recurrent.over(input.spec(), false));
        let width = sizes.recurrent.output_size();
        let mut pool = match sizes.pooling {
            PoolingKind::Last => Pool::Plain(Pooling::Last),
            PoolingKind::Mean => Pool::Plain(Pooling::Mean),
            PoolingKind::Max => Pool::Plain(Pooling::Max),
            PoolingKind::Attention => Pool::Attention(AttentionPool::new(&mut layout, "attention", width)),
        };
        let mut output = push_linear(&mut layout, "output", width, sizes.classes);
        stack.push_biases(&mut layout, "rnn");
        if let Pool::Attention(pool) = &mut pool {
            pool.push_biases(&mut layout, "attention");
        }
        push_bias(&mut layout, "output", &mut output);
        Ok(Self { sizes: sizes.clone(), layout, input, stack, pool, output })
    }

    /// Its sizes and kinds.
    pub fn sizes(&self) -> &ClassifierSizes {
        &self.sizes
    }

    /// The logits `[B, K]` of some rows' classes.
    pub fn logits<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &ClassifierBatch,
        dropout: Option<DropoutMask>,
        pass: &'p mut ClassifierWorkspace<B>,
    ) -> &'p [B::Real] {
        let (rows, recurrent) = (batch.rows(), &self.sizes.recurrent);
        let mut state = self.stack.zero_state::<B>(rows);
        self.read(backend, weights, batch, dropout, &mut state, pass);
        let mut pooled = vec![];
        let outputs = self.outputs(&pass.outputs, batch.lengths());
        match &self.pool {
            Pool::Plain(pooling) => pooling.forward(outputs, &mut pooled, &mut pass.steps),
            Pool::Attention(pool) => {
                let layer = (&weights.params, &weights.linears[1]);
                let x = PoolInput { frames: pass.stack.output(backend), outputs };
                pool.forward(backend, layer, x, &mut pass.attention, &mut pooled);
            }
        }
        pass.pooled = backend.frames(recurrent.output_size(), &pooled);
        if let Some(mask) = dropout.and_then(|mask| mask.on(recurrent.dropout(), POOLED, rows)) {
            backend.dropout_in_place(&mask, &mut pass.pooled);
        }
        let pooled = backend.view(&pass.pooled);
        backend.linear_outputs(&weights.linears[0], pooled, &mut pass.logits, &mut pass.scratch);
        &pass.logits
    }

    /// The recurrent layers over a batch from `state`, which becomes the one after it.
    fn read<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &ClassifierBatch,
        dropout: Option<DropoutMask>,
        state: &mut [State<B::Real>],
        pass: &mut ClassifierWorkspace<B>,
    ) {
        let read = batch.read(dropout);
        self.input.forward(backend, &weights.params, read, None, &mut pass.input);
        let x = read.above(&pass.input);
        self.stack.forward(backend, weights.recurrent(), &x, state, &mut pass.stack);
        pass.outputs = backend.read_frames(pass.stack.output(backend));
    }

    /// What each step of the one row of a batch adds to the log-probability of a class, `[T]`: the gradient with respect to
    /// what the layers read at that step, times it (gradient x input; Shrikumar, Greenside, Shcherbina & Kundaje 2016).
    pub fn input_contributions<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &ClassifierBatch,
        class: u32,
        pass: &mut ClassifierWorkspace<B>,
    ) -> Vec<f64> {
        self.logits(backend, weights, batch, None, pass);
        let back = LossBack { scale: -1.0, d_outputs: &mut pass.d_logits };
        softmax_cross_entropy(&pass.logits, self.sizes.classes, &[class], &[], Some(back));
        let mut grads = backend.buffer(&vec![B::Real::of(0.0); self.layout.len()]);
        self.backward(backend, weights, (batch, None), pass, true, &mut grads);
        let inputs = pass.input.values(backend);
        let gradients = backend.read_frames(backend.view(&pass.stack.d_output));
        let size = self.sizes.input.size();
        let products = inputs.iter().zip(&gradients).map(|(x, d)| x.as_f64() * d.as_f64());
        products.collect::<Vec<f64>>().chunks_exact(size).map(|step| step.iter().sum()).collect()
    }

    /// The way back from the gradients of the logits, which are in the pass, to what the layers read if that is `wanted`:
    /// its gradient is then in the place of the stack's outputs.
    fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        (batch, dropout): (&ClassifierBatch, Option<DropoutMask>),
        pass: &mut ClassifierWorkspace<B>,
        wanted: bool,
        grads: &mut B::Buffer,
    ) {
        let (rows, recurrent) = (batch.rows(), &self.sizes.recurrent);
        let d_logits = backend.d_frames(self.sizes.classes, &pass.d_logits);
        let (pooled, d_logits) = (backend.view(&pass.pooled), backend.view(&d_logits));
        let d_pooled = Some(&mut pass.d_pooled);
        backend.linear_backward(&weights.linears[0], pooled, d_logits, d_pooled, grads, &mut pass.scratch);
        if let Some(mask) = dropout.and_then(|mask| mask.on(recurrent.dropout(), POOLED, rows)) {
            backend.dropout_in_place(&mask, &mut pass.d_pooled);
        }
        let d_pooled = backend.read_frames(backend.view(&pass.d_pooled));
        let outputs = self.outputs(&pass.outputs, batch.lengths());
        pass.stack.d_output = match &self.pool {
            Pool::Plain(pooling) => {
                let mut d_outputs = vec![];
                pooling.backward(outputs, &d_pooled, &pass.steps, &mut d_outputs);
                backend.d_frames(recurrent.output_size(), &d_outputs)
            }
            Pool::Attention(pool) => {
                let layer = (&weights.params, &weights.linears[1]);
                let x = PoolInput { frames: pass.stack.output(backend), outputs };
                pool.backward(backend, layer, x, &d_pooled, &mut pass.attention, grads)
            }
        };
        let read = batch.read(dropout);
        let back = StackBack { d_input: wanted, ..StackBack::new(&weights.params, grads) };
        self.stack.backward(backend, &weights.layers, &read.above(&pass.input), &mut pass.stack, back);
    }

    fn outputs<'a, R>(&self, values: &'a [R], lengths: &'a [usize]) -> Outputs<'a, R> {
        let recurrent = &self.sizes.recurrent;
        Outputs { values, width: recurrent.output_size(), backwards_from: recurrent.hidden_size, lengths }
    }
}

impl ClassifierBatch {
    /// `[B]` steps of each row.
    pub fn lengths(&self) -> &[usize] {
        if self.frames.rows() > 0 { &self.frames.lengths } else { &self.ids.lengths }
    }

    fn read(&self, dropout: Option<DropoutMask>) -> Read<'_> {
        let ids = Read::of_ids(&self.ids.values, Some(self.lengths()), dropout);
        Read { frames: &self.frames.values, ..ids }
    }
}

impl Batch for ClassifierBatch {
    fn rows(&self) -> usize {
        self.lengths().len()
    }

    fn count(&self) -> usize {
        self.rows()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        if whole.ids.rows() > 0 {
            self.ids.take(&whole.ids, rows.clone());
        } else {
            self.frames.take(&whole.frames, rows.clone());
        }
        self.classes.clear();
        self.classes.extend_from_slice(&whole.classes[rows.clone()]);
        self.weights.clear();
        self.weights.extend_from_slice(&whole.weights[rows]);
    }
}

impl Network for Classifier {
    type Batch = ClassifierBatch;
    type Workspace<B: Backend> = ClassifierWorkspace<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn stacks(&self) -> Vec<&Stack> {
        vec![&self.stack]
    }

    fn linears(&self) -> Vec<LinearSpec> {
        match &self.pool {
            Pool::Plain(_) => vec![self.output],
            Pool::Attention(pool) => vec![self.output, pool.linear()],
        }
    }

    fn summary(&self) -> String {
        let pooling = format!("{:?}", self.sizes.pooling).to_lowercase();
        let (recurrent, input) = (self.sizes.recurrent.summary(), self.sizes.input.summary());
        format!("{recurrent}, {input}, {pooling} pooling")
    }

    fn train<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        part: &mut Part<Self, B>,
        step: TrainStep,
        grads: &mut B::Buffer,
    ) -> Score {
        let Part { batch, pass, .. } = part;
        let dropout = step.dropout;
        self.logits(backend, weights, batch, Some(dropout), pass);
        let back = LossBack { scale: step.scale, d_outputs: &mut pass.d_logits };
        let score = softmax_cross_entropy(
            &pass.logits,
            self.sizes.classes,
            &batch.classes,
            &batch.weights,
            Some(back),
        );
        self.backward(backend, weights, (batch, Some(dropout)), pass, self.input.learns(), grads);
        let read = batch.read(Some(dropout));
        self.input.backward(backend, read, &mut pass.stack.d_output, grads);
        score
    }

    fn tapes<'p, B: Backend>(&self, pass: &'p Self::Workspace<B>) -> Vec<Tapes<'p, B>> {
        vec![Tapes { name: "", first: 0, tapes: pass.stack.tapes() }]
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, pass, .. } = part;
        self.logits(backend, weights, batch, None, pass);
        softmax_cross_entropy(&pass.logits, self.sizes.classes, &batch.classes, &[], None)
    }
}

impl<B: Backend> Default for ClassifierWorkspace<B> {
    fn default() -> Self {
        Self {
            input: InputWorkspace::default(),
            stack: StackWorkspace::default(),
            scratch: B::Scratch::default(),
            outputs: vec![],
            steps: vec![],
            attention: AttentionPoolWorkspace::default(),
            pooled: B::Frames::default(),
            d_pooled: B::Frames::default(),
            logits: vec![],
            d_logits: vec![],
        }
    }
}
