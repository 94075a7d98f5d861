//! The captioner: one-to-many, from a vector or an image to a text.
//!
//! image `[B, height, width, 3]` -> convolutions -> linear, layer normalisation, ReLU, or vector `[B, F]` -> linear,
//! ReLU: the code `[B, C]` -> linear, tanh: the decoder's initial state. Its ids `[T, B]` -> embedding -> recurrent
//! layers -> readout -> softmax cross-entropy against the next ids.

mod batch;
mod initial_states;
mod sizes;

use refrain_kernels::{Backend, State};

pub use batch::CaptionerBatch;
pub use initial_states::CaptionerWorkspace;
pub use sizes::{CaptionerInput, CaptionerSizes};

use super::input::{DEFAULT_EMBEDDING_INIT, Input, PassInput};
use super::network::{Network, NetworkSizes, Part, SizedNetwork, Tapes, TrainStep};
use super::stepwise::{Backbone, Stepwise, Targets};
use crate::Result;
use crate::layer::{Convolution, ImageSize, LayerNorm, Linear, Score, Stack, StackBack};
use crate::params::{Layout, LayoutBuilder, Weights};
use sizes::COLOURS;

/// A captioner's layers and their places in the arena.
pub type Captioner = SizedNetwork<CaptionerSizes>;

/// The layers of a captioner.
#[derive(Clone, Debug)]
pub struct Layers {
    convolutions: Vec<Convolution>,
    code: Linear,
    /// For images, before the ReLU: the outputs of convolutions may grow without bound in training and would saturate the
    /// tanh of the initial state.
    norm: Option<LayerNorm>,
    /// From the code to the initial states: `h` of each layer, and `c` of an LSTM.
    first: Linear,
    decoder: Stepwise,
}

impl NetworkSizes for CaptionerSizes {
    type Layers = Layers;

    fn lay_out(&self, layout: &mut LayoutBuilder) -> Result<Layers> {
        self.validate()?;
        let CaptionerSizes { code_size, vocab_size, ref recurrent, .. } = *self;
        let mut convolutions: Vec<Convolution> = vec![];
        if let CaptionerInput::Picture { width, height, ref channels } = self.input {
            let mut picture = ImageSize { width, height, channels: COLOURS };
            for (number, &channels) in channels.iter().enumerate() {
                let layer = Convolution::new(layout, &format!("convolution_{number}"), picture, channels);
                picture = layer.output();
                convolutions.push(layer);
            }
        }
        let features = convolutions.last().map_or(self.input.size(), |layer| layer.output().len());
        let (hidden_size, cell) = (recurrent.layers.hidden_size, recurrent.layers.cell());
        let states = recurrent.layers.num_layers * (1 + usize::from(cell.has_cell_state()));
        let code = Linear::new(layout, "code", features, code_size);
        let first = Linear::new(layout, "first", code_size, states * hidden_size);
        let output = Linear::new(layout, "readout", hidden_size, vocab_size);
        let input =
            Input::table(layout, "embedding", vocab_size, self.embedding_size, DEFAULT_EMBEDDING_INIT);
        let stack = Stack::new(layout, "rnn", recurrent.over(input.spec(), true));
        let norm = (!convolutions.is_empty()).then(|| LayerNorm::new(layout, "code_norm", code_size));
        let decoder = Stepwise { backbone: Backbone { input, stack }, output };
        Ok(Layers { convolutions, code, norm, first, decoder })
    }
}

impl Captioner {
    /// One time step of `ids.len()` texts: the logits `[B, V]` of the next ids.
    pub fn step<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        states: &mut [State<B::Real>],
        workspace: &'w mut CaptionerWorkspace<B>,
    ) -> &'w [B::Real] {
        let read = PassInput::of_ids(ids, None, None);
        self.layers.decoder.forward(backend, weights, read, states, &mut workspace.decoder);
        self.layers.decoder.outputs(backend, weights, &mut workspace.decoder)
    }

    /// The logits `[T, V]` of the next ids of one text, given its input `[F]`.
    pub fn read<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        input: &[f32],
        ids: &[u32],
        workspace: &'w mut CaptionerWorkspace<B>,
    ) -> &'w [B::Real] {
        let mut states = self.initial_states(backend, weights, input, None, workspace);
        let read = PassInput { rows: 1, ..PassInput::of_ids(ids, None, None) };
        self.layers.decoder.forward(backend, weights, read, &mut states, &mut workspace.decoder);
        self.layers.decoder.outputs(backend, weights, &mut workspace.decoder)
    }
}

impl Network for Captioner {
    type Batch = CaptionerBatch;
    type Workspace<B: Backend> = CaptionerWorkspace<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn summary(&self) -> String {
        let input = match &self.sizes.input {
            CaptionerInput::Vector { size } => format!("vectors of {size}"),
            CaptionerInput::Picture { width, height, channels } => {
                format!("images of {width} x {height}, convolutions to {channels:?} channels")
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
        let Part { batch, workspace, .. } = part;
        let dropout = Some(step.dropout);
        let mut states = self.initial_states(backend, weights, &batch.inputs, dropout, workspace);
        let read = PassInput::of_texts(&batch.texts, dropout);
        self.layers.decoder.forward(backend, weights, read, &mut states, &mut workspace.decoder);
        let targets = Targets { ids: &batch.texts.targets, scale: step.scale };
        let back = StackBack { d_initial: Some(&mut states[..]), ..StackBack::new(grads) };
        let loss = self.layers.decoder.cross_entropy_backward(
            backend,
            weights,
            read,
            targets,
            &mut workspace.decoder,
            back,
        );
        self.initial_states_backward(backend, weights, &mut states, step.dropout, workspace, grads);
        loss.into()
    }

    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Self::Workspace<B>) -> Vec<Tapes<'w, B>> {
        self.layers.decoder.backbone.tapes("", &workspace.decoder.backbone)
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        let Part { batch, workspace, .. } = part;
        let mut states = self.initial_states(backend, weights, &batch.inputs, None, workspace);
        let read = PassInput::of_texts(&batch.texts, None);
        self.layers.decoder.forward(backend, weights, read, &mut states, &mut workspace.decoder);
        let targets = &batch.texts.targets;
        self.layers.decoder.cross_entropy(backend, weights, targets, &mut workspace.decoder).into()
    }
}
