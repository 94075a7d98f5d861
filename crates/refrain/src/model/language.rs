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
    DropoutMask, DropoutRate, Embedding, Score, Source, Stack, StackBack, StackInput, StackPass, StackSizes,
};
use crate::params::{Init, Layout};

/// The layers and their places in the arena; weights come along separately, so that one description serves every
/// backend.
#[derive(Clone, Debug)]
pub struct LanguageModel {
    architecture: Architecture,
    layout: Layout,
    /// Of a vocabulary that is too large for the lowest layer to have it as a table.
    embedding: Option<Embedding>,
    stack: Stack,
    readout: LinearSpec,
}

/// With more tokens than this most do not occur in a batch, and their vectors are looked up; with fewer, all are
/// multiplied by the lowest layer's weights beforehand.
const LARGEST_TABLE: usize = 1024;

/// As in Merity et al. 2018.
const TIED_START: f32 = 0.1;

/// What one pass leaves behind; reused from pass to pass.
pub struct Pass<B: Backend> {
    /// Vectors that were looked up, `[T, B, E]`.
    vectors: Vec<B::Real>,
    frames: B::Frames,
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
        let (vocab_size, size) = (a.vocab_size, a.embedding_size);
        let embedding = (size > 0).then(|| Embedding::new(&mut layout, "embedding", vocab_size, size));
        let lowest = match &embedding {
            None => InputSpec::OneHot { vocab_size },
            Some(_) if vocab_size > LARGEST_TABLE => InputSpec::Frames { size },
            Some(embedding) => InputSpec::Embedded { vocab_size, size, embedding: embedding.weight() },
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
        let weight = match &embedding {
            Some(embedding) if a.tied_embeddings => {
                // Standard normal numbers, an embedding's usual start, would make logits as large as 2 sqrt(H).
                layout.start(embedding.weight(), Init::Uniform(TIED_START));
                embedding.weight()
            }
            _ => layout.push("readout.weight", &[vocab_size, a.hidden_size], init),
        };
        stack.push_biases(&mut layout, "rnn");
        let bias = layout.push("readout.bias", &[a.vocab_size], init);
        let readout =
            LinearSpec { input_size: a.hidden_size, output_size: a.vocab_size, weight, bias: Some(bias) };
        let embedding = embedding.filter(|_| vocab_size > LARGEST_TABLE);
        Ok(Self { architecture: a.clone(), layout, embedding, stack, readout })
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
        let input = Ids { ids, rows: ids.len(), lengths: None, dropout: None };
        self.forward(backend, weights, &input, state, pass);
    }

    /// The recurrent layers over the ids.
    fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        input: &Ids<'_>,
        state: &mut [State<B::Real>],
        pass: &mut Pass<B>,
    ) {
        let Pass { vectors, frames, stack, .. } = pass;
        if let Some(embedding) = &self.embedding {
            embedding.forward(backend, &weights.params, input.ids, vectors);
            *frames = backend.frames(embedding.size(), vectors);
        }
        self.stack.forward(backend, weights.recurrent(), &self.stack_input(input, frames), state, stack);
    }

    /// What the recurrent layers read: the ids, or the vectors that were looked up.
    fn stack_input<'a, B: Backend>(&self, input: &Ids<'a>, frames: &'a B::Frames) -> StackInput<'a, B> {
        let source = match self.embedding {
            Some(_) => Source::Frames(frames),
            None => Source::Ids(input.ids),
        };
        StackInput { source, rows: input.rows, lengths: input.lengths, dropout: input.dropout }
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
        let Pass { stack, logits, scratch, .. } = pass;
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
        let input = Ids::of(batch, Some(step.dropout));
        self.forward(backend, weights, &input, state, pass);
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
        let Pass { frames, stack, .. } = pass;
        let back = StackBack { d_input: self.embedding.is_some(), ..StackBack::new(&weights.params, grads) };
        self.stack.backward(backend, &weights.layers, &self.stack_input(&input, frames), stack, back);
        if let Some(embedding) = &self.embedding {
            let d_vectors = backend.read_frames(backend.view(&stack.d_output));
            embedding.backward(backend, &batch.inputs, &d_vectors, grads);
        }
        loss.into()
    }

    /// From the part's own state, which is left as it is after the window.
    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, state, pass, .. } = part;
        self.forward(backend, weights, &Ids::of(batch, None), state, pass);
        let output = pass.stack.output(backend);
        backend.cross_entropy(&weights.linears[0], output, &batch.targets, None, &mut pass.scratch).into()
    }
}

/// What the recurrent layers read in one pass, as ids `[T, B]`.
struct Ids<'a> {
    ids: &'a [u32],
    rows: usize,
    lengths: Option<&'a [usize]>,
    dropout: Option<DropoutMask>,
}

impl<'a> Ids<'a> {
    fn of(batch: &'a Batch, dropout: Option<DropoutMask>) -> Self {
        Self { ids: &batch.inputs, rows: batch.rows, lengths: batch.lengths.as_deref(), dropout }
    }
}

impl<B: Backend> Default for Pass<B> {
    fn default() -> Self {
        Self {
            vectors: vec![],
            frames: B::Frames::default(),
            stack: StackPass::default(),
            logits: vec![],
            scratch: B::Scratch::default(),
        }
    }
}
