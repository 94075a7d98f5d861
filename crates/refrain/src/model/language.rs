//! The language model: many-to-many, aligned, self-supervised. At every time step it predicts the next token.
//!
//! ids `[T, B]` -> embedding -> recurrent layers -> readout -> softmax cross-entropy against the next ids.

use refrain_kernels::{Backend, State, Trace};

use super::Architecture;
use super::input::{DEFAULT_EMBEDDING_INIT, Input, InputKind, PassInput};
use super::network::{Network, NetworkSizes, Part, SizedNetwork, Tapes, TrainStep};
use super::stepwise::{Backbone, Stepwise, StepwiseWorkspace, Targets};
use crate::Result;
use crate::data::TextBatch;
use crate::layer::{DropoutRate, Linear, Score, Stack, StackBack};
use crate::params::{Init, Layout, LayoutBuilder, Weights};

/// A language model's layers and their places in the arena.
pub type LanguageModel = SizedNetwork<Architecture>;

/// Up to this vocabulary size the lowest layer multiplies all embedding vectors beforehand. In larger vocabularies most
/// tokens do not occur in a batch, so vectors are looked up.
const MAX_TABLE_VOCABULARY: usize = 1024;

/// As in Merity et al. 2018. Standard normal values, the usual initial embedding, would give logits up to 2 sqrt(H).
const TIED_EMBEDDING_INIT: Init = Init::Uniform(0.1);

/// Buffers of the forward and backward pass, reused.
pub type Workspace<B> = StepwiseWorkspace<B>;

impl NetworkSizes for Architecture {
    type Layers = Stepwise;

    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Stepwise> {
        self.validate()?;
        let &Architecture { ref layers, vocab_size, embedding_size, tied_embeddings } = self;
        let init = if tied_embeddings { TIED_EMBEDDING_INIT } else { DEFAULT_EMBEDDING_INIT };
        let input = match embedding_size {
            0 => Input::one_hot(vocab_size),
            size if vocab_size <= MAX_TABLE_VOCABULARY => {
                Input::table(layout, "embedding", vocab_size, size, init)
            }
            _ => {
                // The same mask at all time steps: a dropped token is dropped at all its positions.
                let dropout = DropoutRate { rate: layers.dropout, locked: true };
                let kind = InputKind::Ids { vocab_size, embedding_size };
                Input::new(layout, "embedding", kind, dropout, init)
            }
        };
        let stack = Stack::new(layout, "rnn", layers.over(input.spec()));
        let output = match input.embedding().filter(|_| tied_embeddings) {
            Some(weight) => Linear::tied(layout, "readout", layers.hidden_size, vocab_size, weight),
            None => Linear::new(layout, "readout", layers.hidden_size, vocab_size),
        };
        Ok(Stepwise { backbone: Backbone { input, stack }, output })
    }
}

impl LanguageModel {
    /// One time step of `ids.len()` streams: the logits `[B, V]` of the next tokens.
    pub fn step<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        state: &mut [State<B::Real>],
        workspace: &'w mut Workspace<B>,
    ) -> &'w [B::Real] {
        self.read(backend, weights, ids, state, workspace);
        self.logits(backend, weights, workspace)
    }

    /// One time step of `ids.len()` streams without logits: updates `state`.
    pub fn read<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        state: &mut [State<B::Real>],
        workspace: &mut Workspace<B>,
    ) {
        self.layers.forward(backend, weights, PassInput::of_ids(ids, None, None), state, workspace);
    }

    /// Many time steps of one stream without logits: updates `state`.
    pub fn read_ahead<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        state: &mut [State<B::Real>],
        workspace: &mut Workspace<B>,
    ) {
        self.layers.forward(
            backend,
            weights,
            PassInput::of_ids(ids, Some(&[ids.len()]), None),
            state,
            workspace,
        );
    }

    /// The logits `[T, B, V]` of the last pass.
    ///
    /// # Panics
    /// Before the first pass.
    pub fn logits<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        workspace: &'w mut Workspace<B>,
    ) -> &'w [B::Real] {
        self.layers.outputs(backend, weights, workspace)
    }

    /// The backward pass through the last time step, `step`, from its loss and the gradient of the state after it: returns
    /// the gradient of the state before it. Gradients of the parameters are added to `grads`.
    pub fn step_back<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        step: &TextBatch,
        d_state: &[State<B::Real>],
        workspace: &mut Workspace<B>,
        grads: &mut B::Buffer,
    ) -> Vec<State<B::Real>> {
        let mut d_before = self.zero_state::<B>(step.rows);
        let back =
            StackBack { d_final: Some(d_state), d_initial: Some(&mut d_before), ..StackBack::new(grads) };
        let targets = Targets { ids: &step.targets, scale: 1.0 };
        self.layers.cross_entropy_backward(
            backend,
            weights,
            PassInput::of_texts(step, None),
            targets,
            workspace,
            back,
        );
        d_before
    }

    /// The named activations of every layer in the last pass; training passes consume them.
    pub fn trace<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        workspace: &Workspace<B>,
    ) -> Vec<Trace<B::Real>> {
        let layers = self.layers.backbone.stack.weights(weights).iter();
        let tapes = workspace.backbone.stack.tapes();
        layers.zip(tapes).map(|(layer, tape)| backend.trace(layer, tape)).collect()
    }
}

impl Network for LanguageModel {
    type Batch = TextBatch;
    type Workspace<B: Backend> = Workspace<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn summary(&self) -> String {
        self.sizes.summary()
    }

    fn zero_state<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.layers.backbone.stack.zero_state::<B>(rows)
    }

    /// Starts from the state of the part, which is updated.
    fn train<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        part: &mut Part<Self, B>,
        step: TrainStep,
        grads: &mut B::Buffer,
    ) -> Score {
        let Part { batch, state, workspace, .. } = part;
        let read = PassInput::of_texts(batch, Some(step.dropout));
        self.layers.forward(backend, weights, read, state, workspace);
        let targets = Targets { ids: &batch.targets, scale: step.scale };
        self.layers
            .cross_entropy_backward(backend, weights, read, targets, workspace, StackBack::new(grads))
            .into()
    }

    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>> {
        self.layers.backbone.tapes("", &workspace.backbone)
    }

    /// Starts from the state of the part, which is updated.
    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, state, workspace, .. } = part;
        self.layers.forward(backend, weights, PassInput::of_texts(batch, None), state, workspace);
        self.layers.cross_entropy(backend, weights, &batch.targets, workspace).into()
    }
}
