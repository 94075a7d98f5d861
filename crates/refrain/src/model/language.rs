//! The language model: many-to-many, aligned, self-supervised. It reads a text symbol by symbol and says at every
//! step how probable each symbol is to come next.
//!
//! ids `[T, B]` -> embedding -> recurrent layers -> readout -> softmax cross-entropy against the next ids.

use refrain_kernels::{Backend, CrossEntropy, InputSpec, LinearSpec, Real, State, Trace};

use super::Architecture;
use super::network::{Network, Part, TrainStep, Weights};
use crate::Result;
use crate::data::Batch;
use crate::layer::{
    DropoutMask, DropoutRate, Score, Source, Stack, StackBack, StackInput, StackPass, StackSizes,
};
use crate::params::{Init, Layout};

/// The layers and their places in the arena; weights come along separately, so that one description serves every
/// backend.
#[derive(Clone, Debug)]
pub struct LanguageModel {
    architecture: Architecture,
    layout: Layout,
    stack: Stack,
    readout: LinearSpec,
}

/// What one pass leaves behind; reused from pass to pass.
pub struct Pass<B: Backend> {
    stack: StackPass<B>,
    logits: Vec<B::Real>,
    scratch: B::Scratch,
}

impl LanguageModel {
    /// Lays out a model.
    ///
    /// # Errors
    /// If a size is out of bounds.
    pub fn new(architecture: &Architecture) -> Result<Self> {
        architecture.validate()?;
        let a = architecture;
        let mut layout = Layout::default();
        let lowest = match a.embedding_size {
            0 => InputSpec::OneHot { vocab_size: a.vocab_size },
            size => InputSpec::Embedded {
                vocab_size: a.vocab_size,
                size,
                embedding: layout.push("embedding.weight", &[a.vocab_size, size], Init::Normal),
            },
        };
        let sizes = StackSizes {
            cell: a.cell(),
            input: lowest,
            hidden_size: a.hidden_size,
            num_layers: a.num_layers,
            bidirectional: false,
            dropout: DropoutRate { rate: a.dropout, locked: false },
            drops_top: true,
        };
        let mut stack = Stack::new(&mut layout, "rnn", sizes);
        let init = Init::Uniform(1.0 / (a.hidden_size as f32).sqrt());
        let weight = layout.push("readout.weight", &[a.vocab_size, a.hidden_size], init);
        stack.push_biases(&mut layout, "rnn");
        let bias = layout.push("readout.bias", &[a.vocab_size], init);
        let readout =
            LinearSpec { input_size: a.hidden_size, output_size: a.vocab_size, weight, bias: Some(bias) };
        Ok(Self { architecture: a.clone(), layout, stack, readout })
    }

    /// Its sizes and kinds.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// One step of `ids.len()` streams: the logits `[B, V]` of each one's next symbol.
    pub fn step<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        state: &mut [State<B::Real>],
        pass: &'p mut Pass<B>,
    ) -> &'p [B::Real] {
        self.read(backend, weights, ids, state, pass);
        self.logits(backend, weights, pass)
    }

    /// The first half of a step, which is enough where nothing is drawn: `ids.len()` streams read one symbol each,
    /// and `state` is the one after it.
    pub fn read<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        state: &mut [State<B::Real>],
        pass: &mut Pass<B>,
    ) {
        let x = StackInput { source: Source::Ids(ids), rows: ids.len(), lengths: None, dropout: None };
        self.stack.forward(backend, &weights.layers, &x, state, &mut pass.stack);
    }

    /// The other half: the logits `[B, V]` after what was read.
    ///
    /// # Panics
    /// Before the first pass.
    pub fn logits<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        pass: &'p mut Pass<B>,
    ) -> &'p [B::Real] {
        let Pass { stack, logits, scratch } = pass;
        backend.linear_outputs(&weights.linears[0], stack.output(backend), logits, scratch);
        logits
    }

    /// The named activations of every layer in the last pass (not one of training, which consumes them).
    pub fn trace<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        pass: &Pass<B>,
    ) -> Vec<Trace<B::Real>> {
        let layers = weights.layers.iter();
        layers.zip(pass.stack.tapes()).map(|(layer, tape)| backend.trace(layer, tape)).collect()
    }
}

impl Network for LanguageModel {
    type Batch = Batch;
    type Pass<B: Backend> = Pass<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn stacks(&self) -> Vec<&Stack> {
        vec![&self.stack]
    }

    fn linears(&self) -> Vec<LinearSpec> {
        vec![self.readout]
    }

    fn summary(&self) -> String {
        self.architecture.summary()
    }

    fn zero_state<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.stack.zero_state::<B>(rows)
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
        let Part { batch, state, pass, .. } = part;
        let x = input(batch, Some(step.dropout));
        self.stack.forward(backend, &weights.layers, &x, state, &mut pass.stack);
        let mut d_frames = std::mem::take(&mut pass.stack.d_output);
        let output = pass.stack.output(backend);
        let backward = CrossEntropy { scale: B::Real::of(step.scale), d_frames: &mut d_frames, grads };
        let loss = backend.cross_entropy(
            &weights.linears[0],
            output,
            &batch.targets,
            Some(backward),
            &mut pass.scratch,
        );
        pass.stack.d_output = d_frames;
        let back = StackBack::new(&weights.params, grads);
        self.stack.backward(backend, &weights.layers, &x, &mut pass.stack, back);
        loss.into()
    }

    /// From the part's own state, which is left as it is after the window.
    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, state, pass, .. } = part;
        self.stack.forward(backend, &weights.layers, &input(batch, None), state, &mut pass.stack);
        let output = pass.stack.output(backend);
        backend.cross_entropy(&weights.linears[0], output, &batch.targets, None, &mut pass.scratch).into()
    }
}

/// A batch as the stack reads it.
fn input<B: Backend>(batch: &Batch, dropout: Option<DropoutMask>) -> StackInput<'_, B> {
    StackInput {
        source: Source::Ids(&batch.inputs),
        rows: batch.rows,
        lengths: batch.lengths.as_deref(),
        dropout,
    }
}

impl<B: Backend> Default for Pass<B> {
    fn default() -> Self {
        Self { stack: StackPass::default(), logits: vec![], scratch: B::Scratch::default() }
    }
}
