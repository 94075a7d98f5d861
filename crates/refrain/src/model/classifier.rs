//! The classifier: many-to-one, from a sequence to one of `K` classes.
//!
//! ids `[T, B]` -> embedding, or frames `[T, B, I]` -> recurrent layers -> pooling -> linear -> softmax cross-entropy.

mod step;

use std::ops::Range;

use refrain_kernels::{Backend, Real, State};
use serde::{Deserialize, Serialize};

pub use step::ClassifierState;

use super::input::{INPUT, Input, InputKind, LABELLED_EMBEDDING_INIT, PassInput};
use super::network::{Network, NetworkSizes, Part, SizedNetwork, Tapes, TrainStep};
use super::recurrent::{MAX_VOCABULARY, RecurrentLayers};
use super::stepwise::{Backbone, BackboneWorkspace};
use crate::Result;
use crate::data::{Batch, Padded};
use crate::error::within;
use crate::layer::{
    AttentionPool, AttentionPoolWorkspace, DropoutMask, Linear, LinearBack, LossBack, Outputs, PoolInput,
    Pooling, Score, Stack, StackBack, drop_in_place, softmax_cross_entropy, workspace,
};
use crate::params::{Layout, LayoutBuilder, Weights};

/// How the outputs of all time steps become one vector, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolingKind {
    /// The last output of each direction.
    Last,
    /// The mean over all time steps.
    Mean,
    /// The maximum of each unit over all time steps.
    #[default]
    Max,
    /// The mean over all time steps, weighted by a learned score.
    Attention,
}

/// The layer of a [`PoolingKind`].
#[derive(Clone, Debug)]
enum Pool {
    Plain(Pooling),
    Attention(AttentionPool),
}

/// The sizes of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierSizes {
    /// Its input.
    pub input: InputKind,
    /// Its recurrent layers.
    pub recurrent: RecurrentLayers,
    /// How their outputs become one vector.
    pub pooling: PoolingKind,
    /// `K`.
    pub classes: usize,
}

/// Sequences with one class each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassifierBatch {
    /// Ids, for a model over ids.
    pub ids: Padded<u32>,
    /// Frames, for a model over frames.
    pub frames: Padded<f32>,
    /// `[B]`
    pub classes: Vec<u32>,
    /// `[B]`: weight of each row's loss.
    pub weights: Vec<f32>,
}

/// A classifier's layers and their places in the arena.
pub type Classifier = SizedNetwork<ClassifierSizes>;

/// The layers of a classifier.
#[derive(Clone, Debug)]
pub struct Layers {
    backbone: Backbone,
    pool: Pool,
    output: Linear,
}

workspace! {
    /// Buffers of the forward and backward pass.
    pub struct ClassifierWorkspace<B> {
        backbone: BackboneWorkspace<B>,
        /// Outputs of the recurrent layers, on the host.
        outputs: Vec<B::Real>,
        /// The time step of each maximum.
        steps: Vec<u32>,
        attention: AttentionPoolWorkspace<B>,
        pooled: B::Frames,
        d_pooled: B::Frames,
        logits: Vec<B::Real>,
        d_logits: Vec<B::Real>,
        scratch: B::Scratch,
    }
}

/// Index of the pooled vector among the dropout masks.
const POOLED: u64 = INPUT + 1;

impl ClassifierSizes {
    /// One LSTM layer of 128 units in each direction, max pooling.
    pub fn new(input: InputKind, classes: usize) -> Self {
        let recurrent = RecurrentLayers { bidirectional: true, ..RecurrentLayers::default() };
        Self { input, recurrent, pooling: PoolingKind::default(), classes }
    }
}

impl NetworkSizes for ClassifierSizes {
    type Layers = Layers;

    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Layers> {
        let recurrent = &self.recurrent;
        self.input.validate()?;
        recurrent.layers.validate()?;
        within("classes", self.classes, 1, MAX_VOCABULARY)?;
        let input = Input::new(layout, "embedding", self.input, recurrent.dropout(), LABELLED_EMBEDDING_INIT);
        // Dropout on the top layer follows the pooling, so that a maximum is taken over all time steps.
        let stack = Stack::new(layout, "rnn", recurrent.over(input.spec(), false));
        let width = recurrent.output_size();
        let pool = match self.pooling {
            PoolingKind::Last => Pool::Plain(Pooling::Last),
            PoolingKind::Mean => Pool::Plain(Pooling::Mean),
            PoolingKind::Max => Pool::Plain(Pooling::Max),
            PoolingKind::Attention => Pool::Attention(AttentionPool::new(layout, "attention", width)),
        };
        let output = Linear::new(layout, "output", width, self.classes);
        Ok(Layers { backbone: Backbone { input, stack }, pool, output })
    }
}

impl Classifier {
    /// The logits `[B, K]` of the classes.
    pub fn logits<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &ClassifierBatch,
        dropout: Option<DropoutMask>,
        workspace: &'w mut ClassifierWorkspace<B>,
    ) -> &'w [B::Real] {
        let Layers { backbone, pool, output } = &self.layers;
        let (read, recurrent) = (batch.read(dropout), &self.sizes.recurrent);
        let mut state = backbone.stack.zero_state::<B>(read.rows);
        self.read(backend, weights, read, &mut state, workspace);
        let frames = workspace.backbone.stack.output(backend);
        let mut pooled = vec![];
        let outputs = self.outputs(&workspace.outputs, batch.lengths());
        match pool {
            Pool::Plain(pooling) => pooling.forward(outputs, &mut pooled, &mut workspace.steps),
            Pool::Attention(pool) => {
                let x = PoolInput { frames, outputs };
                pool.forward(backend, weights, x, &mut workspace.attention, &mut pooled);
            }
        }
        workspace.pooled = backend.frames(recurrent.output_size(), &pooled);
        drop_in_place(backend, dropout, recurrent.dropout(), POOLED, read.rows, &mut workspace.pooled);
        let ClassifierWorkspace { pooled, logits, scratch, .. } = workspace;
        output.outputs(backend, weights, backend.view(pooled), logits, scratch);
        logits
    }

    /// Runs the recurrent layers from `state`, which is updated.
    fn read<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        state: &mut [State<B::Real>],
        workspace: &mut ClassifierWorkspace<B>,
    ) {
        self.layers.backbone.forward(backend, weights, read, None, state, &mut workspace.backbone);
        workspace.outputs = backend.read_frames(workspace.backbone.stack.output(backend));
    }

    /// The contribution of each time step of a batch with one row to the log-probability of a class, `[T]`: gradient x
    /// input of the recurrent layers ( Shrikumar, Greenside, Shcherbina & Kundaje 2016).
    pub fn input_contributions<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &ClassifierBatch,
        class: u32,
        workspace: &mut ClassifierWorkspace<B>,
    ) -> Vec<f64> {
        self.logits(backend, weights, batch, None, workspace);
        let back = LossBack { scale: -1.0, d_outputs: &mut workspace.d_logits };
        softmax_cross_entropy(&workspace.logits, self.sizes.classes, &[class], &[], Some(back));
        let mut grads = backend.buffer(&vec![B::Real::of(0.0); self.layout.len()]);
        let back = StackBack { d_input: true, ..StackBack::new(&mut grads) };
        self.backward(backend, weights, batch.read(None), workspace, back);
        let inputs = workspace.backbone.input.values(backend);
        let gradients = backend.read_frames(backend.view(&workspace.backbone.stack.d_output));
        let size = self.sizes.input.size();
        let products = inputs.iter().zip(&gradients).map(|(x, d)| x.as_f64() * d.as_f64());
        products.collect::<Vec<f64>>().chunks_exact(size).map(|step| step.iter().sum()).collect()
    }

    /// The backward pass from the gradients of the logits in the workspace.
    fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        workspace: &mut ClassifierWorkspace<B>,
        back: StackBack<'_, B>,
    ) {
        let Layers { backbone, pool, output } = &self.layers;
        let (recurrent, lengths) = (&self.sizes.recurrent, read.lengths.unwrap_or_default());
        let ClassifierWorkspace { pooled, d_pooled, d_logits, scratch, .. } = workspace;
        let of_output =
            LinearBack { d_outputs: d_logits, d_input: Some(&mut *d_pooled), grads: &mut *back.grads };
        output.backward(backend, weights, backend.view(pooled), of_output, scratch);
        drop_in_place(backend, read.dropout, recurrent.dropout(), POOLED, read.rows, d_pooled);
        let d_pooled = backend.read_frames(backend.view(d_pooled));
        let outputs = self.outputs(&workspace.outputs, lengths);
        let stack = &mut workspace.backbone.stack;
        stack.d_output = match pool {
            Pool::Plain(pooling) => {
                let mut d_outputs = vec![];
                pooling.backward(outputs, &d_pooled, &workspace.steps, &mut d_outputs);
                backend.d_frames(recurrent.output_size(), &d_outputs)
            }
            Pool::Attention(pool) => {
                let x = PoolInput { frames: stack.output(backend), outputs };
                pool.backward(backend, weights, x, &d_pooled, &mut workspace.attention, back.grads)
            }
        };
        backbone.backward(backend, weights, read, &mut workspace.backbone, back);
    }

    fn outputs<'a, R>(&self, values: &'a [R], lengths: &'a [usize]) -> Outputs<'a, R> {
        let recurrent = &self.sizes.recurrent;
        let backwards_from = recurrent.layers.hidden_size;
        Outputs { values, width: recurrent.output_size(), backwards_from, lengths }
    }
}

impl ClassifierBatch {
    /// `[B]`: time steps of each row.
    pub fn lengths(&self) -> &[usize] {
        if self.frames.rows() > 0 { &self.frames.lengths } else { &self.ids.lengths }
    }

    fn read(&self, dropout: Option<DropoutMask>) -> PassInput<'_> {
        let ids = PassInput::of_ids(&self.ids.values, Some(self.lengths()), dropout);
        PassInput { frames: &self.frames.values, ..ids }
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
        let (Part { batch, workspace, .. }, classes) = (part, self.sizes.classes);
        self.logits(backend, weights, batch, Some(step.dropout), workspace);
        let back = LossBack { scale: step.scale, d_outputs: &mut workspace.d_logits };
        let score =
            softmax_cross_entropy(&workspace.logits, classes, &batch.classes, &batch.weights, Some(back));
        self.backward(backend, weights, batch.read(Some(step.dropout)), workspace, StackBack::new(grads));
        score
    }

    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>> {
        self.layers.backbone.tapes("", &workspace.backbone)
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, workspace, .. } = part;
        self.logits(backend, weights, batch, None, workspace);
        softmax_cross_entropy(&workspace.logits, self.sizes.classes, &batch.classes, &[], None)
    }
}
