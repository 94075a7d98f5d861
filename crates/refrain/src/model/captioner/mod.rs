//! The captioner: one-to-many. It reads a vector or a picture and writes a text about it.
//!
//! picture `[B, height, width, 3]` -> convolutions -> linear, layer normalisation, ReLU, or vector `[B, F]` -> linear, ReLU: the code `[B, C]` -> linear, tanh: the first
//! states of the decoder. Its ids `[T, B]` -> embedding -> recurrent layers -> readout -> softmax cross-entropy against the next ids.

mod batch;
mod first_states;
mod sizes;

use refrain_kernels::{Backend, CrossEntropy, InputSpec, LinearSpec, Real, State};

pub use batch::CaptionerBatch;
pub use sizes::{CaptionerInput, CaptionerSizes};

use super::network::{Network, Part, Tapes, TrainStep, Weights};
use crate::Result;
use crate::data::TextBatch;
use crate::layer::{
    Convolution, ConvolutionWorkspace, DropoutMask, LayerNorm, NormWorkspace, Score, Source, Stack,
    StackBack, StackInput, StackWorkspace, push_bias, push_linear,
};
use crate::params::{Init, Layout};
use sizes::COLOURS;

/// The layers and their places in the arena.
#[derive(Clone, Debug)]
pub struct Captioner {
    sizes: CaptionerSizes,
    layout: Layout,
    convolutions: Vec<Convolution>,
    code: LinearSpec,
    /// Of the code of a picture, before its ReLU: what convolutions give may grow without bound while they learn, and would
    /// drive the first states into the flat ends of tanh.
    norm: Option<LayerNorm>,
    /// From the code to the first states: of each layer `h`, and `c` of an LSTM.
    first: LinearSpec,
    stack: Stack,
    readout: LinearSpec,
}

/// What a pass leaves behind.
pub struct CaptionerWorkspace<B: Backend> {
    convolutions: Vec<ConvolutionWorkspace<B>>,
    /// What the code is made of.
    features: B::Frames,
    d_features: B::Frames,
    norm: NormWorkspace<B::Real>,
    /// After ReLU, `[B, C]`.
    code: Vec<B::Real>,
    /// The same after dropout.
    code_frames: B::Frames,
    d_code: B::Frames,
    /// All first states side by side, after tanh.
    first: Vec<B::Real>,
    stack: StackWorkspace<B>,
    logits: Vec<B::Real>,
    scratch: B::Scratch,
}

impl Captioner {
    /// Lays out a model.
    ///
    /// # Errors
    /// If a size is out of bounds.
    pub fn new(sizes: &CaptionerSizes) -> Result<Self> {
        sizes.validate()?;
        let recurrent = &sizes.recurrent;
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
        let states = recurrent.num_layers * (1 + usize::from(recurrent.cell().has_cell_state()));
        let mut code = push_linear(&mut layout, "code", features, sizes.code_size);
        let mut first = push_linear(&mut layout, "first", sizes.code_size, states * recurrent.hidden_size);
        let mut readout = push_linear(&mut layout, "readout", recurrent.hidden_size, sizes.vocab_size);
        let (vocab_size, size) = (sizes.vocab_size, sizes.embedding_size);
        let embedding = layout.push("embedding.weight", &[vocab_size, size], Init::Normal(1.0));
        let input = InputSpec::Embedded { vocab_size, size, embedding };
        let mut stack = Stack::new(&mut layout, "rnn", recurrent.over(input, true));
        for (number, layer) in convolutions.iter_mut().enumerate() {
            layer.push_bias(&mut layout, &convolution(number));
        }
        for (name, linear) in [("code", &mut code), ("first", &mut first), ("readout", &mut readout)] {
            push_bias(&mut layout, name, linear);
        }
        stack.push_biases(&mut layout, "rnn");
        let pictures = !convolutions.is_empty();
        let norm = pictures.then(|| LayerNorm::new(&mut layout, "code_norm", sizes.code_size));
        Ok(Self { sizes: sizes.clone(), layout, convolutions, code, norm, first, stack, readout })
    }

    /// Its sizes and kinds.
    pub fn sizes(&self) -> &CaptionerSizes {
        &self.sizes
    }

    /// One step of `ids.len()` texts: the logits `[B, V]` of each one's next id.
    pub fn step<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        states: &mut [State<B::Real>],
        pass: &'p mut CaptionerWorkspace<B>,
    ) -> &'p [B::Real] {
        let x = StackInput { source: Source::Ids(ids), rows: ids.len(), lengths: None, dropout: None };
        self.logits(backend, weights, &x, states, pass)
    }

    /// A text that is read after an input: the logits `[T, V]` of what comes after each of its ids.
    pub fn read<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        (input, ids): (&[f32], &[u32]),
        pass: &'p mut CaptionerWorkspace<B>,
    ) -> &'p [B::Real] {
        let mut states = self.first_states(backend, weights, input, None, pass);
        let x = StackInput { source: Source::Ids(ids), rows: 1, lengths: None, dropout: None };
        self.logits(backend, weights, &x, &mut states, pass)
    }

    fn logits<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        x: &StackInput<'_, B>,
        states: &mut [State<B::Real>],
        pass: &'p mut CaptionerWorkspace<B>,
    ) -> &'p [B::Real] {
        self.stack.forward(backend, weights.recurrent(), x, states, &mut pass.stack);
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

fn convolution(number: usize) -> String {
    format!("convolution_{number}")
}

/// A batch's texts as the stack reads them.
fn decoder_input<B: Backend>(texts: &TextBatch, dropout: Option<DropoutMask>) -> StackInput<'_, B> {
    let source = Source::Ids(&texts.inputs);
    StackInput { source, rows: texts.rows, lengths: texts.lengths.as_deref(), dropout }
}

impl Network for Captioner {
    type Batch = CaptionerBatch;
    type Workspace<B: Backend> = CaptionerWorkspace<B>;

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
        let back = CrossEntropy {
            scale: B::Real::of(step.scale),
            smoothing: B::Real::of(0.0),
            d_frames: &mut d_frames,
            grads,
        };
        let loss =
            backend.cross_entropy(readout, output, &batch.texts.targets, Some(back), &mut pass.scratch);
        pass.stack.d_output = d_frames;
        let back = StackBack { d_initial: Some(&mut states[..]), ..StackBack::new(&weights.params, grads) };
        self.stack.backward(backend, &weights.layers, &x, &mut pass.stack, back);
        self.first_states_backward(backend, weights, &mut states, step.dropout, pass, grads);
        loss.into()
    }

    fn tapes<'p, B: Backend>(&self, pass: &'p Self::Workspace<B>) -> Vec<Tapes<'p, B>> {
        vec![Tapes { name: "", first: 0, tapes: pass.stack.tapes() }]
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

impl<B: Backend> Default for CaptionerWorkspace<B> {
    fn default() -> Self {
        let [features, d_features, code_frames, d_code] = std::array::from_fn(|_| B::Frames::default());
        Self {
            convolutions: vec![],
            features,
            d_features,
            norm: NormWorkspace::default(),
            code: vec![],
            code_frames,
            d_code,
            first: vec![],
            stack: StackWorkspace::default(),
            logits: vec![],
            scratch: B::Scratch::default(),
        }
    }
}
