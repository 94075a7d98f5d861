//! The forecaster: many-to-many. It reads frames and predicts the next one after each, or after the last ones.
//!
//! frames `[T, B, I]` -> recurrent layers -> linear -> logits of keys, or parameters of a distribution -> negative
//! log-likelihood.

use std::ops::Range;

use refrain_kernels::{Backend, Loss, Real, State};
use serde::{Deserialize, Serialize};

use super::input::{Input, InputKind, PassInput};
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

/// The prediction of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FrameOutput {
    /// A logit per key. A frame's loss is the sum over its keys.
    Bernoulli {
        /// `K`.
        keys: usize,
    },
    /// The means of all values, then the logarithms of their standard deviations. A frame's loss is the mean over its
    /// values.
    Gaussian {
        /// `V`.
        values: usize,
    },
    /// The quantiles of each value. A frame's loss is the mean over its values.
    Quantiles {
        /// `V`.
        values: usize,
        /// `[Q]`, increasing, between 0 and 1.
        levels: Vec<f64>,
    },
}

impl FrameOutput {
    /// Values per target.
    pub fn values(&self) -> usize {
        match *self {
            FrameOutput::Bernoulli { keys } => keys,
            FrameOutput::Gaussian { values } | FrameOutput::Quantiles { values, .. } => values,
        }
    }

    /// `O`: outputs per frame.
    pub fn size(&self) -> usize {
        match self {
            FrameOutput::Bernoulli { keys } => *keys,
            FrameOutput::Gaussian { values } => 2 * values,
            FrameOutput::Quantiles { values, levels } => values * levels.len(),
        }
    }

    /// The loss of a frame with `outputs`, `[O]`, and `targets`, `[V]`.
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
            let increasing = levels.is_sorted_by(|a, b| a < b);
            if !increasing || !levels.iter().all(|level| (0.0..1.0).contains(level) && *level > 0.0) {
                let allowed = "increasing numbers between 0 and 1, for example 0.1,0.5,0.9";
                return Err(Error::out_of_range("quantiles", format!("{levels:?}"), allowed));
            }
        }
        Ok(())
    }
}

/// The sizes of a forecaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecasterSizes {
    /// `I`, values per input frame.
    pub input_size: usize,
    /// Its recurrent layers.
    pub recurrent: RecurrentLayers,
    /// Its predictions.
    pub output: FrameOutput,
}

/// Sequences of frames, and the frames to predict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecasterBatch {
    /// `[T, B, I]`.
    pub inputs: Padded<f32>,
    /// The targets of each row's last time steps: of all steps, or of fewer.
    pub targets: Padded<f32>,
}

/// A forecaster's layers and their places in the arena.
pub type Forecaster = SizedNetwork<ForecasterSizes>;

/// Buffers of the forward and backward pass.
pub type ForecasterWorkspace<B> = StepwiseWorkspace<B>;

impl ForecasterSizes {
    /// One LSTM layer of 128 units.
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
        // Dropout on keys, as on tokens, but not on measured values.
        let dropout = if keys { recurrent.dropout() } else { DropoutRate::default() };
        let input = Input::of_frames(*input_size, dropout);
        // Chords change at every time step: an open forget gate at the start slows training.
        let stack = StackSizes { open_forget_gate: !keys, ..recurrent.over(input.spec(), true) };
        let stack = Stack::new(layout, "rnn", stack);
        let output = Linear::new(layout, "output", recurrent.output_size(), output.size());
        Ok(Stepwise { backbone: Backbone { input, stack }, output })
    }
}

impl Forecaster {
    /// The initial state of `rows` sequences.
    pub fn start<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.layers.backbone.stack.zero_state::<B>(rows)
    }

    /// The outputs `[T, B, O]` after every time step of `inputs`, from `state`, which is updated.
    pub fn outputs<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        inputs: &Padded<f32>,
        dropout: Option<DropoutMask>,
        state: &mut [State<B::Real>],
        workspace: &'w mut ForecasterWorkspace<B>,
    ) -> &'w [B::Real] {
        self.layers.forward(backend, weights, PassInput::of_frames(inputs, dropout), state, workspace);
        self.layers.outputs(backend, weights, workspace)
    }

    /// The loss of `outputs`, and its gradient in `d_outputs` if there is a `scale`.
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
        for (at, target) in batch.target_positions() {
            let (outputs, targets) =
                (&outputs[at * size..][..size], &batch.targets.values[target * values..][..values]);
            let back = scale.map(|scale| FrameBack { scale, d_outputs: &mut d_outputs[at * size..][..size] });
            loss.add(Loss { nats: self.sizes.output.loss(outputs, targets, back), count: 1 });
        }
        loss.into()
    }
}

impl ForecasterBatch {
    /// The positions of each target in the inputs and in the targets, as `step * B + row`.
    pub fn target_positions(&self) -> impl Iterator<Item = (usize, usize)> {
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
        let read = PassInput::of_frames(&batch.inputs, dropout);
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
