//! The captioner: one-to-many. It reads a vector or a picture and writes a text about it.
//!
//! picture `[B, height, width, 3]` -> convolutions; or vector `[B, F]` -> linear, ReLU: the code `[B, C]` -> linear, tanh: the first
//! states of the decoder. Its ids `[T, B]` -> embedding -> recurrent layers -> readout -> softmax cross-entropy against the next ids.

use std::ops::Range;

use refrain_kernels::{Backend, CrossEntropy, InputSpec, LinearSpec, Real, State};
use serde::{Deserialize, Serialize};

use super::architecture::{MAX_SIZE, MAX_VOCABULARY, within};
use super::network::{Network, Part, TrainStep, Weights};
use super::recurrent::RecurrentLayers;
use crate::data::{Batch, Rows};
use crate::layer::{
    Convolution, ConvolutionPass, DropoutMask, Score, Source, Stack, StackBack, StackInput, StackPass,
};
use crate::params::{Init, Layout};
use crate::{Error, Result};

/// What makes a captioner what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptionerSizes {
    /// What it reads.
    pub input: CaptionerInput,
    /// `C`.
    pub code_size: usize,
    /// The decoder's recurrent layers, which run forwards.
    pub recurrent: RecurrentLayers,
    /// `V`.
    pub vocab_size: usize,
    /// `E`.
    pub embedding_size: usize,
}

/// What a captioner reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CaptionerInput {
    /// So many numbers.
    Vector {
        /// `F`.
        size: usize,
    },
    /// A picture of three colours, through convolutions that each halve its sides.
    Picture {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Channels that each convolution gives, lowest first.
        channels: Vec<usize>,
    },
}

impl CaptionerInput {
    /// Numbers of an input, `F`.
    pub fn size(&self) -> usize {
        match *self {
            CaptionerInput::Vector { size } => size,
            CaptionerInput::Picture { width, height, .. } => width * height * COLOURS,
        }
    }

    /// Checks that every size is one that a model can have.
    fn validate(&self) -> Result<()> {
        match self {
            CaptionerInput::Vector { size } => within("number of values", *size, 1, MAX_SIZE),
            CaptionerInput::Picture { width, height, channels } => {
                for side in [*width, *height] {
                    within("side of the pictures", side, 1, MAX_SIDE)?;
                    if side >> channels.len().min(MAX_LAYERS) == 0 {
                        return Err(Error::Config(format!(
                            "a picture of {width} x {height} pixels is too small for {} convolutions, each of which halves it: make it larger",
                            channels.len()
                        )));
                    }
                }
                channels.iter().try_for_each(|&channels| within("number of channels", channels, 1, MAX_SIZE))
            }
        }
    }
}

/// Inputs with a text each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptionerBatch {
    /// `[B, F]`.
    pub inputs: Vec<f32>,
    /// `F`.
    pub size: usize,
    /// The texts: the start symbol and all ids but the end are inputs, all ids and the end symbol are targets.
    pub texts: Batch,
}

/// The layers and their places in the arena.
#[derive(Clone, Debug)]
pub struct Captioner {
    sizes: CaptionerSizes,
    layout: Layout,
    convolutions: Vec<Convolution>,
    code: LinearSpec,
    /// From the code to the first states: of each layer `h`, and `c` of an LSTM.
    first: LinearSpec,
    stack: Stack,
    readout: LinearSpec,
}

/// What a pass leaves behind.
pub struct CaptionerPass<B: Backend> {
    convolutions: Vec<ConvolutionPass<B>>,
    /// What the code is made of.
    features: B::Frames,
    d_features: B::Frames,
    /// After ReLU, `[B, C]`.
    code: Vec<B::Real>,
    /// The same after dropout.
    code_frames: B::Frames,
    d_code: B::Frames,
    /// All first states side by side, after tanh.
    first: Vec<B::Real>,
    stack: StackPass<B>,
    logits: Vec<B::Real>,
    scratch: B::Scratch,
}

/// Numbers of a pixel.
const COLOURS: usize = 3;
/// Pixels a side, at most.
const MAX_SIDE: usize = 1024;
/// Convolutions, at most: a side is halved as often.
const MAX_LAYERS: usize = 16;
/// Where the code is in the order of dropout masks, behind all layers of a stack.
const CODE: u64 = 1 << 20;

impl Captioner {
    /// Lays out a model.
    ///
    /// # Errors
    /// If a size is out of bounds.
    pub fn new(sizes: &CaptionerSizes) -> Result<Self> {
        let recurrent = &sizes.recurrent;
        sizes.input.validate()?;
        recurrent.validate()?;
        within("code size", sizes.code_size, 1, MAX_SIZE)?;
        within("vocabulary size", sizes.vocab_size, 1, MAX_VOCABULARY)?;
        within("embedding size", sizes.embedding_size, 1, MAX_SIZE)?;
        if recurrent.bidirectional {
            return Err(Error::Config("a text is written forwards: leave out --bidirectional".to_owned()));
        }
        let mut layout = Layout::default();
        let mut convolutions: Vec<Convolution> = vec![];
        if let CaptionerInput::Picture { width, height, channels } = &sizes.input {
            let mut picture = (*width, *height, COLOURS);
            for (number, &channels) in channels.iter().enumerate() {
                let layer = Convolution::new(&mut layout, &convolution(number), picture, channels);
                picture = layer.output();
                convolutions.push(layer);
            }
        }
        let features = convolutions.last().map_or(sizes.input.size(), Convolution::output_size);
        let uniform = |input_size: usize| Init::Uniform(1.0 / (input_size as f32).sqrt());
        let mut linear = |name: &str, input_size: usize, output_size: usize| {
            let weight =
                layout.push(format!("{name}.weight"), &[output_size, input_size], uniform(input_size));
            LinearSpec { input_size, output_size, weight, bias: None }
        };
        let states = recurrent.num_layers * (1 + usize::from(recurrent.cell().has_cell_state()));
        let mut code = linear("code", features, sizes.code_size);
        let mut first = linear("first", sizes.code_size, states * recurrent.hidden_size);
        let mut readout = linear("readout", recurrent.hidden_size, sizes.vocab_size);
        let (vocab_size, size) = (sizes.vocab_size, sizes.embedding_size);
        let embedding = layout.push("embedding.weight", &[vocab_size, size], Init::Normal);
        let input = InputSpec::Embedded { vocab_size, size, embedding };
        let mut stack = Stack::new(&mut layout, "rnn", recurrent.over(input, true));
        for (number, layer) in convolutions.iter_mut().enumerate() {
            layer.push_bias(&mut layout, &convolution(number));
        }
        for (name, linear) in [("code", &mut code), ("first", &mut first), ("readout", &mut readout)] {
            let init = uniform(linear.input_size);
            linear.bias = Some(layout.push(format!("{name}.bias"), &[linear.output_size], init));
        }
        stack.push_biases(&mut layout, "rnn");
        Ok(Self { sizes: sizes.clone(), layout, convolutions, code, first, stack, readout })
    }

    /// Its sizes and kinds.
    pub fn sizes(&self) -> &CaptionerSizes {
        &self.sizes
    }

    /// The decoder's first states, one element a layer, after inputs `[B, F]`.
    pub fn first_states<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        inputs: &[f32],
        dropout: Option<DropoutMask>,
        pass: &mut CaptionerPass<B>,
    ) -> Vec<State<B::Real>> {
        let CaptionerPass { convolutions, scratch, .. } = pass;
        let rows = inputs.len() / self.sizes.input.size();
        let (below, [code, first, _]) = self.linear_weights(weights);
        let inputs: Vec<B::Real> = inputs.iter().map(|&x| B::Real::of(x.into())).collect();
        convolutions.resize_with(self.convolutions.len(), ConvolutionPass::default);
        let mut features = &inputs[..];
        for ((layer, weights), pass) in self.convolutions.iter().zip(below).zip(convolutions) {
            features = layer.forward(backend, weights, features, pass, scratch);
        }
        pass.features = backend.frames(self.code.input_size, features);
        backend.linear_outputs(code, backend.view(&pass.features), &mut pass.code, &mut pass.scratch);
        relu(&mut pass.code);
        pass.code_frames = backend.frames(self.sizes.code_size, &pass.code);
        if let Some(mask) = dropout.and_then(|mask| mask.on(self.sizes.recurrent.dropout(), CODE, rows)) {
            backend.dropout_in_place(&mask, &mut pass.code_frames);
        }
        let code_frames = backend.view(&pass.code_frames);
        backend.linear_outputs(first, code_frames, &mut pass.first, &mut pass.scratch);
        tanh(&mut pass.first);
        let mut states = self.stack.zero_state::<B>(rows);
        let hidden_size = self.sizes.recurrent.hidden_size;
        for (part, values) in parts(&mut states).enumerate() {
            for (values, all) in
                values.chunks_exact_mut(hidden_size).zip(pass.first.chunks_exact(self.first.output_size))
            {
                values.copy_from_slice(&all[part * hidden_size..][..hidden_size]);
            }
        }
        states
    }

    /// The way back from the gradients of the first states.
    fn first_states_backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        d_states: &mut [State<B::Real>],
        dropout: DropoutMask,
        pass: &mut CaptionerPass<B>,
        grads: &mut B::Buffer,
    ) {
        let CaptionerPass { scratch, .. } = pass;
        let (below, [code, first, _]) = self.linear_weights(weights);
        let (hidden_size, width) = (self.sizes.recurrent.hidden_size, self.first.output_size);
        let rows = pass.first.len() / width;
        let mut d_first = vec![B::Real::of(0.0); pass.first.len()];
        for (part, values) in parts(d_states).enumerate() {
            for (d, all) in values.chunks_exact(hidden_size).zip(d_first.chunks_exact_mut(width)) {
                all[part * hidden_size..][..hidden_size].copy_from_slice(d);
            }
        }
        through_tanh(&mut d_first, &pass.first);
        let d_first = backend.d_frames(width, &d_first);
        let (code_frames, d_first) = (backend.view(&pass.code_frames), backend.view(&d_first));
        backend.linear_backward(first, code_frames, d_first, Some(&mut pass.d_code), grads, scratch);
        if let Some(mask) = dropout.on(self.sizes.recurrent.dropout(), CODE, rows) {
            backend.dropout_in_place(&mask, &mut pass.d_code);
        }
        let mut d_code = backend.read_frames(backend.view(&pass.d_code));
        through_relu(&mut d_code, &pass.code);
        let d_code = backend.d_frames(self.sizes.code_size, &d_code);
        let (features, d_code) = (backend.view(&pass.features), backend.view(&d_code));
        let d_features = (!self.convolutions.is_empty()).then_some(&mut pass.d_features);
        backend.linear_backward(code, features, d_code, d_features, grads, scratch);
        if self.convolutions.is_empty() {
            return;
        }
        let mut d_outputs = backend.read_frames(backend.view(&pass.d_features));
        let layers = self.convolutions.iter().zip(below).zip(&mut pass.convolutions).enumerate();
        for (number, ((layer, weights), pass)) in layers.rev() {
            let mut d_inputs = vec![];
            let wanted = (number > 0).then_some(&mut d_inputs);
            layer.backward(backend, weights, &d_outputs, wanted, pass, (grads, scratch));
            d_outputs = d_inputs;
        }
    }

    /// One step of `ids.len()` texts: the logits `[B, V]` of each one's next id.
    pub fn step<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        states: &mut [State<B::Real>],
        pass: &'p mut CaptionerPass<B>,
    ) -> &'p [B::Real] {
        let x = StackInput { source: Source::Ids(ids), rows: ids.len(), lengths: None, dropout: None };
        self.stack.forward(backend, weights.recurrent(), &x, states, &mut pass.stack);
        let (_, [_, _, readout]) = self.linear_weights(weights);
        backend.linear_outputs(readout, pass.stack.output(backend), &mut pass.logits, &mut pass.scratch);
        &pass.logits
    }

    /// The convolutions' weights, and those of the code, the first states and the readout.
    fn linear_weights<'w, B: Backend>(
        &self,
        weights: &'w Weights<B>,
    ) -> (&'w [B::Linear], [&'w B::Linear; 3]) {
        let (below, above) = weights.linears.split_at(self.convolutions.len());
        (below, [&above[0], &above[1], &above[2]])
    }
}

/// The parts of states in the order of the layers, of each `h` before `c`.
fn parts<R>(states: &mut [State<R>]) -> impl Iterator<Item = &mut Vec<R>> {
    let both = states.iter_mut().flat_map(|State { h, c }| [h, c]);
    both.filter(|values| !values.is_empty())
}

fn tanh<R: Real>(values: &mut [R]) {
    values.iter_mut().for_each(|x| *x = x.tanh());
}

/// The way back through tanh, which gave `outputs`.
fn through_tanh<R: Real>(d_outputs: &mut [R], outputs: &[R]) {
    d_outputs.iter_mut().zip(outputs).for_each(|(d, &y)| *d = *d * (R::one() - y * y));
}

fn relu<R: Real>(values: &mut [R]) {
    values.iter_mut().for_each(|x| *x = x.max(R::zero()));
}

/// The way back through ReLU, which gave `outputs`.
fn through_relu<R: Real>(d_outputs: &mut [R], outputs: &[R]) {
    for (d, &y) in d_outputs.iter_mut().zip(outputs) {
        if y <= R::zero() {
            *d = R::zero();
        }
    }
}

fn convolution(number: usize) -> String {
    format!("convolution_{number}")
}

/// A batch's texts as the stack reads them.
fn decoder_input<B: Backend>(texts: &Batch, dropout: Option<DropoutMask>) -> StackInput<'_, B> {
    let source = Source::Ids(&texts.inputs);
    StackInput { source, rows: texts.rows, lengths: texts.lengths.as_deref(), dropout }
}

impl Rows for CaptionerBatch {
    fn rows(&self) -> usize {
        self.texts.rows
    }

    fn count(&self) -> usize {
        self.texts.count()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        self.size = whole.size;
        self.inputs.clear();
        self.inputs.extend_from_slice(&whole.inputs[rows.start * whole.size..rows.end * whole.size]);
        self.texts.take(&whole.texts, rows);
    }
}

impl Network for Captioner {
    type Batch = CaptionerBatch;
    type Pass<B: Backend> = CaptionerPass<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn stacks(&self) -> Vec<&Stack> {
        vec![&self.stack]
    }

    fn linears(&self) -> Vec<LinearSpec> {
        let convolutions = self.convolutions.iter().map(Convolution::linear);
        convolutions.chain([self.code, self.first, self.readout]).collect()
    }

    fn summary(&self) -> String {
        let input = match &self.sizes.input {
            CaptionerInput::Vector { size } => format!("vectors of {size}"),
            CaptionerInput::Picture { width, height, channels } => {
                format!("pictures of {width} x {height}, convolutions to {channels:?} channels")
            }
        };
        let CaptionerSizes { code_size, recurrent, embedding_size, .. } = &self.sizes;
        format!("{input}, code of {code_size}, {}, embedding of {embedding_size}", recurrent.summary())
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
        let dropout = Some(step.dropout);
        let mut states = self.first_states(backend, weights, &batch.inputs, dropout, pass);
        let x = decoder_input(&batch.texts, dropout);
        self.stack.forward(backend, weights.recurrent(), &x, &mut states, &mut pass.stack);
        let (_, [_, _, readout]) = self.linear_weights(weights);
        let mut d_frames = std::mem::take(&mut pass.stack.d_output);
        let output = pass.stack.output(backend);
        let back = CrossEntropy { scale: B::Real::of(step.scale), d_frames: &mut d_frames, grads };
        let loss =
            backend.cross_entropy(readout, output, &batch.texts.targets, Some(back), &mut pass.scratch);
        pass.stack.d_output = d_frames;
        let back = StackBack { d_initial: Some(&mut states[..]), ..StackBack::new(&weights.params, grads) };
        self.stack.backward(backend, &weights.layers, &x, &mut pass.stack, back);
        self.first_states_backward(backend, weights, &mut states, step.dropout, pass, grads);
        loss.into()
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, pass, .. } = part;
        let mut states = self.first_states(backend, weights, &batch.inputs, None, pass);
        let x = decoder_input(&batch.texts, None);
        self.stack.forward(backend, weights.recurrent(), &x, &mut states, &mut pass.stack);
        let (_, [_, _, readout]) = self.linear_weights(weights);
        let output = pass.stack.output(backend);
        backend.cross_entropy(readout, output, &batch.texts.targets, None, &mut pass.scratch).into()
    }
}

impl<B: Backend> Default for CaptionerPass<B> {
    fn default() -> Self {
        let [features, d_features, code_frames, d_code] = std::array::from_fn(|_| B::Frames::default());
        Self {
            convolutions: vec![],
            features,
            d_features,
            code: vec![],
            code_frames,
            d_code,
            first: vec![],
            stack: StackPass::default(),
            logits: vec![],
            scratch: B::Scratch::default(),
        }
    }
}
