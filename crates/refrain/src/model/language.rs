//! The language model: many-to-many, aligned, self-supervised. It reads a text symbol by symbol and says at every
//! step how probable each symbol is to come next.
//!
//! ids `[T, B]` -> embedding -> recurrent layers -> readout -> softmax cross-entropy against the next ids.

use refrain_kernels::{Backend, State, Trace};

use super::Architecture;
use super::input::{Input, InputKind, Read, USUAL_START};
use super::network::{Network, NetworkSizes, Part, SizedNetwork, Tapes, TrainStep};
use super::stepwise::{Backbone, Stepwise, StepwiseWorkspace, Targets};
use crate::Result;
use crate::data::TextBatch;
use crate::layer::{DropoutRate, Linear, Score, Stack, StackBack};
use crate::params::{Init, Layout, LayoutBuilder, Weights};

/// A language model's layers and their places in the arena.
pub type LanguageModel = SizedNetwork<Architecture>;

/// With more tokens than this most do not occur in a batch, and their vectors are looked up; with fewer, all are
/// multiplied by the lowest layer's weights beforehand.
const LARGEST_TABLE: usize = 1024;

/// As in Merity et al. 2018. Standard normal numbers, an embedding's usual start, would make logits as large as 2 sqrt(H).
const TIED_START: Init = Init::Uniform(0.1);

/// What one pass leaves behind; reused from pass to pass.
pub type Workspace<B> = StepwiseWorkspace<B>;

impl NetworkSizes for Architecture {
    type Layers = Stepwise;

    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Stepwise> {
        self.validate()?;
        let &Architecture { ref layers, vocab_size, embedding_size, tied_embeddings } = self;
        let start = if tied_embeddings { TIED_START } else { USUAL_START };
        let input = match embedding_size {
            0 => Input::one_hot(vocab_size),
            size if vocab_size <= LARGEST_TABLE => Input::table(layout, "embedding", vocab_size, size, start),
            _ => {
                // The same at all steps: a word that is dropped is gone wherever it stands.
                let dropout = DropoutRate { rate: layers.dropout, locked: true };
                let kind = InputKind::Ids { vocab_size, embedding_size };
                Input::new(layout, "embedding", kind, dropout, start)
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
    /// One step of `ids.len()` streams: the logits `[B, V]` of each one's next symbol.
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

    /// The first half of a step, which is enough where nothing is drawn: `ids.len()` streams read one symbol each,
    /// and `state` is the one after it.
    pub fn read<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        state: &mut [State<B::Real>],
        workspace: &mut Workspace<B>,
    ) {
        self.layers.forward(backend, weights, Read::of_ids(ids, None, None), state, workspace);
    }

    /// One stream reads many symbols, and `state` is the one after them.
    pub fn read_ahead<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        state: &mut [State<B::Real>],
        workspace: &mut Workspace<B>,
    ) {
        self.layers.forward(backend, weights, Read::of_ids(ids, Some(&[ids.len()]), None), state, workspace);
    }

    /// The other half: the logits `[T, B, V]` after what was read.
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

    /// The backward pass through the one step `step` that was read, from the gradient of the state after it and of the
    /// loss of what came next: gives that of the state before it. Gradients of the parameters are added to `grads`.
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
        self.layers.learn(backend, weights, Read::of_texts(step, None), targets, workspace, back);
        d_before
    }

    /// The named activations of every layer in the last pass (not one of training, which consumes them).
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

    /// From the part's own state, which is left as it is after the window.
    fn train<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        part: &mut Part<Self, B>,
        step: TrainStep,
        grads: &mut B::Buffer,
    ) -> Score {
        let Part { batch, state, workspace, .. } = part;
        let read = Read::of_texts(batch, Some(step.dropout));
        self.layers.forward(backend, weights, read, state, workspace);
        let targets = Targets { ids: &batch.targets, scale: step.scale };
        self.layers.learn(backend, weights, read, targets, workspace, StackBack::new(grads)).into()
    }

    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>> {
        self.layers.backbone.tapes("", &workspace.backbone)
    }

    /// From the part's own state, which is left as it is after the window.
    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, state, workspace, .. } = part;
        self.layers.forward(backend, weights, Read::of_texts(batch, None), state, workspace);
        self.layers.cross_entropy(backend, weights, &batch.targets, workspace).into()
    }
}
