//! The translator's layers in order, and the way back beneath them.

use refrain_kernels::{Backend, Real, State};

use super::{BRIDGE, COMBINE, READOUT, Translator, TranslatorBatch};
use crate::data::{Padded, Rows};
use crate::layer::{
    AttendBack, AttendPass, BridgePass, DropoutMask, Embedding, Source, StackBack, StackInput, StackPass,
    tanh, tanh_back,
};
use crate::model::Weights;

/// What a pass leaves behind.
pub struct TranslatorPass<B: Backend> {
    encoder: StackPass<B>,
    decoder: StackPass<B>,
    bridge: BridgePass<B>,
    attend: AttendPass<B>,
    /// Vectors of the ids on their way to the layers.
    vectors: Vec<B::Real>,
    encoder_input: B::Frames,
    decoder_input: B::Frames,
    /// Of the decoder: ids, as training may have replaced some.
    pub(super) inputs: Vec<u32>,
    /// `[h; context]`, and what the linear layer and the tanh make of it, before and after dropout.
    joined: B::Frames,
    combined: Vec<B::Real>,
    pub(super) output: B::Frames,
    pub(super) d_output: B::Frames,
    d_joined: B::Frames,
    d_context: B::Frames,
    logits: Vec<B::Real>,
    pub(super) scratch: B::Scratch,
}

/// What a decoder is told in one pass.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// `[T, rows]`
    pub(super) ids: &'a [u32],
    /// Steps of each row; one if absent.
    pub(super) lengths: Option<&'a [usize]>,
    /// The mask of a training pass.
    pub(super) dropout: Option<DropoutMask>,
}

/// Places in the order of dropout masks, behind all layers of a stack.
const INPUT: u64 = 1 << 20;
const OUTPUT: u64 = INPUT + 1;

impl Translator {
    /// Reads sources, and gives the states `[B, H]` that the decoder starts from, one a layer.
    pub fn encode<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        source: &Padded<u32>,
        dropout: Option<DropoutMask>,
        pass: &mut TranslatorPass<B>,
    ) -> Vec<State<B::Real>> {
        let rows = source.rows();
        self.source.forward(backend, &weights.params, &source.values, &mut pass.vectors);
        pass.encoder_input = self.embedded(backend, rows, dropout, &pass.vectors);
        let mut state = self.encoder.zero_state::<B>(rows);
        let input = stack_input(&pass.encoder_input, rows, Some(&source.lengths), dropout);
        let layers = (self.encoder_layers(weights), &weights.params);
        self.encoder.forward(backend, layers, &input, &mut state, &mut pass.encoder);
        if let Some(attend) = &self.attend {
            let weights = (self.attend_linears(weights), &weights.params);
            let output = pass.encoder.output(backend);
            attend.remember(backend, weights, output, &source.lengths, &mut pass.attend);
        }
        self.bridge.forward(backend, self.bridge_linears(weights), &state, &mut pass.bridge)
    }

    /// Goes on writing what was read by [`Translator::encode`]: reads `ids`, `[T, rows]`, from `state`, and gives the
    /// logits `[T, rows, V]` of what comes next. Where `T` is 1, there may be several rows for a source: row `n B + b` is
    /// about source `b`.
    pub fn logits<'p, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        lengths: Option<&[usize]>,
        state: &mut [State<B::Real>],
        pass: &'p mut TranslatorPass<B>,
    ) -> &'p [B::Real] {
        self.decode(backend, weights, Said { ids, lengths, dropout: None }, state, pass);
        let output = backend.view(&pass.output);
        backend.linear_outputs(&weights.linears[READOUT], output, &mut pass.logits, &mut pass.scratch);
        &pass.logits
    }

    /// Everything from the decoder's ids to what the readout reads, in `pass.output`.
    pub(super) fn decode<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        said: Said<'_>,
        state: &mut [State<B::Real>],
        pass: &mut TranslatorPass<B>,
    ) {
        let Said { ids, lengths, .. } = said;
        let (hidden, rows) = (self.sizes.encoder.hidden_size, lengths.map_or(ids.len(), <[usize]>::len));
        let dropout = said.dropout.map(of_decoder);
        self.target.forward(backend, &weights.params, ids, &mut pass.vectors);
        pass.decoder_input = self.embedded(backend, rows, dropout, &pass.vectors);
        let input = stack_input(&pass.decoder_input, rows, lengths, dropout);
        let layers = (self.decoder_layers(weights), &weights.params);
        self.decoder.forward(backend, layers, &input, state, &mut pass.decoder);
        let mut read = pass.decoder.output(backend);
        if let Some(attend) = &self.attend {
            let context = attend.forward(backend, self.attend_linears(weights), read, &mut pass.attend);
            let context = backend.frames(self.combine.input_size - hidden, context);
            backend.join(&[read, backend.view(&context)], &mut pass.joined);
            read = backend.view(&pass.joined);
        }
        backend.linear_outputs(&weights.linears[COMBINE], read, &mut pass.combined, &mut pass.scratch);
        tanh(&mut pass.combined);
        pass.output = backend.frames(hidden, &pass.combined);
        if let Some(mask) = dropout.and_then(|mask| mask.on(self.sizes.encoder.dropout(), OUTPUT, rows)) {
            backend.dropout_in_place(&mask, &mut pass.output);
        }
    }

    /// The way back through [`Translator::decode`] from `pass.d_output`, and then through [`Translator::encode`].
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &TranslatorBatch,
        dropout: DropoutMask,
        pass: &mut TranslatorPass<B>,
        grads: &mut B::Buffer,
    ) {
        let (hidden, rows) = (self.sizes.encoder.hidden_size, batch.rows());
        let (rate, decoder_dropout) = (self.sizes.encoder.dropout(), of_decoder(dropout));
        if let Some(mask) = decoder_dropout.on(rate, OUTPUT, rows) {
            backend.dropout_in_place(&mask, &mut pass.d_output);
        }
        let mut d_combined = backend.read_frames(backend.view(&pass.d_output));
        tanh_back(&pass.combined, &mut d_combined);
        let d_combined = backend.d_frames(hidden, &d_combined);
        let read = match self.attend {
            Some(_) => backend.view(&pass.joined),
            None => pass.decoder.output(backend),
        };
        let (combine, d_joined) = (&weights.linears[COMBINE], &mut pass.d_joined);
        let d_combined = backend.view(&d_combined);
        backend.linear_backward(combine, read, d_combined, Some(d_joined), grads, &mut pass.scratch);
        let d_joined = backend.view(&pass.d_joined);
        let mut d_decoded = std::mem::take(&mut pass.decoder.d_output);
        backend.part(d_joined, 0, hidden, &mut d_decoded);
        pass.encoder.d_output = match &self.attend {
            Some(attend) => {
                let width = self.combine.input_size - hidden;
                backend.part(d_joined, hidden, width, &mut pass.d_context);
                let d_context = backend.read_frames(backend.view(&pass.d_context));
                let outputs = [pass.encoder.output(backend), pass.decoder.output(backend)];
                let back = AttendBack {
                    outputs,
                    d_context: &d_context,
                    d_output: &mut d_decoded,
                    grads: &mut *grads,
                };
                attend.backward(backend, self.attend_linears(weights), &mut pass.attend, back)
            }
            None => {
                let output = backend.read_frames(pass.encoder.output(backend));
                backend.d_frames(self.sizes.encoder.output_size(), &vec![B::Real::of(0.0); output.len()])
            }
        };
        pass.decoder.d_output = d_decoded;

        let lengths = Some(&batch.inputs.lengths[..]);
        let input = stack_input(&pass.decoder_input, rows, lengths, Some(decoder_dropout));
        let mut d_initial = self.decoder.zero_state::<B>(rows);
        let back = StackBack {
            d_initial: Some(&mut d_initial),
            d_input: true,
            ..StackBack::new(&weights.params, grads)
        };
        self.decoder.backward(backend, self.decoder_layers(weights), &input, &mut pass.decoder, back);
        self.embedded_back(
            backend,
            (&self.target, &pass.inputs),
            rows,
            decoder_dropout,
            &mut pass.decoder,
            grads,
        );

        let bridge = self.bridge_linears(weights);
        let d_final = self.bridge.backward(backend, bridge, &d_initial, &mut pass.bridge, grads);
        let input = stack_input(&pass.encoder_input, rows, Some(&batch.source.lengths), Some(dropout));
        let back =
            StackBack { d_final: Some(&d_final), d_input: true, ..StackBack::new(&weights.params, grads) };
        self.encoder.backward(backend, self.encoder_layers(weights), &input, &mut pass.encoder, back);
        let ids = &batch.source.values;
        self.embedded_back(backend, (&self.source, ids), rows, dropout, &mut pass.encoder, grads);
    }

    /// Vectors of ids as a stack reads them.
    fn embedded<B: Backend>(
        &self,
        backend: &B,
        rows: usize,
        dropout: Option<DropoutMask>,
        vectors: &[B::Real],
    ) -> B::Frames {
        let mut frames = backend.frames(self.sizes.embedding_size, vectors);
        if let Some(mask) = dropout.and_then(|mask| mask.on(self.sizes.encoder.dropout(), INPUT, rows)) {
            backend.dropout_in_place(&mask, &mut frames);
        }
        frames
    }

    /// The way back from the gradient of a stack's input.
    fn embedded_back<B: Backend>(
        &self,
        backend: &B,
        (embedding, ids): (&Embedding, &[u32]),
        rows: usize,
        dropout: DropoutMask,
        pass: &mut StackPass<B>,
        grads: &mut B::Buffer,
    ) {
        if let Some(mask) = dropout.on(self.sizes.encoder.dropout(), INPUT, rows) {
            backend.dropout_in_place(&mask, &mut pass.d_output);
        }
        let d_vectors = backend.read_frames(backend.view(&pass.d_output));
        embedding.backward(backend, ids, &d_vectors, grads);
    }

    fn encoder_layers<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Recurrent] {
        &weights.layers[..self.encoder.specs().len()]
    }

    fn decoder_layers<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Recurrent] {
        &weights.layers[self.encoder.specs().len()..]
    }

    fn bridge_linears<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Linear] {
        &weights.linears[BRIDGE..][..self.bridge.specs().len()]
    }

    fn attend_linears<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Linear] {
        &weights.linears[BRIDGE + self.bridge.specs().len()..]
    }
}

/// The decoder's masks, apart from the encoder's.
fn of_decoder(mask: DropoutMask) -> DropoutMask {
    DropoutMask { seed: mask.seed ^ 0x9e6c_63d0_876a_9a35, ..mask }
}

fn stack_input<'a, B: Backend>(
    frames: &'a B::Frames,
    rows: usize,
    lengths: Option<&'a [usize]>,
    dropout: Option<DropoutMask>,
) -> StackInput<'a, B> {
    StackInput { source: Source::Frames(frames), rows, lengths, dropout }
}

impl<B: Backend> Default for TranslatorPass<B> {
    fn default() -> Self {
        let [encoder_input, decoder_input, joined, output, d_output, d_joined, d_context] =
            std::array::from_fn(|_| B::Frames::default());
        Self {
            encoder: StackPass::default(),
            decoder: StackPass::default(),
            bridge: BridgePass::default(),
            attend: AttendPass::default(),
            vectors: vec![],
            encoder_input,
            decoder_input,
            inputs: vec![],
            joined,
            combined: vec![],
            output,
            d_output,
            d_joined,
            d_context,
            logits: vec![],
            scratch: B::Scratch::default(),
        }
    }
}
