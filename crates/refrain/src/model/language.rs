//! The language model: many-to-many, aligned, self-supervised. It reads a text symbol by symbol and says at every
//! step how probable each symbol is to come next.
//!
//! ids `[T, B]` -> embedding -> recurrent layers -> readout -> softmax cross-entropy against the next ids.

use refrain_kernels::{Backend, CrossEntropy, InputSpec, LinearSpec, Real, State, Trace};

use super::Architecture;
use super::input::{Input, InputKind, InputWorkspace, Read};
use super::network::{Network, Part, Tapes, TrainStep, Weights};
use crate::Result;
use crate::data::TextBatch;
use crate::layer::{
    DropoutMask, DropoutRate, Score, Source, Stack, StackBack, StackInput, StackSizes, StackWorkspace,
};
use crate::params::{Init, Layout};

/// The layers and their places in the arena; weights come along separately, so that one description serves every
/// backend.
#[derive(Clone, Debug)]
pub struct LanguageModel {
    architecture: Architecture,
    layout: Layout,
    /// Of a vocabulary that is too large for the lowest layer to have it as a table.
    input: Option<Input>,
    stack: Stack,
    readout: LinearSpec,
}

/// With more tokens than this most do not occur in a batch, and their vectors are looked up; with fewer, all are
/// multiplied by the lowest layer's weights beforehand.
const LARGEST_TABLE: usize = 1024;

/// Where the table of vectors is: first of all.
const EMBEDDING: usize = 0;

/// As in Merity et al. 2018.
const TIED_START: f32 = 0.1;

/// What one pass leaves behind; reused from pass to pass.
pub struct Workspace<B: Backend> {
    input: InputWorkspace<B>,
    stack: StackWorkspace<B>,
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
        let (vocab_size, size) = (a.vocab_size, a.embedding_size);
        // Those of an input are the same at all steps: a word that is dropped is gone wherever it stands.
        let input = (size > 0 && vocab_size > LARGEST_TABLE).then(|| {
            let kind = InputKind::Ids { vocab_size, embedding_size: size };
            Input::new(&mut layout, "embedding", kind, DropoutRate { rate: a.dropout, locked: true })
        });
        let lowest = match &input {
            Some(input) => input.spec(),
            None if size == 0 => InputSpec::OneHot { vocab_size },
            None => {
                let embedding = layout.push("embedding.weight", &[vocab_size, size], Init::Normal(1.0));
                InputSpec::Embedded { vocab_size, size, embedding }
            }
        };
        let sizes = StackSizes {
            cell: a.cell(),
            input: lowest,
            hidden_size: a.hidden_size,
            num_layers: a.num_layers,
            bidirectional: false,
            layer_norm: a.layer_norm,
            dropout: DropoutRate { rate: a.dropout, locked: false },
            drops_top: true,
        };
        let mut stack = Stack::new(&mut layout, "rnn", sizes);
        let init = Init::Uniform(1.0 / (a.hidden_size as f32).sqrt());
        let weight = if a.tied_embeddings {
            // Standard normal numbers, an embedding's usual start, would make logits as large as 2 sqrt(H).
            layout.start(EMBEDDING, Init::Uniform(TIED_START));
            EMBEDDING
        } else {
            layout.push("readout.weight", &[vocab_size, a.hidden_size], init)
        };
        stack.push_biases(&mut layout, "rnn");
        let bias = layout.push("readout.bias", &[a.vocab_size], init);
        let readout =
            LinearSpec { input_size: a.hidden_size, output_size: a.vocab_size, weight, bias: Some(bias) };
        Ok(Self { architecture: a.clone(), layout, input, stack, readout })
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
        pass: &'p mut Workspace<B>,
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
        pass: &mut Workspace<B>,
    ) {
        self.forward(backend, weights, Read::of_ids(ids, None, None), state, pass);
    }

    /// One stream reads many symbols, and `state` is the one after them.
    pub fn read_ahead<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        state: &mut [State<B::Real>],
        pass: &mut Workspace<B>,
    ) {
        self.forward(backend, weights, Read::of_ids(ids, Some(&[ids.len()]), None), state, pass);
    }

    /// The recurrent layers over the ids.
    fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: Read<'_>,
        state: &mut [State<B::Real>],
        pass: &mut Workspace<B>,
    ) {
        let Workspace { input, stack, .. } = pass;
        if let Some(layer) = &self.input {
            layer.forward(backend, &weights.params, read, None, input);
        }
        self.stack.forward(backend, weights.recurrent(), &self.above(read, input), state, stack);
    }

    /// What the recurrent layers read: the ids, or the vectors that were looked up.
    fn above<'a, B: Backend>(&self, read: Read<'a>, input: &'a InputWorkspace<B>) -> StackInput<'a, B> {
        let Read { ids, rows, lengths, dropout, .. } = read;
        match self.input {
            Some(_) => read.above(input),
            None => StackInput { source: Source::Ids(ids), rows, lengths, dropout },
        }
    }

    /// The other half: the logits `[T, B, V]` after what was read.
    ///
    /// # Panics
    /// Before the first pass.
    pub fn logits<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        pass: &'p mut Workspace<B>,
    ) -> &'p [B::Real] {
        let Workspace { stack, logits, scratch, .. } = pass;
        backend.linear_outputs(&weights.linears[0], stack.output(backend), logits, scratch);
        logits
    }

    /// The way back through one step that was read, from the gradient of the state after it, and of the loss of what came
    /// next where there are `targets` (of each row, [`refrain_kernels::IGNORE`] for none): gives that of the state before
    /// it. Gradients of the parameters are added to `grads`.
    pub fn step_back<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        (ids, targets): (&[u32], &[u32]),
        d_state: &[State<B::Real>],
        pass: &mut Workspace<B>,
        grads: &mut B::Buffer,
    ) -> Vec<State<B::Real>> {
        let mut d_frames = std::mem::take(&mut pass.stack.d_output);
        let (scale, smoothing) = (B::Real::of(1.0), B::Real::of(0.0));
        let backward = CrossEntropy { scale, smoothing, d_frames: &mut d_frames, grads };
        let output = pass.stack.output(backend);
        let readout = &weights.linears[0];
        backend.cross_entropy(readout, output, targets, Some(backward), &mut pass.scratch);
        pass.stack.d_output = d_frames;
        let mut d_before = self.stack.zero_state::<B>(ids.len());
        let back = StackBack {
            d_final: Some(d_state),
            d_initial: Some(&mut d_before),
            ..StackBack::new(&weights.params, grads)
        };
        let Workspace { input, stack, .. } = pass;
        let read = Read::of_ids(ids, None, None);
        self.stack.backward(backend, &weights.layers, &self.above(read, input), stack, back);
        d_before
    }

    /// The named activations of every layer in the last pass (not one of training, which consumes them).
    pub fn trace<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        pass: &Workspace<B>,
    ) -> Vec<Trace<B::Real>> {
        let layers = weights.layers.iter();
        layers.zip(pass.stack.tapes()).map(|(layer, tape)| backend.trace(layer, tape)).collect()
    }
}

impl Network for LanguageModel {
    type Batch = TextBatch;
    type Workspace<B: Backend> = Workspace<B>;

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
        let read = read_of(batch, Some(step.dropout));
        self.forward(backend, weights, read, state, pass);
        let mut d_frames = std::mem::take(&mut pass.stack.d_output);
        let output = pass.stack.output(backend);
        let backward = CrossEntropy {
            scale: B::Real::of(step.scale),
            smoothing: B::Real::of(0.0),
            d_frames: &mut d_frames,
            grads,
        };
        let loss = backend.cross_entropy(
            &weights.linears[0],
            output,
            &batch.targets,
            Some(backward),
            &mut pass.scratch,
        );
        pass.stack.d_output = d_frames;
        let Workspace { input, stack, .. } = pass;
        let back = StackBack { d_input: self.input.is_some(), ..StackBack::new(&weights.params, grads) };
        self.stack.backward(backend, &weights.layers, &self.above(read, input), stack, back);
        if let Some(layer) = &self.input {
            layer.backward(backend, read, &mut stack.d_output, grads);
        }
        loss.into()
    }

    fn tapes<'p, B: Backend>(&self, pass: &'p Self::Workspace<B>) -> Vec<Tapes<'p, B>> {
        vec![Tapes { name: "", first: 0, tapes: pass.stack.tapes() }]
    }

    /// From the part's own state, which is left as it is after the window.
    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, state, pass, .. } = part;
        self.forward(backend, weights, read_of(batch, None), state, pass);
        let output = pass.stack.output(backend);
        backend.cross_entropy(&weights.linears[0], output, &batch.targets, None, &mut pass.scratch).into()
    }
}

/// What is read of a batch.
fn read_of(batch: &TextBatch, dropout: Option<DropoutMask>) -> Read<'_> {
    let lengths = batch.lengths.as_deref();
    Read { ids: &batch.inputs, frames: &[], rows: batch.rows, lengths, dropout }
}

impl<B: Backend> Default for Workspace<B> {
    fn default() -> Self {
        Self {
            input: InputWorkspace::default(),
            stack: StackWorkspace::default(),
            logits: vec![],
            scratch: B::Scratch::default(),
        }
    }
}
