//! The translator: many-to-many, unaligned. It reads a sequence and writes another one, of a length of its own.
//!
//! source ids `[S, B]` -> embedding -> encoder -> bridge -> decoder's initial state; target ids `[T, B]`, the start symbol
//! first -> embedding -> decoder -> attention over the encoder's output -> `[h; context]` -> linear -> tanh -> readout ->
//! softmax cross-entropy against the same ids one step on, the end symbol last.
//!
//! The decoder's layers do not read what was attended to (no input feeding, unlike Luong et al. 2015, section 3.3): so a
//! whole target goes through every layer at once.

use std::ops::Range;

use refrain_kernels::{Backend, CrossEntropy, IGNORE, InputSpec, LinearSpec, Real, State};
use serde::{Deserialize, Serialize};

use super::architecture::{MAX_SIZE, MAX_VOCABULARY, within};
use super::network::{Network, Part, TrainStep, Weights};
use super::recurrent::RecurrentLayers;
use super::scheduled::mix;
use crate::data::{Padded, Rows};
use crate::layer::{
    Attend, AttendPass, AttentionKind, Bridge, BridgePass, DropoutMask, Embedding, Score, Source, Stack,
    StackBack, StackInput, StackPass, push_bias, push_linear, softmax_cross_entropy, tanh, tanh_back,
};
use crate::params::Layout;
use crate::{Error, Result};

/// What makes a translator what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranslatorSizes {
    /// Ids of the source.
    pub source_vocab: usize,
    /// Ids of the target, start and end symbol included.
    pub target_vocab: usize,
    /// `E` of both sides.
    pub embedding_size: usize,
    /// The encoder; the decoder has the same layers, forwards only.
    pub encoder: RecurrentLayers,
    /// How the decoder attends to the source.
    pub attention: AttentionKind,
    /// Share of the decoder's inputs that training takes from its own predictions.
    pub scheduled_sampling: f32,
}

/// Pairs of sequences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TranslatorBatch {
    /// `[S, B]`
    pub source: Padded<u32>,
    /// What the decoder reads, `[T, B]`: the start symbol, then the target.
    pub inputs: Padded<u32>,
    /// What it should say, `[T, B]`: the target, then the end symbol.
    pub targets: Padded<u32>,
}

/// The layers and their places in the arena.
#[derive(Clone, Debug)]
pub struct Translator {
    sizes: TranslatorSizes,
    layout: Layout,
    source: Embedding,
    target: Embedding,
    encoder: Stack,
    decoder: Stack,
    bridge: Bridge,
    attend: Option<Attend>,
    combine: LinearSpec,
    readout: LinearSpec,
}

/// What a pass leaves behind.
pub struct TranslatorPass<B: Backend> {
    encoder: StackPass<B>,
    decoder: StackPass<B>,
    bridge: BridgePass<B>,
    attend: AttendPass<B>,
    /// Vectors of the ids on their way to the layers.
    vectors: Vec<B::Real>,
    encoder_input: B::Frames,
    decoder_input: B::Frames,
    /// Of the decoder: ids, as training may have replaced some.
    inputs: Vec<u32>,
    /// `[h; context]`, and what the linear layer and the tanh make of it, before and after dropout.
    joined: B::Frames,
    combined: Vec<B::Real>,
    output: B::Frames,
    d_output: B::Frames,
    d_joined: B::Frames,
    d_context: B::Frames,
    logits: Vec<B::Real>,
    scratch: B::Scratch,
}

/// Places in the order of dropout masks, behind all layers of a stack.
const INPUT: u64 = 1 << 20;
const OUTPUT: u64 = INPUT + 1;

/// Places of linear layers: the first two, then the bridge's, then those of attention.
const READOUT: usize = 0;
const COMBINE: usize = 1;
const BRIDGE: usize = 2;

impl Translator {
    /// Lays out a model.
    ///
    /// # Errors
    /// If a size is out of bounds.
    pub fn new(sizes: &TranslatorSizes) -> Result<Self> {
        let TranslatorSizes { embedding_size, ref encoder, .. } = *sizes;
        within("source vocabulary size", sizes.source_vocab, 1, MAX_VOCABULARY)?;
        within("target vocabulary size", sizes.target_vocab, 2, MAX_VOCABULARY)?;
        within("embedding size", embedding_size, 1, MAX_SIZE)?;
        encoder.validate()?;
        if !(0.0..=1.0).contains(&sizes.scheduled_sampling) {
            return Err(Error::Config(format!(
                "scheduled-sampling is {}: give a share from 0 to 1",
                sizes.scheduled_sampling
            )));
        }
        let (hidden, width) = (encoder.hidden_size, encoder.output_size());
        let decoder = RecurrentLayers { bidirectional: false, ..encoder.clone() };
        let states = if encoder.cell().has_cell_state() { 2 } else { 1 };
        let mut layout = Layout::default();
        let layout = &mut layout;
        let source = Embedding::new(layout, "source", sizes.source_vocab, embedding_size);
        let target = Embedding::new(layout, "target", sizes.target_vocab, embedding_size);
        let input = InputSpec::Frames { size: embedding_size };
        let mut encoder_stack = Stack::new(layout, "encoder", encoder.over(input, false));
        let mut decoder_stack = Stack::new(layout, "decoder", decoder.over(input, false));
        let directions = width / hidden;
        let mut bridge = Bridge::new(layout, "bridge", encoder.num_layers, hidden, directions, states);
        let mut attend = Attend::new(layout, "attention", sizes.attention, hidden, width);
        let context = if attend.is_some() { width } else { 0 };
        let mut combine = push_linear(layout, "combine", hidden + context, hidden);
        let mut readout = push_linear(layout, "readout", hidden, sizes.target_vocab);
        encoder_stack.push_biases(layout, "encoder");
        decoder_stack.push_biases(layout, "decoder");
        bridge.push_biases(layout, "bridge");
        if let Some(attend) = &mut attend {
            attend.push_biases(layout, "attention");
        }
        push_bias(layout, "combine", &mut combine);
        push_bias(layout, "readout", &mut readout);
        Ok(Self {
            sizes: sizes.clone(),
            layout: std::mem::take(layout),
            source,
            target,
            encoder: encoder_stack,
            decoder: decoder_stack,
            bridge,
            attend,
            combine,
            readout,
        })
    }

    /// Its sizes and kinds.
    pub fn sizes(&self) -> &TranslatorSizes {
        &self.sizes
    }

    /// Reads sources, and gives the states `[B, H]` that the decoder starts from, one a layer.
    pub fn encode<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        source: &Padded<u32>,
        dropout: Option<DropoutMask>,
        pass: &mut TranslatorPass<B>,
    ) -> Vec<State<B::Real>> {
        let rows = source.rows();
        self.source.forward(backend, &weights.params, &source.values, &mut pass.vectors);
        pass.encoder_input = self.embedded(backend, rows, dropout, &pass.vectors);
        let mut state = self.encoder.zero_state::<B>(rows);
        let input = stack_input(&pass.encoder_input, rows, Some(&source.lengths), dropout);
        self.encoder.forward(backend, self.encoder_layers(weights), &input, &mut state, &mut pass.encoder);
        if let Some(attend) = &self.attend {
            let weights = (self.attend_linears(weights), &weights.params);
            let output = pass.encoder.output(backend);
            attend.remember(backend, weights, output, &source.lengths, &mut pass.attend);
        }
        self.bridge.forward(backend, self.bridge_linears(weights), &state, &mut pass.bridge)
    }

    /// Goes on writing what was read by [`Translator::encode`]: reads `ids`, `[T, rows]`, from `state`, and gives the
    /// logits `[T, rows, V]` of what comes next. Where `T` is 1, there may be several rows for a source: row `n B + b` is
    /// about source `b`.
    pub fn logits<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        lengths: Option<&[usize]>,
        state: &mut [State<B::Real>],
        pass: &'p mut TranslatorPass<B>,
    ) -> &'p [B::Real] {
        self.decode(backend, weights, ids, lengths, state, None, pass);
        let output = backend.view(&pass.output);
        backend.linear_outputs(&weights.linears[READOUT], output, &mut pass.logits, &mut pass.scratch);
        &pass.logits
    }

    /// Everything from the decoder's ids to what the readout reads, in `pass.output`.
    fn decode<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        lengths: Option<&[usize]>,
        state: &mut [State<B::Real>],
        dropout: Option<DropoutMask>,
        pass: &mut TranslatorPass<B>,
    ) {
        let (hidden, rows) = (self.sizes.encoder.hidden_size, lengths.map_or(ids.len(), <[usize]>::len));
        let dropout = dropout.map(of_decoder);
        self.target.forward(backend, &weights.params, ids, &mut pass.vectors);
        pass.decoder_input = self.embedded(backend, rows, dropout, &pass.vectors);
        let input = stack_input(&pass.decoder_input, rows, lengths, dropout);
        self.decoder.forward(backend, self.decoder_layers(weights), &input, state, &mut pass.decoder);
        let mut read = pass.decoder.output(backend);
        if let Some(attend) = &self.attend {
            let context = attend.forward(backend, self.attend_linears(weights), read, &mut pass.attend);
            let context = backend.frames(self.combine.input_size - hidden, context);
            backend.join(&[read, backend.view(&context)], &mut pass.joined);
            read = backend.view(&pass.joined);
        }
        backend.linear_outputs(&weights.linears[COMBINE], read, &mut pass.combined, &mut pass.scratch);
        tanh(&mut pass.combined);
        pass.output = backend.frames(hidden, &pass.combined);
        if let Some(mask) = dropout.and_then(|mask| mask.on(self.sizes.encoder.dropout(), OUTPUT, rows)) {
            backend.dropout_in_place(&mask, &mut pass.output);
        }
    }

    /// The way back through [`Translator::decode`] from `pass.d_output`, and then through [`Translator::encode`].
    fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &TranslatorBatch,
        dropout: DropoutMask,
        pass: &mut TranslatorPass<B>,
        grads: &mut B::Buffer,
    ) {
        let (hidden, rows) = (self.sizes.encoder.hidden_size, batch.rows());
        let (rate, decoder_dropout) = (self.sizes.encoder.dropout(), of_decoder(dropout));
        if let Some(mask) = decoder_dropout.on(rate, OUTPUT, rows) {
            backend.dropout_in_place(&mask, &mut pass.d_output);
        }
        let mut d_combined = backend.read_frames(backend.view(&pass.d_output));
        tanh_back(&pass.combined, &mut d_combined);
        let d_combined = backend.d_frames(hidden, &d_combined);
        let read = match self.attend {
            Some(_) => backend.view(&pass.joined),
            None => pass.decoder.output(backend),
        };
        let (combine, d_joined) = (&weights.linears[COMBINE], &mut pass.d_joined);
        let d_combined = backend.view(&d_combined);
        backend.linear_backward(combine, read, d_combined, Some(d_joined), grads, &mut pass.scratch);
        let d_joined = backend.view(&pass.d_joined);
        let mut d_decoded = std::mem::take(&mut pass.decoder.d_output);
        backend.part(d_joined, 0, hidden, &mut d_decoded);
        pass.encoder.d_output = match &self.attend {
            Some(attend) => {
                let width = self.combine.input_size - hidden;
                backend.part(d_joined, hidden, width, &mut pass.d_context);
                let d_context = backend.read_frames(backend.view(&pass.d_context));
                let outputs = [pass.encoder.output(backend), pass.decoder.output(backend)];
                let linears = self.attend_linears(weights);
                let memory = &mut pass.attend;
                attend.backward(backend, linears, outputs, &d_context, memory, &mut d_decoded, grads)
            }
            None => {
                let output = backend.read_frames(pass.encoder.output(backend));
                backend.d_frames(self.sizes.encoder.output_size(), &vec![B::Real::of(0.0); output.len()])
            }
        };
        pass.decoder.d_output = d_decoded;

        let lengths = Some(&batch.inputs.lengths[..]);
        let input = stack_input(&pass.decoder_input, rows, lengths, Some(decoder_dropout));
        let mut d_initial = self.decoder.zero_state::<B>(rows);
        let back = StackBack {
            d_initial: Some(&mut d_initial),
            d_input: true,
            ..StackBack::new(&weights.params, grads)
        };
        self.decoder.backward(backend, self.decoder_layers(weights), &input, &mut pass.decoder, back);
        self.embedded_back(
            backend,
            (&self.target, &pass.inputs),
            rows,
            decoder_dropout,
            &mut pass.decoder,
            grads,
        );

        let bridge = self.bridge_linears(weights);
        let d_final = self.bridge.backward(backend, bridge, &d_initial, &mut pass.bridge, grads);
        let input = stack_input(&pass.encoder_input, rows, Some(&batch.source.lengths), Some(dropout));
        let back =
            StackBack { d_final: Some(&d_final), d_input: true, ..StackBack::new(&weights.params, grads) };
        self.encoder.backward(backend, self.encoder_layers(weights), &input, &mut pass.encoder, back);
        let ids = &batch.source.values;
        self.embedded_back(backend, (&self.source, ids), rows, dropout, &mut pass.encoder, grads);
    }

    /// Vectors of ids as a stack reads them.
    fn embedded<B: Backend>(
        &self,
        backend: &B,
        rows: usize,
        dropout: Option<DropoutMask>,
        vectors: &[B::Real],
    ) -> B::Frames {
        let mut frames = backend.frames(self.sizes.embedding_size, vectors);
        if let Some(mask) = dropout.and_then(|mask| mask.on(self.sizes.encoder.dropout(), INPUT, rows)) {
            backend.dropout_in_place(&mask, &mut frames);
        }
        frames
    }

    /// The way back from the gradient of a stack's input.
    fn embedded_back<B: Backend>(
        &self,
        backend: &B,
        (embedding, ids): (&Embedding, &[u32]),
        rows: usize,
        dropout: DropoutMask,
        pass: &mut StackPass<B>,
        grads: &mut B::Buffer,
    ) {
        if let Some(mask) = dropout.on(self.sizes.encoder.dropout(), INPUT, rows) {
            backend.dropout_in_place(&mask, &mut pass.d_output);
        }
        let d_vectors = backend.read_frames(backend.view(&pass.d_output));
        embedding.backward(backend, ids, &d_vectors, grads);
    }

    fn encoder_layers<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Recurrent] {
        &weights.layers[..self.encoder.specs().len()]
    }

    fn decoder_layers<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Recurrent] {
        &weights.layers[self.encoder.specs().len()..]
    }

    fn bridge_linears<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Linear] {
        &weights.linears[BRIDGE..][..self.bridge.specs().len()]
    }

    fn attend_linears<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Linear] {
        &weights.linears[BRIDGE + self.bridge.specs().len()..]
    }
}

/// The decoder's masks, apart from the encoder's.
fn of_decoder(mask: DropoutMask) -> DropoutMask {
    DropoutMask { seed: mask.seed ^ 0x9e6c_63d0_876a_9a35, ..mask }
}

fn stack_input<'a, B: Backend>(
    frames: &'a B::Frames,
    rows: usize,
    lengths: Option<&'a [usize]>,
    dropout: Option<DropoutMask>,
) -> StackInput<'a, B> {
    StackInput { source: Source::Frames(frames), rows, lengths, dropout }
}

impl TranslatorBatch {
    /// The targets `[T, B]`, [`IGNORE`] where a row is padded.
    fn masked_targets(&self) -> Vec<u32> {
        let mut targets = self.targets.values.clone();
        for (step, targets) in targets.chunks_exact_mut(self.rows().max(1)).enumerate() {
            let padded = targets.iter_mut().zip(&self.targets.lengths).filter(|&(_, &length)| step >= length);
            padded.for_each(|(target, _)| *target = IGNORE);
        }
        targets
    }
}

impl Rows for TranslatorBatch {
    fn rows(&self) -> usize {
        self.source.rows()
    }

    fn count(&self) -> usize {
        self.targets.positions()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        self.source.take(&whole.source, rows.clone());
        self.inputs.take(&whole.inputs, rows.clone());
        self.targets.take(&whole.targets, rows);
    }
}

impl Network for Translator {
    type Batch = TranslatorBatch;
    type Pass<B: Backend> = TranslatorPass<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn stacks(&self) -> Vec<&Stack> {
        vec![&self.encoder, &self.decoder]
    }

    fn linears(&self) -> Vec<LinearSpec> {
        let attend = self.attend.iter().flat_map(Attend::specs);
        [self.readout, self.combine].iter().chain(self.bridge.specs()).chain(attend).copied().collect()
    }

    fn summary(&self) -> String {
        let attention = match self.sizes.attention {
            AttentionKind::None => "no attention",
            AttentionKind::Dot => "attention (dot)",
            AttentionKind::General => "attention (general)",
            AttentionKind::Additive => "attention (additive)",
        };
        let (encoder, embedding) = (self.sizes.encoder.summary(), self.sizes.embedding_size);
        format!("{encoder}, a decoder like it, embeddings of {embedding}, {attention}")
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
        let lengths = Some(&batch.inputs.lengths[..]);
        pass.inputs.clone_from(&batch.inputs.values);
        if self.sizes.scheduled_sampling > 0.0 {
            let mut state = self.encode(backend, weights, &batch.source, None, pass);
            let logits = self.logits(backend, weights, &batch.inputs.values, lengths, &mut state, pass);
            let inputs = (&batch.inputs.values[..], batch.rows());
            pass.inputs = mix(logits, inputs, self.sizes.scheduled_sampling, step.dropout);
        }
        let mut state = self.encode(backend, weights, &batch.source, Some(step.dropout), pass);
        let ids = std::mem::take(&mut pass.inputs);
        self.decode(backend, weights, &ids, lengths, &mut state, Some(step.dropout), pass);
        pass.inputs = ids;
        let (output, scale) = (backend.view(&pass.output), B::Real::of(step.scale));
        let backward = Some(CrossEntropy { scale, d_frames: &mut pass.d_output, grads });
        let (readout, targets) = (&weights.linears[READOUT], batch.masked_targets());
        let loss = backend.cross_entropy(readout, output, &targets, backward, &mut pass.scratch);
        self.backward(backend, weights, batch, step.dropout, pass, grads);
        loss.into()
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, pass, .. } = part;
        let mut state = self.encode(backend, weights, &batch.source, None, pass);
        let (ids, lengths) = (&batch.inputs.values, Some(&batch.inputs.lengths[..]));
        let logits = self.logits(backend, weights, ids, lengths, &mut state, pass);
        softmax_cross_entropy(logits, self.sizes.target_vocab, &batch.masked_targets(), &[], None)
    }
}

impl<B: Backend> Default for TranslatorPass<B> {
    fn default() -> Self {
        let [encoder_input, decoder_input, joined, output, d_output, d_joined, d_context] =
            std::array::from_fn(|_| B::Frames::default());
        Self {
            encoder: StackPass::default(),
            decoder: StackPass::default(),
            bridge: BridgePass::default(),
            attend: AttendPass::default(),
            vectors: vec![],
            encoder_input,
            decoder_input,
            inputs: vec![],
            joined,
            combined: vec![],
            output,
            d_output,
            d_joined,
            d_context,
            logits: vec![],
            scratch: B::Scratch::default(),
        }
    }
}
