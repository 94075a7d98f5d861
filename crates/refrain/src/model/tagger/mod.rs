//! The tagger: many-to-many, aligned, one label per time step.
//!
//! words `[T, B]` -> embedding, concatenated with a vector of their spelling (or frames `[T, B, I]`) -> recurrent layers -> linear -> softmax
//! cross-entropy at every time step, or a conditional random field over the sequence.

mod batch;
mod labels;
mod sizes;

use std::ops::Range;

use refrain_kernels::{Backend, Real, State};

pub use batch::TaggerBatch;
pub use sizes::TaggerSizes;

use super::input::{INPUT, Input, LABELLED_EMBEDDING_INIT, PassInput};
use super::network::{Network, NetworkSizes, Part, SizedNetwork, Tapes, TrainStep};
use super::stepwise::{Backbone, Stepwise, StepwiseWorkspace};
use crate::Result;
use crate::data::Batch;
use crate::layer::{
    CharEncoder, CharEncoderWorkspace, DropoutMask, DropoutRate, Linear, Score, Stack, lay_out_crf, workspace,
};
use crate::params::{Layout, LayoutBuilder, Weights};

/// A tagger's layers and their places in the arena.
pub type Tagger = SizedNetwork<TaggerSizes>;

/// The layers of a tagger.
#[derive(Clone, Debug)]
pub struct Layers {
    spelling: Option<CharEncoder>,
    steps: Stepwise,
    /// Where the parameters of the conditional random field are in the arena.
    crf: Option<Range<usize>>,
}

workspace! {
    /// Buffers of the forward and backward pass.
    pub struct TaggerWorkspace<B> {
        spelling: CharEncoderWorkspace<B>,
        steps: StepwiseWorkspace<B>,
        /// Ids after word dropout.
        ids: Vec<u32>,
    }
}

/// Index of word dropout among the dropout masks.
const WORDS: u64 = INPUT + 1;

impl NetworkSizes for TaggerSizes {
    type Layers = Layers;

    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Layers> {
        self.validate()?;
        let recurrent = &self.recurrent;
        let input = Input::new(layout, "embedding", self.input, recurrent.dropout(), LABELLED_EMBEDDING_INIT);
        let cell = recurrent.layers.cell();
        let spelling = self.spelling.map(|sizes| CharEncoder::new(layout, "chars", cell, sizes));
        let input = input.with_extra(spelling.as_ref().map_or(0, CharEncoder::size));
        let stack = Stack::new(layout, "rnn", recurrent.over(input.spec(), true));
        let output = Linear::new(layout, "output", recurrent.output_size(), self.labels);
        let crf = self.crf.then(|| lay_out_crf(layout, "crf", self.labels));
        Ok(Layers { spelling, steps: Stepwise { backbone: Backbone { input, stack }, output }, crf })
    }
}

impl Tagger {
    /// The initial state of `rows` sequences.
    pub fn zero_state<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.stack().zero_state::<B>(rows)
    }

    /// The recurrent layers over the sequence.
    pub(crate) fn stack(&self) -> &Stack {
        &self.layers.steps.backbone.stack
    }

    /// The emissions `[T, B, K]`: logits, or unary scores of the conditional random field.
    pub fn emissions<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &TaggerBatch,
        dropout: Option<DropoutMask>,
        workspace: &'w mut TaggerWorkspace<B>,
    ) -> &'w [B::Real] {
        let mut state = self.zero_state::<B>(batch.rows());
        self.emissions_from(backend, weights, batch, dropout, &mut state, workspace)
    }

    /// The emissions from `state`, which is updated.
    pub fn emissions_from<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &TaggerBatch,
        dropout: Option<DropoutMask>,
        state: &mut [State<B::Real>],
        workspace: &'w mut TaggerWorkspace<B>,
    ) -> &'w [B::Real] {
        let Layers { spelling, steps, .. } = &self.layers;
        let spelled = spelling.as_ref().map(|spelling| {
            let mut vectors = vec![];
            spelling.forward(backend, weights, &batch.spelled, &mut workspace.spelling, &mut vectors);
            backend.frames(spelling.size(), &vectors)
        });
        workspace.ids = self.kept(backend, batch, dropout);
        let read = read(batch, &workspace.ids, dropout);
        let backbone = &mut workspace.steps.backbone;
        steps.backbone.forward(backend, weights, read, spelled.as_ref(), state, backbone);
        steps.outputs(backend, weights, &mut workspace.steps)
    }

    /// The ids of a batch, `[T, B]`, after word dropout.
    fn kept<B: Backend>(&self, backend: &B, batch: &TaggerBatch, dropout: Option<DropoutMask>) -> Vec<u32> {
        let mut ids = batch.ids.values.clone();
        let word_dropout = DropoutRate { rate: self.sizes.word_dropout, locked: false };
        if let Some(mask) = dropout.and_then(|mask| mask.on(word_dropout, WORDS, batch.rows())) {
            let mut kept = backend.frames(1, &vec![B::Real::of(1.0); ids.len()]);
            backend.dropout_in_place(&mask, &mut kept);
            let kept = backend.read_frames(backend.view(&kept));
            ids.iter_mut()
                .zip(kept)
                .filter(|(_, kept)| *kept == B::Real::of(0.0))
                .for_each(|(id, _)| *id = 0);
        }
        ids
    }
}

/// The input of a pass over a batch, with `ids` after word dropout.
fn read<'a>(batch: &'a TaggerBatch, ids: &'a [u32], dropout: Option<DropoutMask>) -> PassInput<'a> {
    PassInput { frames: &batch.frames.values, ..PassInput::of_ids(ids, Some(batch.lengths()), dropout) }
}

impl Network for Tagger {
    type Batch = TaggerBatch;
    type Workspace<B: Backend> = TaggerWorkspace<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn summary(&self) -> String {
        let input = self.sizes.input.summary();
        let spelling = self.sizes.spelling.map_or(String::new(), |s| {
            format!(" and {} for the spelling, in {} characters", 2 * s.hidden_size, s.vocab_size)
        });
        let crf = if self.sizes.crf { ", conditional random field" } else { "" };
        format!("{}, {input}{spelling}{crf}", self.sizes.recurrent.summary())
    }

    fn train<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        part: &mut Part<Self, B>,
        step: TrainStep,
        grads: &mut B::Buffer,
    ) -> Score {
        let (Part { batch, workspace, .. }, dropout) = (part, Some(step.dropout));
        self.emissions(backend, weights, batch, dropout, workspace);
        let score = self.loss(backend, weights, batch, step.scale, &mut workspace.steps, grads);
        let Layers { spelling, steps, .. } = &self.layers;
        let read = read(batch, &workspace.ids, dropout);
        let d_spelled = steps.backward(backend, weights, read, &mut workspace.steps, grads);
        if let Some(spelling) = spelling {
            let workspace = &mut workspace.spelling;
            spelling.backward(backend, weights, &batch.spelled, workspace, &d_spelled, grads);
        }
        score
    }

    /// Without the layers over characters, which have other time steps.
    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>> {
        self.layers.steps.backbone.tapes("", &workspace.steps.backbone)
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, workspace, .. } = part;
        let emissions = self.emissions(backend, weights, batch, None, workspace);
        let crf_params = self.crf_params(backend, weights);
        let mut score = Score::default();
        for row in 0..batch.rows() {
            score +=
                self.score(&crf_params, &self.row(emissions, batch.lengths(), row), &batch.labels.row(row));
        }
        score
    }
}
