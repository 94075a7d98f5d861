//! The language model: many-to-many, aligned, self-supervised. It reads a text symbol by symbol and says at every
//! step how probable each symbol is to come next.
//!
//! ids `[T, B]` -> embedding -> recurrent layers -> readout -> softmax cross-entropy against the next ids.

use refrain_kernels::{Backend, CrossEntropy, InputSpec, LinearSpec, Loss, Real, State, Trace};

use std::ops::Range;

use super::Architecture;
use crate::data::Batch;
use crate::layer::{DropoutMask, Source, Stack, StackBack, StackInput, StackPass, StackSizes, WeightDrop};
use crate::params::{Init, Layout};
use crate::text::thousands;
use crate::{Error, Result};

/// The layers and their places in the arena; weights come along separately, so that one description serves every
/// backend.
#[derive(Clone, Debug)]
pub struct LanguageModel {
    architecture: Architecture,
    layout: Layout,
    stack: Stack,
    readout: LinearSpec,
}

/// Weights on a backend: the arena, and what products need of it.
pub struct Weights<B: Backend> {
    pub(crate) params: B::Buffer,
    layers: Vec<B::Recurrent>,
    readout: B::Linear,
    /// The parameters as they are packed where some weights are dropped, and which those are.
    dropped: Option<B::Buffer>,
    drop: Option<WeightDrop>,
}

/// What one pass leaves behind; reused from pass to pass.
pub struct Pass<B: Backend> {
    stack: StackPass<B>,
    logits: Vec<B::Real>,
    scratch: B::Scratch,
}

/// Some rows of a batch, and what is computed for them without regard to the others.
pub struct Part<B: Backend> {
    batch: Batch,
    /// Carried from window to window, one element a layer.
    pub state: Vec<State<B::Real>>,
    /// Of the last batch.
    pub loss: Loss,
    pass: Pass<B>,
}

/// A part that is learned from.
pub struct Shard<B: Backend> {
    /// Its rows.
    pub part: Part<B>,
    /// The arena of its gradients.
    pub grads: B::Buffer,
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
            dropout: a.dropout,
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

    /// Its parameters.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Refuses a model whose parameters this machine could not hold `copies` times, before a failed allocation
    /// ends the program.
    pub(crate) fn check_memory(&self, copies: usize) -> Result<()> {
        let bytes = self.layout.len().saturating_mul(size_of::<f32>()).saturating_mul(copies);
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| {
            Error::Config(format!(
                "a model of {} parameters needs about {} GB, more than there is: lower the hidden size or the number of layers",
                thousands(self.layout.len() as u64),
                thousands((bytes as u64).div_ceil(1_000_000_000))
            ))
        })
    }

    /// The zero state of `rows` sequences, one element a layer.
    pub fn zero_state<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.stack.zero_state::<B>(rows)
    }

    /// Brings parameters to a backend. Call [`LanguageModel::pack`] before a pass.
    pub fn weights<B: Backend>(&self, backend: &B, params: &[B::Real]) -> Weights<B> {
        Weights {
            params: backend.buffer(params),
            layers: self.stack.specs().iter().map(|spec| backend.recurrent(spec)).collect(),
            readout: backend.linear(&self.readout),
            dropped: None,
            drop: None,
        }
    }

    /// Prepares the weights for passes; after every update, too. `training` includes the way back.
    pub fn pack<B: Backend>(&self, backend: &B, weights: &mut Weights<B>, training: bool) {
        weights.drop = None;
        self.pack_all(backend, weights, training);
    }

    /// Prepares the weights for one step of training in which some of the recurrent ones are dropped.
    pub fn pack_dropped<B: Backend>(&self, backend: &B, weights: &mut Weights<B>, drop: WeightDrop) {
        let Weights { params, dropped, .. } = &mut *weights;
        let dropped =
            dropped.get_or_insert_with(|| backend.buffer(&vec![B::Real::of(0.0); self.layout.len()]));
        backend.blend(1.0, params, dropped);
        self.stack.drop_weights(backend, &drop, dropped);
        weights.drop = Some(drop);
        self.pack_all(backend, weights, true);
    }

    fn pack_all<B: Backend>(&self, backend: &B, weights: &mut Weights<B>, training: bool) {
        enum Unpacked<'a, B: Backend> {
            Layer(&'a mut B::Recurrent),
            Readout(&'a mut B::Linear),
        }
        let Weights { params, layers, readout, dropped, drop } = weights;
        let params = drop.and(dropped.as_ref()).unwrap_or(params);
        let mut parts: Vec<Unpacked<'_, B>> = layers.iter_mut().map(Unpacked::Layer).collect();
        parts.push(Unpacked::Readout(readout));
        backend.parallel(&mut parts, |_, part| match part {
            Unpacked::Layer(layer) => backend.pack_recurrent(layer, params, training),
            Unpacked::Readout(readout) => backend.pack_linear(readout, params, training),
        });
    }

    /// One shard's part of a training step: forward, loss and backward into its own gradients, from its own state,
    /// which is left as it is after the window. `scale` is one over the counted positions of the whole batch.
    pub fn train<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        shard: &mut Shard<B>,
        scale: f64,
        dropout: DropoutMask,
    ) {
        let Shard { part: Part { batch, state, loss, pass }, grads } = shard;
        backend.clear(grads);
        *loss = Loss::default();
        if batch.inputs.is_empty() {
            return;
        }
        let x = input(batch, Some(dropout));
        self.stack.forward(backend, &weights.layers, &x, state, &mut pass.stack);
        let mut d_frames = std::mem::take(&mut pass.stack.d_output);
        let output = pass.stack.output(backend);
        let backward = CrossEntropy { scale: B::Real::of(scale), d_frames: &mut d_frames, grads };
        *loss = backend.cross_entropy(
            &weights.readout,
            output,
            &batch.targets,
            Some(backward),
            &mut pass.scratch,
        );
        pass.stack.d_output = d_frames;
        let back = StackBack::new(&weights.params, grads);
        self.stack.backward(backend, &weights.layers, &x, &mut pass.stack, back);
        if let Some(drop) = &weights.drop {
            self.stack.drop_weights(backend, drop, grads);
        }
    }

    /// The loss of some rows from their own state, which is left as it is after the window.
    pub fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<B>) {
        let Part { batch, state, loss, pass } = part;
        *loss = Loss::default();
        if batch.inputs.is_empty() {
            return;
        }
        self.stack.forward(backend, &weights.layers, &input(batch, None), state, &mut pass.stack);
        let output = pass.stack.output(backend);
        *loss = backend.cross_entropy(&weights.readout, output, &batch.targets, None, &mut pass.scratch);
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
        backend.linear_outputs(&weights.readout, stack.output(backend), logits, scratch);
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

impl<B: Backend> Shard<B> {
    /// An empty shard of a model's.
    pub fn new(model: &LanguageModel, backend: &B) -> Self {
        Self { part: Part::default(), grads: backend.buffer(&vec![B::Real::of(0.0); model.layout.len()]) }
    }
}

impl<B: Backend> Default for Part<B> {
    fn default() -> Self {
        Self { batch: Batch::default(), state: vec![], loss: Loss::default(), pass: Pass::default() }
    }
}

impl<B: Backend> Part<B> {
    /// Takes some rows of a batch.
    pub fn take(&mut self, whole: &Batch, rows: Range<usize>) {
        let steps = match &whole.lengths {
            Some(lengths) => lengths[rows.clone()].iter().copied().max().unwrap_or(0),
            None => whole.steps,
        };
        let batch = &mut self.batch;
        (batch.rows, batch.steps) = (rows.len(), steps);
        for (own, all) in [(&mut batch.inputs, &whole.inputs), (&mut batch.targets, &whole.targets)] {
            own.clear();
            own.extend(all.chunks_exact(whole.rows).take(steps).flat_map(|row| &row[rows.clone()]));
        }
        batch.lengths = whole.lengths.as_ref().map(|lengths| lengths[rows.clone()].to_vec());
    }
}
