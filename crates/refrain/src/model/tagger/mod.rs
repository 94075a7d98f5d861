//! The tagger: many-to-many, aligned. It reads a sequence and gives each of its steps a label.
//!
//! words `[T, B]` -> embedding, joined with their spelling (or frames `[T, B, I]`) -> recurrent layers -> linear -> softmax
//! cross-entropy at every step, or a conditional random field over the sequence.

mod batch;
mod labels;
mod sizes;

use std::ops::Range;

use refrain_kernels::{Backend, LinearSpec, Real, State};

pub use batch::TaggerBatch;
pub use sizes::{SpellingSizes, TaggerSizes};

use super::input::{INPUT, Input, InputWorkspace, Read};
use super::network::{Network, Part, Tapes, TrainStep, Weights};
use crate::Result;
use crate::data::Batch;
use crate::layer::{
    Crf, DropoutMask, DropoutRate, Score, Spelling, SpellingWorkspace, Stack, StackBack, StackWorkspace,
    push_bias, push_linear,
};
use crate::params::{Init, Layout};

/// The layers and their places in the arena.
#[derive(Clone, Debug)]
pub struct Tagger {
    sizes: TaggerSizes,
    layout: Layout,
    input: Input,
    spelling: Option<Spelling>,
    stack: Stack,
    output: LinearSpec,
    crf: Option<Range<usize>>,
}

/// What a pass leaves behind.
pub struct TaggerWorkspace<B: Backend> {
    spelling: SpellingWorkspace<B>,
    input: InputWorkspace<B>,
    stack: StackWorkspace<B>,
    scratch: B::Scratch,
    /// Ids after word dropout.
    ids: Vec<u32>,
    emissions: Vec<B::Real>,
    d_emissions: Vec<B::Real>,
}

/// Where the words are in the order of dropout masks.
const WORDS: u64 = INPUT + 1;

impl Tagger {
    /// Lays out a model.
    ///
    /// # Errors
    /// If a size is out of bounds.
    pub fn new(sizes: &TaggerSizes) -> Result<Self> {
        sizes.validate()?;
        let (mut layout, recurrent) = (Layout::default(), &sizes.recurrent);
        let input =
            Input::new(&mut layout, "embedding", sizes.input, recurrent.dropout()).labelled(&mut layout);
        let mut spelling = sizes.spelling.map(|s| {
            let sizes = [s.vocab_size, s.embedding_size, s.hidden_size];
            Spelling::new(&mut layout, "chars", recurrent.cell(), sizes)
        });
        let input = input.with_beside(spelling.as_ref().map_or(0, Spelling::size));
        let mut stack = Stack::new(&mut layout, "rnn", recurrent.over(input.spec(), true));
        let labels = sizes.labels;
        let mut output = push_linear(&mut layout, "output", recurrent.output_size(), labels);
        if let Some(spelling) = &mut spelling {
            spelling.push_biases(&mut layout, "chars");
        }
        stack.push_biases(&mut layout, "rnn");
        push_bias(&mut layout, "output", &mut output);
        // As pytorch-crf has them, and in the order in which [`Crf`] reads them.
        let crf = sizes.crf.then(|| {
            let small = Init::Uniform(0.1);
            let start = layout.push("crf.start_transitions", &[labels], small);
            layout.push("crf.end_transitions", &[labels], small);
            layout.push("crf.transitions", &[labels, labels], small);
            start..start + Crf::<f32>::len(labels)
        });
        Ok(Self { sizes: sizes.clone(), layout, input, spelling, stack, output, crf })
    }

    /// Its sizes and kinds.
    pub fn sizes(&self) -> &TaggerSizes {
        &self.sizes
    }

    /// The state of `rows` sequences that begin, of the layers over the steps of a sequence.
    pub fn zero_state<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.stack.zero_state::<B>(rows)
    }

    /// The layers that [`Tagger::zero_state`] is of.
    pub(crate) fn stack(&self) -> &Stack {
        &self.stack
    }

    /// How well each label fits each step, `[T, B, K]`: logits, or what the field adds its own scores to.
    pub fn emissions<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &TaggerBatch,
        dropout: Option<DropoutMask>,
        pass: &'p mut TaggerWorkspace<B>,
    ) -> &'p [B::Real] {
        let mut state = self.zero_state::<B>(batch.rows());
        self.emissions_from(backend, weights, batch, dropout, &mut state, pass)
    }

    /// The same for sequences that go on from `state`, which becomes the one after the batch.
    pub fn emissions_from<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &TaggerBatch,
        dropout: Option<DropoutMask>,
        state: &mut [State<B::Real>],
        pass: &'p mut TaggerWorkspace<B>,
    ) -> &'p [B::Real] {
        self.read(backend, weights, batch, dropout, pass);
        let x = read(batch, &pass.ids, dropout).above(&pass.input);
        let layers = (self.layers(weights), &weights.params);
        self.stack.forward(backend, layers, &x, state, &mut pass.stack);
        let output = pass.stack.output(backend);
        backend.linear_outputs(&weights.linears[0], output, &mut pass.emissions, &mut pass.scratch);
        &pass.emissions
    }

    /// What the recurrent layers read, into `pass.input`.
    fn read<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &TaggerBatch,
        dropout: Option<DropoutMask>,
        pass: &mut TaggerWorkspace<B>,
    ) {
        let TaggerWorkspace { ids, input, .. } = pass;
        ids.clone_from(&batch.ids.values);
        let word_dropout = DropoutRate { rate: self.sizes.word_dropout, locked: false };
        if let Some(mask) = dropout.and_then(|mask| mask.on(word_dropout, WORDS, batch.rows())) {
            let mut kept = backend.frames(1, &vec![B::Real::of(1.0); ids.len()]);
            backend.dropout_in_place(&mask, &mut kept);
            let kept = backend.read_frames(backend.view(&kept));
            ids.iter_mut()
                .zip(kept)
                .for_each(|(id, kept)| *id = if kept > B::Real::of(0.0) { *id } else { 0 });
        }
        let spelled = self.spelling.as_ref().map(|spelling| {
            let mut vectors = vec![];
            spelling.forward(backend, weights.recurrent(), &batch.spelled, &mut pass.spelling, &mut vectors);
            backend.frames(spelling.size(), &vectors)
        });
        self.input.forward(backend, &weights.params, read(batch, ids, dropout), spelled.as_ref(), input);
    }

    /// The layers over the sequence, which stand behind those over characters.
    fn layers<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Recurrent] {
        let before = self.spelling.as_ref().map_or(0, |spelling| spelling.stack().specs().len());
        &weights.layers[before..]
    }
}

/// What is read in a pass over a batch: `ids` are its words, as training may have replaced some.
fn read<'a>(batch: &'a TaggerBatch, ids: &'a [u32], dropout: Option<DropoutMask>) -> Read<'a> {
    Read { frames: &batch.frames.values, ..Read::of_ids(ids, Some(batch.lengths()), dropout) }
}

impl Network for Tagger {
    type Batch = TaggerBatch;
    type Workspace<B: Backend> = TaggerWorkspace<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn stacks(&self) -> Vec<&Stack> {
        self.spelling.iter().map(Spelling::stack).chain([&self.stack]).collect()
    }

    fn linears(&self) -> Vec<LinearSpec> {
        vec![self.output]
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
        let (Part { batch, pass, .. }, dropout) = (part, Some(step.dropout));
        self.emissions(backend, weights, batch, dropout, pass);
        let score = self.loss(backend, weights, batch, step.scale, pass, grads);
        let d_emissions = backend.d_frames(self.sizes.labels, &pass.d_emissions);
        let mut d_output = std::mem::take(&mut pass.stack.d_output);
        backend.linear_backward(
            &weights.linears[0],
            pass.stack.output(backend),
            backend.view(&d_emissions),
            Some(&mut d_output),
            grads,
            &mut pass.scratch,
        );
        pass.stack.d_output = d_output;
        let read = read(batch, &pass.ids, dropout);
        let back = StackBack { d_input: self.input.learns(), ..StackBack::new(&weights.params, grads) };
        self.stack.backward(backend, self.layers(weights), &read.above(&pass.input), &mut pass.stack, back);
        let d_spelled = self.input.backward(backend, read, &mut pass.stack.d_output, grads);
        if let Some(spelling) = &self.spelling {
            let arenas = (&weights.params, &mut *grads);
            let layers = &weights.layers;
            spelling.backward(backend, layers, &batch.spelled, &mut pass.spelling, &d_spelled, arenas);
        }
        score
    }

    fn tapes<'p, B: Backend>(&self, pass: &'p Self::Workspace<B>) -> Vec<Tapes<'p, B>> {
        // Those over characters have another time.
        let first = self.spelling.as_ref().map_or(0, |spelling| spelling.stack().specs().len());
        vec![Tapes { name: "", first, tapes: pass.stack.tapes() }]
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, pass, .. } = part;
        let emissions = self.emissions(backend, weights, batch, None, pass);
        let field = self.field(backend, weights);
        let mut score = Score::default();
        for row in 0..batch.rows() {
            score += self.score(&field, &self.row(emissions, batch.lengths(), row), &batch.labels.row(row));
        }
        score
    }
}

impl<B: Backend> Default for TaggerWorkspace<B> {
    fn default() -> Self {
        Self {
            spelling: SpellingWorkspace::default(),
            input: InputWorkspace::default(),
            stack: StackWorkspace::default(),
            scratch: B::Scratch::default(),
            ids: vec![],
            emissions: vec![],
            d_emissions: vec![],
        }
    }
}
