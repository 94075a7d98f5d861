//! The translator: many-to-many, unaligned. It reads a sequence and writes another one, of a length of its own.
//!
//! source ids `[S, B]` -> embedding -> encoder -> bridge -> decoder's initial state; target ids `[T, B]`, the start symbol
//! first -> embedding -> decoder -> attention over the encoder's output -> `[h; context]` -> linear -> tanh -> readout ->
//! softmax cross-entropy against the same ids one step on, the end symbol last.
//!
//! The decoder's layers do not read what was attended to (no input feeding, unlike Luong et al. 2015, section 3.3): so a
//! whole target goes through every layer at once.

mod batch;
mod passes;
mod scheduled;

use refrain_kernels::{Backend, CrossEntropy, LinearSpec, Real};
use serde::{Deserialize, Serialize};

pub use batch::TranslatorBatch;
pub use passes::TranslatorWorkspace;

use super::architecture::{MAX_SIZE, MAX_VOCABULARY, within};
use super::input::{Input, InputKind, Read};
use super::network::{Network, Part, Tapes, TrainStep, Weights};
use super::recurrent::RecurrentLayers;
use crate::data::Batch;
use crate::layer::{
    Attend, AttentionKind, Bridge, Score, Stack, push_bias, push_linear, softmax_cross_entropy,
};
use crate::params::Layout;
use crate::{Error, Result};
use scheduled::mix;

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
    /// Share of a target's probability that training deals out to all symbols alike.
    pub label_smoothing: f32,
}

/// The layers and their places in the arena.
#[derive(Clone, Debug)]
pub struct Translator {
    sizes: TranslatorSizes,
    layout: Layout,
    source: Input,
    target: Input,
    encoder: Stack,
    decoder: Stack,
    bridge: Bridge,
    attend: Option<Attend>,
    combine: LinearSpec,
    readout: LinearSpec,
}

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
        for (name, share) in
            [("scheduled-sampling", sizes.scheduled_sampling), ("label-smoothing", sizes.label_smoothing)]
        {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::Config(format!("{name} is {share}: give a share from 0 to 1")));
            }
        }
        let (hidden, width) = (encoder.hidden_size, encoder.output_size());
        let decoder = RecurrentLayers { bidirectional: false, ..encoder.clone() };
        let states = if encoder.cell().has_cell_state() { 2 } else { 1 };
        let mut layout = Layout::default();
        let layout = &mut layout;
        let mut input = |prefix: &str, vocab_size: usize| {
            Input::new(layout, prefix, InputKind::Ids { vocab_size, embedding_size }, encoder.dropout())
        };
        let (source, target) = (input("source", sizes.source_vocab), input("target", sizes.target_vocab));
        let mut encoder_stack = Stack::new(layout, "encoder", encoder.over(source.spec(), false));
        let mut decoder_stack = Stack::new(layout, "decoder", decoder.over(target.spec(), false));
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
}

impl Network for Translator {
    type Batch = TranslatorBatch;
    type Workspace<B: Backend> = TranslatorWorkspace<B>;

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
        let read = Read::of_ids(&ids, lengths, Some(step.dropout));
        self.decode(backend, weights, read, &mut state, pass);
        pass.inputs = ids;
        let output = backend.view(&pass.output);
        let (scale, smoothing) = (B::Real::of(step.scale), B::Real::of(self.sizes.label_smoothing.into()));
        let backward = Some(CrossEntropy { scale, smoothing, d_frames: &mut pass.d_output, grads });
        let (readout, targets) = (&weights.linears[READOUT], batch.masked_targets());
        let loss = backend.cross_entropy(readout, output, &targets, backward, &mut pass.scratch);
        self.backward(backend, weights, batch, step.dropout, pass, grads);
        loss.into()
    }

    fn tapes<'p, B: Backend>(&self, pass: &'p Self::Workspace<B>) -> Vec<Tapes<'p, B>> {
        vec![Tapes { name: "encoder", first: 0, tapes: pass.source_tapes() }]
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, pass, .. } = part;
        let mut state = self.encode(backend, weights, &batch.source, None, pass);
        let (ids, lengths) = (&batch.inputs.values, Some(&batch.inputs.lengths[..]));
        let logits = self.logits(backend, weights, ids, lengths, &mut state, pass);
        softmax_cross_entropy(logits, self.sizes.target_vocab, &batch.masked_targets(), &[], None)
    }
}
