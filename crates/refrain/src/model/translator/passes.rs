//! The translator's layers in order, forward and backward.

use refrain_kernels::{Backend, Real, State};

use super::{Layers, Translator};
use crate::data::Padded;
use crate::layer::{
    AttendBack, AttendWorkspace, BridgeWorkspace, DropoutMask, LinearBack, StackBack, drop_in_place, tanh,
    tanh_back, workspace,
};
use crate::model::input::{INPUT, PassInput};
use crate::model::stepwise::BackboneWorkspace;
use crate::params::Weights;

workspace! {
    /// Buffers of the forward and backward pass.
    pub struct TranslatorWorkspace<B> {
        pub(super) encoder: BackboneWorkspace<B>,
        decoder: BackboneWorkspace<B>,
        bridge: BridgeWorkspace<B>,
        attend: AttendWorkspace<B>,
        /// `[h; context]`, and the tanh of the linear layer over it, before and after dropout.
        joined: B::Frames,
        combined: Vec<B::Real>,
        pub(super) output: B::Frames,
        pub(super) d_output: B::Frames,
        d_joined: B::Frames,
        d_context: B::Frames,
        logits: Vec<B::Real>,
        pub(super) scratch: B::Scratch,
    }
}

impl<B: Backend> TranslatorWorkspace<B> {
    /// The attention weights of the last pass, `[T, B, S]`; empty without attention.
    pub fn attention_weights(&self) -> &[B::Real] {
        &self.attend.attended
    }
}

/// Index of the readout's input among the dropout masks.
const OUTPUT: u64 = INPUT + 1;

impl Translator {
    /// Reads sources, and returns the decoder's initial states `[B, H]`, one per layer.
    pub fn encode<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        source: &Padded<u32>,
        dropout: Option<DropoutMask>,
        workspace: &mut TranslatorWorkspace<B>,
    ) -> Vec<State<B::Real>> {
        let Layers { encoder, bridge, attend, .. } = &self.layers;
        let read = PassInput::of_ids(&source.values, Some(&source.lengths), dropout);
        let mut state = encoder.stack.zero_state::<B>(read.rows);
        encoder.forward(backend, weights, read, None, &mut state, &mut workspace.encoder);
        if let Some(attend) = attend {
            let output = workspace.encoder.stack.output(backend);
            attend.set_memory(backend, weights, output, &source.lengths, &mut workspace.attend);
        }
        bridge.forward(backend, weights, &state, &mut workspace.bridge)
    }

    /// Runs the decoder over `ids`, `[T, rows]`, from `state`, after [`Translator::encode`], and returns the logits
    /// `[T, rows, V]` of the next ids. If `T` is 1, there may be several rows per source: row `n B + b` belongs to source `b`.
    pub fn logits<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        ids: &[u32],
        lengths: Option<&[usize]>,
        state: &mut [State<B::Real>],
        workspace: &'w mut TranslatorWorkspace<B>,
    ) -> &'w [B::Real] {
        self.decode(backend, weights, PassInput::of_ids(ids, lengths, None), state, workspace);
        let TranslatorWorkspace { output, logits, scratch, .. } = workspace;
        self.layers.readout.outputs(backend, weights, backend.view(output), logits, scratch);
        logits
    }

    /// From the decoder's ids to the input of the readout, in `workspace.output`.
    pub(super) fn decode<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        state: &mut [State<B::Real>],
        workspace: &mut TranslatorWorkspace<B>,
    ) {
        let Layers { decoder, attend, combine, .. } = &self.layers;
        let read = of_decoder(read);
        decoder.forward(backend, weights, read, None, state, &mut workspace.decoder);
        let TranslatorWorkspace { joined, combined, scratch, .. } = workspace;
        let mut output = workspace.decoder.stack.output(backend);
        if let Some(attend) = attend {
            let context = attend.forward(backend, weights, output, &mut workspace.attend);
            let context = backend.frames(combine.input_size - combine.output_size, context);
            backend.join(&[output, backend.view(&context)], joined);
            output = backend.view(joined);
        }
        combine.outputs(backend, weights, output, combined, scratch);
        tanh(combined);
        workspace.output = backend.frames(combine.output_size, combined);
        let rate = self.sizes.encoder.dropout();
        drop_in_place(backend, read.dropout, rate, OUTPUT, read.rows, &mut workspace.output);
    }

    /// The backward pass through [`Translator::decode`] of `read`, from `workspace.d_output`, and then through
    /// [`Translator::encode`].
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        source: &Padded<u32>,
        read: PassInput<'_>,
        workspace: &mut TranslatorWorkspace<B>,
        grads: &mut B::Buffer,
    ) {
        let Layers { encoder, decoder, bridge, .. } = &self.layers;
        let of_source = PassInput::of_ids(&source.values, Some(&source.lengths), read.dropout);
        let read = of_decoder(read);
        self.outputs_backward(backend, weights, read, workspace, grads);

        let mut d_initial = decoder.stack.zero_state::<B>(read.rows);
        let back = StackBack { d_initial: Some(&mut d_initial), ..StackBack::new(grads) };
        decoder.backward(backend, weights, read, &mut workspace.decoder, back);
        let d_final = bridge.backward(backend, weights, &d_initial, &mut workspace.bridge, grads);
        let back = StackBack { d_final: Some(&d_final), ..StackBack::new(grads) };
        encoder.backward(backend, weights, of_source, &mut workspace.encoder, back);
    }

    /// The backward pass from `workspace.d_output` to the outputs of the decoder's and the encoder's recurrent layers.
    fn outputs_backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        workspace: &mut TranslatorWorkspace<B>,
        grads: &mut B::Buffer,
    ) {
        let (Layers { attend, combine, .. }, hidden) = (&self.layers, self.layers.combine.output_size);
        let TranslatorWorkspace { encoder, decoder, joined, d_output, d_joined, scratch, .. } = workspace;
        drop_in_place(backend, read.dropout, self.sizes.encoder.dropout(), OUTPUT, read.rows, d_output);
        let mut d_combined = backend.read_frames(backend.view(d_output));
        tanh_back(&workspace.combined, &mut d_combined);
        let (decoded, d_decoded) = decoder.stack.output_and_gradient(backend);
        let joined = if attend.is_some() { backend.view(joined) } else { decoded };
        let back = LinearBack { d_outputs: &d_combined, d_input: Some(&mut *d_joined), grads: &mut *grads };
        combine.backward(backend, weights, joined, back, scratch);
        let d_joined = backend.view(d_joined);
        backend.part(d_joined, 0, hidden, d_decoded);
        let encoded = encoder.stack.output(backend);
        encoder.stack.d_output = match attend {
            Some(attend) => {
                backend.part(d_joined, hidden, combine.input_size - hidden, &mut workspace.d_context);
                let d_context = backend.read_frames(backend.view(&workspace.d_context));
                let back = AttendBack { encoded, decoded, d_context: &d_context, d_output: d_decoded, grads };
                attend.backward(backend, weights, &mut workspace.attend, back)
            }
            None => {
                let zeros = vec![B::Real::of(0.0); backend.read_frames(encoded).len()];
                backend.d_frames(self.sizes.encoder.output_size(), &zeros)
            }
        };
    }
}

/// The decoder's input with dropout masks independent of the encoder's.
fn of_decoder(read: PassInput<'_>) -> PassInput<'_> {
    let apart = |mask: DropoutMask| DropoutMask { seed: mask.seed ^ 0x9e6c_63d0_876a_9a35, ..mask };
    PassInput { dropout: read.dropout.map(apart), ..read }
}
