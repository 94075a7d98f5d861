//! The forecaster: many-to-many. It reads frames and says after each, or after the last ones, what comes next.
//!
//! frames `[T, B, I]` -> recurrent layers -> linear -> keys that sound, or a distribution of numbers -> negative
//! log-likelihood.

use std::ops::Range;

use refrain_kernels::{Backend, LinearSpec, Loss, Real, State};
use serde::{Deserialize, Serialize};

use super::architecture::{MAX_SIZE, within};
use super::input::{Input, InputKind, InputWorkspace, Read};
use super::network::{Network, Part, Tapes, TrainStep, Weights};
use super::recurrent::RecurrentLayers;
use crate::data::{Batch, Padded};
use crate::layer::{
    DropoutMask, DropoutRate, FrameBack, Score, Stack, StackBack, StackWorkspace, bernoulli_nll,
    gaussian_frame_nll, pinball_loss, push_bias, push_linear,
};
use crate::params::{Init, Layout};
use crate::{Error, Result};

/// What is said of a frame to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FrameOutput {
    /// Of each key how probable it is to sound, as a logit. A frame's loss is the sum over its keys.
    Bernoulli {
        /// `K`.
        keys: usize,
    },
    /// Of each number its mean, and behind all of those the logarithm of each standard deviation. A frame's loss is
    /// the mean over its numbers, as it is below.
    Gaussian {
        /// `V`.
        values: usize,
    },
    /// Of each number its quantiles.
    Quantiles {
        /// `V`.
        values: usize,
        /// `[Q]`, rising, between 0 and 1.
        levels: Vec<f64>,
    },
}

impl FrameOutput {
    /// Numbers of a target.
    pub fn values(&self) -> usize {
        match *self {
            FrameOutput::Bernoulli { keys } => keys,
            FrameOutput::Gaussian { values } | FrameOutput::Quantiles { values, .. } => values,
        }
    }

    /// `O`: numbers that describe them.
    pub fn size(&self) -> usize {
        match self {
            FrameOutput::Bernoulli { keys } => *keys,
            FrameOutput::Gaussian { values } => 2 * values,
            FrameOutput::Quantiles { values, levels } => values * levels.len(),
        }
    }

    /// The loss of a frame whose `outputs`, `[O]`, meet `targets`, `[V]`.
    fn loss<R: Real>(&self, outputs: &[R], targets: &[f32], back: Option<FrameBack<'_, R>>) -> f64 {
        match self {
            FrameOutput::Bernoulli { .. } => bernoulli_nll(outputs, targets, back),
            FrameOutput::Gaussian { .. } => gaussian_frame_nll(outputs, targets, back),
            FrameOutput::Quantiles { levels, .. } => pinball_loss(outputs, targets, levels, back),
        }
    }

    fn validate(&self) -> Result<()> {
        within("number of values to predict", self.values(), 1, MAX_SIZE)?;
        if let FrameOutput::Quantiles { levels, .. } = self {
            within("number of quantiles", levels.len(), 1, 99)?;
            let rising = levels.is_sorted_by(|a, b| a < b);
            if !rising || !levels.iter().all(|level| (0.0..1.0).contains(level) && *level > 0.0) {
                return Err(Error::Config(format!(
                    "the quantiles {levels:?} are not rising shares between 0 and 1: give them as 0.1,0.5,0.9"
                )));
            }
        }
        Ok(())
    }
}

/// What makes a forecaster what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecasterSizes {
    /// `I`, numbers of a frame that is read.
    pub input_size: usize,
    /// Its recurrent layers.
    pub recurrent: RecurrentLayers,
    /// What it says of frames to come.
    pub output: FrameOutput,
}

/// Sequences of frames, and what comes after their steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecasterBatch {
    /// `[T, B, I]`.
    pub inputs: Padded<f32>,
    /// Of each row what comes after its last steps, as many as there are targets: after all, or after the last alone.
    pub targets: Padded<f32>,
}

/// The layers and their places in the arena.
#[derive(Clone, Debug)]
pub struct Forecaster {
    sizes: ForecasterSizes,
    layout: Layout,
    input: Input,
    stack: Stack,
    output: LinearSpec,
}

/// What a pass leaves behind.
pub struct ForecasterWorkspace<B: Backend> {
    input: InputWorkspace<B>,
    stack: StackWorkspace<B>,
    scratch: B::Scratch,
    outputs: Vec<B::Real>,
    d_outputs: Vec<B::Real>,
}

impl Forecaster {
    /// Lays out a model.
    ///
    /// # Errors
    /// If a size is out of bounds.
    pub fn new(sizes: &ForecasterSizes) -> Result<Self> {
        InputKind::Frames { size: sizes.input_size }.validate()?;
        sizes.recurrent.validate()?;
        sizes.output.validate()?;
        let mut layout = Layout::default();
        let keys = matches!(sizes.output, FrameOutput::Bernoulli { .. });
        // Keys are dropped like symbols; measured numbers are not.
        let dropout = if keys { sizes.recurrent.dropout() } else { DropoutRate::default() };
        let input = Input::of_frames(sizes.input_size, dropout);
        let mut stack = Stack::new(&mut layout, "rnn", sizes.recurrent.over(input.spec(), true));
        let (width, size) = (sizes.recurrent.output_size(), sizes.output.size());
        let mut output = push_linear(&mut layout, "output", width, size);
        stack.push_biases(&mut layout, "rnn");
        if keys {
            // Chords change at every step: a cell that starts by holding on to them learns slower.
            let init = Init::Uniform(1.0 / (sizes.recurrent.hidden_size as f32).sqrt());
            stack.specs().iter().filter_map(|spec| spec.bias).for_each(|(ih, _)| layout.start(ih, init));
        }
        push_bias(&mut layout, "output", &mut output);
        Ok(Self { sizes: sizes.clone(), layout, input, stack, output })
    }

    /// Its sizes and kinds.
    pub fn sizes(&self) -> &ForecasterSizes {
        &self.sizes
    }

    /// The state of `rows` sequences that begin.
    pub fn start<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.stack.zero_state::<B>(rows)
    }

    /// The outputs `[T, B, O]` after every step of `inputs`, which go on from `state`; it becomes the one after them.
    pub fn outputs<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        inputs: &Padded<f32>,
        dropout: Option<DropoutMask>,
        state: &mut [State<B::Real>],
        pass: &'p mut ForecasterWorkspace<B>,
    ) -> &'p [B::Real] {
        let read = read(inputs, dropout);
        self.input.forward(backend, &weights.params, read, None, &mut pass.input);
        self.stack.forward(backend, weights.recurrent(), &read.above(&pass.input), state, &mut pass.stack);
        let output = pass.stack.output(backend);
        backend.linear_outputs(&weights.linears[0], output, &mut pass.outputs, &mut pass.scratch);
        &pass.outputs
    }

    /// The loss of `outputs`, and its gradient in `d_outputs` where a `scale` is given.
    fn loss<R: Real>(
        &self,
        outputs: &[R],
        batch: &ForecasterBatch,
        scale: Option<f64>,
        d_outputs: &mut Vec<R>,
    ) -> Score {
        let (size, values) = (self.sizes.output.size(), self.sizes.output.values());
        d_outputs.clear();
        d_outputs.resize(if scale.is_some() { outputs.len() } else { 0 }, R::zero());
        let mut loss = Loss::default();
        for (at, target) in batch.judged() {
            let (outputs, targets) =
                (&outputs[at * size..][..size], &batch.targets.values[target * values..][..values]);
            let back = scale.map(|scale| FrameBack { scale, d_outputs: &mut d_outputs[at * size..][..size] });
            loss.add(Loss { nats: self.sizes.output.loss(outputs, targets, back), count: 1 });
        }
        loss.into()
    }
}

fn read(inputs: &Padded<f32>, dropout: Option<DropoutMask>) -> Read<'_> {
    Read { ids: &[], frames: &inputs.values, rows: inputs.rows(), lengths: Some(&inputs.lengths), dropout }
}

impl ForecasterBatch {
    /// Where in the inputs and where in the targets each target stands, as `step * B + row`.
    pub fn judged(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.rows();
        (0..self.targets.steps).flat_map(move |step| {
            (0..rows).filter(move |&row| step < self.targets.lengths[row]).map(move |row| {
                let before = self.inputs.lengths[row] - self.targets.lengths[row];
                ((before + step) * rows + row, step * rows + row)
            })
        })
    }
}

impl Batch for ForecasterBatch {
    fn rows(&self) -> usize {
        self.inputs.rows()
    }

    fn count(&self) -> usize {
        self.targets.positions()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        self.inputs.take(&whole.inputs, rows.clone());
        self.targets.take(&whole.targets, rows);
    }
}

impl Network for Forecaster {
    type Batch = ForecasterBatch;
    type Workspace<B: Backend> = ForecasterWorkspace<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn stacks(&self) -> Vec<&Stack> {
        vec![&self.stack]
    }

    fn linears(&self) -> Vec<LinearSpec> {
        vec![self.output]
    }

    fn summary(&self) -> String {
        let ForecasterSizes { input_size, recurrent, output } = &self.sizes;
        let output = match output {
            FrameOutput::Bernoulli { keys } => format!("{keys} keys"),
            FrameOutput::Gaussian { values: 1 } => "a normal distribution".to_owned(),
            FrameOutput::Gaussian { values } => format!("{values} normal distributions"),
            FrameOutput::Quantiles { values, levels } => format!("{} quantiles of {values}", levels.len()),
        };
        format!("{}, frames of {input_size}, {output}", recurrent.summary())
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
        let mut state = self.start::<B>(batch.rows());
        self.outputs(backend, weights, &batch.inputs, dropout, &mut state, pass);
        let score = self.loss(&pass.outputs, batch, Some(step.scale), &mut pass.d_outputs);
        let d_outputs = backend.d_frames(self.sizes.output.size(), &pass.d_outputs);
        let mut d_output = std::mem::take(&mut pass.stack.d_output);
        let (output, d_outputs) = (pass.stack.output(backend), backend.view(&d_outputs));
        let scratch = &mut pass.scratch;
        backend.linear_backward(&weights.linears[0], output, d_outputs, Some(&mut d_output), grads, scratch);
        pass.stack.d_output = d_output;
        let x = read(&batch.inputs, dropout).above(&pass.input);
        let back = StackBack::new(&weights.params, grads);
        self.stack.backward(backend, &weights.layers, &x, &mut pass.stack, back);
        score
    }

    fn tapes<'p, B: Backend>(&self, pass: &'p Self::Workspace<B>) -> Vec<Tapes<'p, B>> {
        vec![Tapes { name: "", first: 0, tapes: pass.stack.tapes() }]
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, pass, .. } = part;
        let mut state = self.start::<B>(batch.rows());
        self.outputs(backend, weights, &batch.inputs, None, &mut state, pass);
        self.loss(&pass.outputs, batch, None, &mut pass.d_outputs)
    }
}

impl<B: Backend> Default for ForecasterWorkspace<B> {
    fn default() -> Self {
        Self {
            input: InputWorkspace::default(),
            stack: StackWorkspace::default(),
            scratch: B::Scratch::default(),
            outputs: vec![],
            d_outputs: vec![],
        }
    }
}
