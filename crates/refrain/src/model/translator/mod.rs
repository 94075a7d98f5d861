//! The translator: many-to-many, unaligned, from one sequence to another of any length.
//!
//! source ids `[S, B]` -> embedding -> encoder -> bridge -> decoder's initial state; target ids `[T, B]`, start token
//! first -> embedding -> decoder -> attention over the encoder's output -> `[h; context]` -> linear -> tanh -> readout ->
//! softmax cross-entropy against the next ids, end token last.
//!
//! No input feeding (unlike Luong et al. 2015, section 3.3): each layer processes all time steps of the target at once.

mod batch;
mod passes;
mod scheduled;

use refrain_kernels::{Backend, CrossEntropy, Real};
use serde::{Deserialize, Serialize};

pub use batch::TranslatorBatch;
pub use passes::TranslatorWorkspace;

use super::input::{DEFAULT_EMBEDDING_INIT, Input, InputKind, PassInput};
use super::network::{Network, NetworkSizes, Part, SizedNetwork, Tapes, TrainStep};
use super::recurrent::{MAX_SIZE, MAX_VOCABULARY, RecurrentLayers};
use super::stepwise::Backbone;
use crate::data::Batch;
use crate::error::within;
use crate::layer::{Attend, AttentionKind, Bridge, Linear, Score, Stack, softmax_cross_entropy};
use crate::params::{Layout, LayoutBuilder, Weights};
use crate::{Error, Result};
use scheduled::mix;

/// The sizes of a translator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranslatorSizes {
    /// Vocabulary size of the source.
    pub source_vocab: usize,
    /// Vocabulary size of the target, start and end token included.
    pub target_vocab: usize,
    /// `E` of both sides.
    pub embedding_size: usize,
    /// The encoder; the decoder has the same layers, unidirectional.
    pub encoder: RecurrentLayers,
    /// How the decoder attends to the source.
    pub attention: AttentionKind,
    /// Probability that training replaces a decoder input by the model's own prediction.
    pub scheduled_sampling: f32,
    /// Label smoothing: share of a target's probability that is distributed over all tokens.
    pub label_smoothing: f32,
}

/// A translator's layers and their places in the arena.
pub type Translator = SizedNetwork<TranslatorSizes>;

/// The layers of a translator.
#[derive(Clone, Debug)]
pub struct Layers {
    encoder: Backbone,
    decoder: Backbone,
    bridge: Bridge,
    attend: Option<Attend>,
    combine: Linear,
    readout: Linear,
}

impl TranslatorSizes {
    /// Embeddings of 64, one LSTM layer of 128 units in each direction, general attention.
    pub fn new(source_vocab: usize, target_vocab: usize) -> Self {
        Self {
            source_vocab,
            target_vocab,
            embedding_size: 64,
            encoder: RecurrentLayers { bidirectional: true, ..RecurrentLayers::default() },
            attention: AttentionKind::default(),
            scheduled_sampling: 0.0,
            label_smoothing: 0.0,
        }
    }

    /// Checks all sizes against their bounds.
    ///
    /// # Errors
    /// [`Error::Setting`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        within("source_vocab", self.source_vocab, 1, MAX_VOCABULARY)?;
        within("target_vocab", self.target_vocab, 2, MAX_VOCABULARY)?;
        within("embedding_size", self.embedding_size, 1, MAX_SIZE)?;
        self.encoder.layers.validate()?;
        for (setting, share) in
            [("scheduled_sampling", self.scheduled_sampling), ("label_smoothing", self.label_smoothing)]
        {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::out_of_range(setting, share, "from 0 to 1"));
            }
        }
        Ok(())
    }
}

impl NetworkSizes for TranslatorSizes {
    type Layers = Layers;

    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Layers> {
        self.validate()?;
        let TranslatorSizes { embedding_size, ref encoder, .. } = *self;
        let (hidden, width) = (encoder.layers.hidden_size, encoder.output_size());
        let decoder = RecurrentLayers { bidirectional: false, ..encoder.clone() };
        let input = |layout: &mut LayoutBuilder, prefix: &str, vocab_size: usize| {
            let kind = InputKind::Ids { vocab_size, embedding_size };
            Input::new(layout, prefix, kind, encoder.dropout(), DEFAULT_EMBEDDING_INIT)
        };
        let source = input(layout, "source", self.source_vocab);
        let target = input(layout, "target", self.target_vocab);
        let encoder_stack = Stack::new(layout, "encoder", encoder.over(source.spec(), false));
        let decoder_stack = Stack::new(layout, "decoder", decoder.over(target.spec(), false));
        let states = if encoder.layers.cell().has_cell_state() { 2 } else { 1 };
        let bridge = Bridge::new(layout, "bridge", encoder.layers.num_layers, hidden, width / hidden, states);
        let attend = Attend::new(layout, "attention", self.attention, hidden, width);
        let context = if attend.is_some() { width } else { 0 };
        Ok(Layers {
            encoder: Backbone { input: source, stack: encoder_stack },
            decoder: Backbone { input: target, stack: decoder_stack },
            bridge,
            attend,
            combine: Linear::new(layout, "combine", hidden + context, hidden),
            readout: Linear::new(layout, "readout", hidden, self.target_vocab),
        })
    }
}

impl Network for Translator {
    type Batch = TranslatorBatch;
    type Workspace<B: Backend> = TranslatorWorkspace<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn summary(&self) -> String {
        let attention = match self.sizes.attention {
            AttentionKind::None => "no attention",
            AttentionKind::Dot => "attention (dot)",
            AttentionKind::General => "attention (general)",
            AttentionKind::Additive => "attention (additive)",
        };
        let (encoder, embedding) = (self.sizes.encoder.summary(), self.sizes.embedding_size);
        format!("{encoder}, the same decoder, embeddings of {embedding}, {attention}")
    }

    fn train<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        part: &mut Part<Self, B>,
        step: TrainStep,
        grads: &mut B::Buffer,
    ) -> Score {
        let Part { batch, workspace, .. } = part;
        let (lengths, dropout) = (Some(&batch.inputs.lengths[..]), Some(step.dropout));
        let mut inputs = batch.inputs.values.clone();
        if self.sizes.scheduled_sampling > 0.0 {
            let mut state = self.encode(backend, weights, &batch.source, None, workspace);
            let logits = self.logits(backend, weights, &inputs, lengths, &mut state, workspace);
            inputs = mix(logits, &inputs, batch.rows(), self.sizes.scheduled_sampling, step.dropout);
        }
        let mut state = self.encode(backend, weights, &batch.source, dropout, workspace);
        let read = PassInput::of_ids(&inputs, lengths, dropout);
        self.decode(backend, weights, read, &mut state, workspace);
        let output = backend.view(&workspace.output);
        let (scale, smoothing) = (B::Real::of(step.scale), B::Real::of(self.sizes.label_smoothing.into()));
        let d_frames = &mut workspace.d_output;
        let backward = Some(CrossEntropy { scale, smoothing, d_frames, grads: &mut *grads });
        let (readout, targets) = (weights.linear(self.layers.readout.id), batch.masked_targets());
        let loss = backend.cross_entropy(readout, output, &targets, backward, &mut workspace.scratch);
        self.backward(backend, weights, &batch.source, read, workspace, grads);
        loss.into()
    }

    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>> {
        self.layers.encoder.tapes("encoder", &workspace.encoder)
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, workspace, .. } = part;
        let mut state = self.encode(backend, weights, &batch.source, None, workspace);
        let (ids, lengths) = (&batch.inputs.values, Some(&batch.inputs.lengths[..]));
        let logits = self.logits(backend, weights, ids, lengths, &mut state, workspace);
        softmax_cross_entropy(logits, self.sizes.target_vocab, &batch.masked_targets(), &[], None)
    }
}
