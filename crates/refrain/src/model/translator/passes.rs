//! The translator's layers in order, and the way back beneath them.

use refrain_kernels::{Backend, Real, State};

use super::{BRIDGE, COMBINE, READOUT, Translator, TranslatorBatch};
use crate::data::{Batch, Padded};
use crate::layer::{
    AttendBack, AttendWorkspace, BridgeWorkspace, DropoutMask, StackBack, StackWorkspace, tanh, tanh_back,
};
use crate::model::Weights;
use crate::model::input::{INPUT, InputWorkspace, Read};

/// What a pass leaves behind.
pub struct TranslatorWorkspace<B: Backend> {
    encoder: StackWorkspace<B>,
    decoder: StackWorkspace<B>,
    bridge: BridgeWorkspace<B>,
    attend: AttendWorkspace<B>,
    source: InputWorkspace<B>,
    target: InputWorkspace<B>,
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

impl<B: Backend> TranslatorWorkspace<B> {
    /// Of the encoder's layers.
    pub(super) fn source_tapes(&self) -> &[B::Tape] {
        self.encoder.tapes()
    }

    /// How much each step of the latest targets attended to each step of their sources, `[T, B, S]`; empty without
    /// attention.
    pub fn attention_weights(&self) -> &[B::Real] {
        self.attend.weights()
    }
}

/// Where what the readout reads is in the order of dropout masks.
const OUTPUT: u64 = INPUT + 1;

impl Translator {
    /// Reads sources, and gives the states `[B, H]` that the decoder starts from, one a layer.
    pub fn encode<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        source: &Padded<u32>,
        dropout: Option<DropoutMask>,
        pass: &mut TranslatorWorkspace<B>,
    ) -> Vec<State<B::Real>> {
        let read = Read::of_ids(&source.values, Some(&source.lengths), dropout);
        self.source.forward(backend, &weights.params, read, None, &mut pass.source);
        let mut state = self.encoder.zero_state::<B>(read.rows);
        let layers = (self.encoder_layers(weights), &weights.params);
        self.encoder.forward(backend, layers, &read.above(&pass.source), &mut state, &mut pass.encoder);
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
        pass: &'p mut TranslatorWorkspace<B>,
    ) -> &'p [B::Real] {
        self.decode(backend, weights, Read::of_ids(ids, lengths, None), state, pass);
        let output = backend.view(&pass.output);
        backend.linear_outputs(&weights.linears[READOUT], output, &mut pass.logits, &mut pass.scratch);
        &pass.logits
    }

    /// Everything from the decoder's ids to what the readout reads, in `pass.output`.
    pub(super) fn decode<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: Read<'_>,
        state: &mut [State<B::Real>],
        pass: &mut TranslatorWorkspace<B>,
    ) {
        let hidden = self.sizes.encoder.hidden_size;
        let read = Read { dropout: read.dropout.map(of_decoder), ..read };
        self.target.forward(backend, &weights.params, read, None, &mut pass.target);
        let layers = (self.decoder_layers(weights), &weights.params);
        self.decoder.forward(backend, layers, &read.above(&pass.target), state, &mut pass.decoder);
        let mut output = pass.decoder.output(backend);
        if let Some(attend) = &self.attend {
            let context = attend.forward(backend, self.attend_linears(weights), output, &mut pass.attend);
            let context = backend.frames(self.combine.input_size - hidden, context);
            backend.join(&[output, backend.view(&context)], &mut pass.joined);
            output = backend.view(&pass.joined);
        }
        backend.linear_outputs(&weights.linears[COMBINE], output, &mut pass.combined, &mut pass.scratch);
        tanh(&mut pass.combined);
        pass.output = backend.frames(hidden, &pass.combined);
        let rate = self.sizes.encoder.dropout();
        if let Some(mask) = read.dropout.and_then(|mask| mask.on(rate, OUTPUT, read.rows)) {
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
        pass: &mut TranslatorWorkspace<B>,
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
        let joined = match self.attend {
            Some(_) => backend.view(&pass.joined),
            None => pass.decoder.output(backend),
        };
        let (combine, d_joined) = (&weights.linears[COMBINE], &mut pass.d_joined);
        let d_combined = backend.view(&d_combined);
        backend.linear_backward(combine, joined, d_combined, Some(d_joined), grads, &mut pass.scratch);
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

        let read = Read::of_ids(&pass.inputs, Some(&batch.inputs.lengths), Some(decoder_dropout));
        let mut d_initial = self.decoder.zero_state::<B>(rows);
        let back = StackBack {
            d_initial: Some(&mut d_initial),
            d_input: true,
            ..StackBack::new(&weights.params, grads)
        };
        let layers = self.decoder_layers(weights);
        self.decoder.backward(backend, layers, &read.above(&pass.target), &mut pass.decoder, back);
        self.target.backward(backend, read, &mut pass.decoder.d_output, grads);

        let bridge = self.bridge_linears(weights);
        let d_final = self.bridge.backward(backend, bridge, &d_initial, &mut pass.bridge, grads);
        let read = Read::of_ids(&batch.source.values, Some(&batch.source.lengths), Some(dropout));
        let back =
            StackBack { d_final: Some(&d_final), d_input: true, ..StackBack::new(&weights.params, grads) };
        let layers = self.encoder_layers(weights);
        self.encoder.backward(backend, layers, &read.above(&pass.source), &mut pass.encoder, back);
        self.source.backward(backend, read, &mut pass.encoder.d_output, grads);
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

impl<B: Backend> Default for TranslatorWorkspace<B> {
    fn default() -> Self {
        let [joined, output, d_output, d_joined, d_context] = std::array::from_fn(|_| B::Frames::default());
        Self {
            encoder: StackWorkspace::default(),
            decoder: StackWorkspace::default(),
            bridge: BridgeWorkspace::default(),
            attend: AttendWorkspace::default(),
            source: InputWorkspace::default(),
            target: InputWorkspace::default(),
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
