//! The forecaster: many-to-many. It reads frames and says after each, or after the last ones, what comes next.
//!
//! frames `[T, B, I]` -> recurrent layers -> linear -> keys that sound, or a distribution of numbers -> negative
//! log-likelihood.

use std::ops::Range;

use refrain_kernels::{Backend, Loss, Real, State};
use serde::{Deserialize, Serialize};

use super::input::{Input, InputKind, Read};
use super::network::{Network, NetworkSizes, Part, SizedNetwork, Tapes, TrainStep};
use super::recurrent::{MAX_SIZE, RecurrentLayers};
use super::stepwise::{Backbone, Stepwise, StepwiseWorkspace};
use crate::data::{Batch, Padded};
use crate::error::within;
use crate::layer::{
    DropoutMask, DropoutRate, FrameBack, Linear, Score, Stack, StackSizes, bernoulli_nll, gaussian_frame_nll,
    pinball_loss,
};
use crate::params::{Layout, LayoutBuilder, Weights};
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
        within("output_size", self.values(), 1, MAX_SIZE)?;
        if let FrameOutput::Quantiles { levels, .. } = self {
            within("quantiles", levels.len(), 1, 99)?;
            let rising = levels.is_sorted_by(|a, b| a < b);
            if !rising || !levels.iter().all(|level| (0.0..1.0).contains(level) && *level > 0.0) {
                let allowed = "rising shares between 0 and 1, as 0.1,0.5,0.9";
                return Err(Error::out_of_range("quantiles", format!("{levels:?}"), allowed));
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

/// A forecaster's layers and their places in the arena.
pub type Forecaster = SizedNetwork<ForecasterSizes>;

/// What a pass leaves behind.
pub type ForecasterWorkspace<B> = StepwiseWorkspace<B>;

impl ForecasterSizes {
    /// One LSTM layer of 128 units that says this of the frames to come.
    pub fn new(input_size: usize, output: FrameOutput) -> Self {
        Self { input_size, recurrent: RecurrentLayers::default(), output }
    }
}

impl NetworkSizes for ForecasterSizes {
    type Layers = Stepwise;

    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Stepwise> {
        let ForecasterSizes { input_size, recurrent, output } = self;
        InputKind::Frames { size: *input_size }.validate()?;
        recurrent.layers.validate()?;
        output.validate()?;
        let keys = matches!(output, FrameOutput::Bernoulli { .. });
        // Keys are dropped like symbols; measured numbers are not.
        let dropout = if keys { recurrent.dropout() } else { DropoutRate::default() };
        let input = Input::of_frames(*input_size, dropout);
        // Chords change at every step: a cell that starts by holding on to them learns slower.
        let stack = StackSizes { open_forget_gate: !keys, ..recurrent.over(input.spec(), true) };
        let stack = Stack::new(layout, "rnn", stack);
        let output = Linear::new(layout, "output", recurrent.output_size(), output.size());
        Ok(Stepwise { backbone: Backbone { input, stack }, output })
    }
}

impl Forecaster {
    /// The state of `rows` sequences that begin.
    pub fn start<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.layers.backbone.stack.zero_state::<B>(rows)
    }

    /// The outputs `[T, B, O]` after every step of `inputs`, which go on from `state`; it becomes the one after them.
    pub fn outputs<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        inputs: &Padded<f32>,
        dropout: Option<DropoutMask>,
        state: &mut [State<B::Real>],
        workspace: &'w mut ForecasterWorkspace<B>,
    ) -> &'w [B::Real] {
        self.layers.forward(backend, weights, Read::of_frames(inputs, dropout), state, workspace);
        self.layers.outputs(backend, weights, workspace)
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

impl ForecasterBatch {
    /// Where in the inputs and where in the targets each target stands, as `step * B + row`.
    pub fn judged(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.rows();
        self.targets.filled().map(move |at| {
            let before = self.inputs.lengths[at % rows] - self.targets.lengths[at % rows];
            (before * rows + at, at)
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
        let Part { batch, workspace, .. } = part;
        let dropout = Some(step.dropout);
        let mut state = self.start::<B>(batch.rows());
        self.outputs(backend, weights, &batch.inputs, dropout, &mut state, workspace);
        let score = self.loss(&workspace.outputs, batch, Some(step.scale), &mut workspace.d_outputs);
        let read = Read::of_frames(&batch.inputs, dropout);
        self.layers.backward(backend, weights, read, workspace, grads);
        score
    }

    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>> {
        self.layers.backbone.tapes("", &workspace.backbone)
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, workspace, .. } = part;
        let mut state = self.start::<B>(batch.rows());
        self.outputs(backend, weights, &batch.inputs, None, &mut state, workspace);
        self.loss(&workspace.outputs, batch, None, &mut workspace.d_outputs)
    }
}
