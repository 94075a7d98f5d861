//! The decoder's initial state from a vector or an image, forward and backward.

use refrain_kernels::{Backend, Real, State};

use super::{Captioner, Layers};
use crate::layer::{
    ConvolutionBack, ConvolutionWorkspace, DropoutMask, LinearBack, NormWorkspace, drop_in_place, tanh,
    tanh_back, workspace,
};
use crate::model::input::INPUT;
use crate::model::stepwise::StepwiseWorkspace;
use crate::params::Weights;

workspace! {
    /// Buffers of the forward and backward pass.
    pub struct CaptionerWorkspace<B> {
        convolutions: Vec<ConvolutionWorkspace<B>>,
        /// Input of the linear layer that gives the code.
        features: B::Frames,
        d_features: B::Frames,
        norm: NormWorkspace<B::Real>,
        /// After ReLU, `[B, C]`.
        code: Vec<B::Real>,
        /// `code` after dropout.
        code_frames: B::Frames,
        d_code: B::Frames,
        /// The initial states of all layers, concatenated, after tanh.
        first: Vec<B::Real>,
        pub(super) decoder: StepwiseWorkspace<B>,
        scratch: B::Scratch,
    }
}

/// Index of the code among the dropout masks.
const CODE: u64 = INPUT;

impl Captioner {
    /// The decoder's initial state, one element per layer, from inputs `[B, F]`.
    pub fn initial_states<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        inputs: &[f32],
        dropout: Option<DropoutMask>,
        workspace: &mut CaptionerWorkspace<B>,
    ) -> Vec<State<B::Real>> {
        let Layers { convolutions, code, norm, first, decoder } = &self.layers;
        let rows = inputs.len() / self.sizes.input.size();
        let inputs: Vec<B::Real> = inputs.iter().map(|&x| B::Real::of(x.into())).collect();
        workspace.convolutions.resize_with(convolutions.len(), ConvolutionWorkspace::default);
        let mut features = &inputs[..];
        for (layer, own) in convolutions.iter().zip(&mut workspace.convolutions) {
            features = layer.forward(backend, weights, features, own, &mut workspace.scratch);
        }
        workspace.features = backend.frames(code.input_size, features);
        code.outputs(
            backend,
            weights,
            backend.view(&workspace.features),
            &mut workspace.code,
            &mut workspace.scratch,
        );
        if let Some(norm) = norm {
            let frames = backend.frames(code.output_size, &workspace.code);
            let frames = backend.view(&frames);
            let frames = norm.forward(backend, &weights.params, frames, rows, None, &mut workspace.norm);
            workspace.code = backend.read_frames(backend.view(&frames));
        }
        relu(&mut workspace.code);
        workspace.code_frames = backend.frames(code.output_size, &workspace.code);
        let rate = self.sizes.recurrent.dropout();
        drop_in_place(backend, dropout, rate, CODE, rows, &mut workspace.code_frames);
        first.outputs(
            backend,
            weights,
            backend.view(&workspace.code_frames),
            &mut workspace.first,
            &mut workspace.scratch,
        );
        tanh(&mut workspace.first);
        let mut states = decoder.backbone.stack.zero_state::<B>(rows);
        let hidden_size = self.sizes.recurrent.layers.hidden_size;
        for (part, values) in parts(&mut states).enumerate() {
            let rows = workspace.first.chunks_exact(first.output_size);
            for (values, all) in values.chunks_exact_mut(hidden_size).zip(rows) {
                values.copy_from_slice(&all[part * hidden_size..][..hidden_size]);
            }
        }
        states
    }

    /// The backward pass from the gradients of the initial state.
    pub(super) fn initial_states_backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        d_states: &mut [State<B::Real>],
        dropout: DropoutMask,
        workspace: &mut CaptionerWorkspace<B>,
        grads: &mut B::Buffer,
    ) {
        let Layers { convolutions, code, norm, first, .. } = &self.layers;
        let hidden_size = self.sizes.recurrent.layers.hidden_size;
        let rows = workspace.first.len() / first.output_size;
        let mut d_first = vec![B::Real::of(0.0); workspace.first.len()];
        for (part, values) in parts(d_states).enumerate() {
            let rows = d_first.chunks_exact_mut(first.output_size);
            for (d, all) in values.chunks_exact(hidden_size).zip(rows) {
                all[part * hidden_size..][..hidden_size].copy_from_slice(d);
            }
        }
        tanh_back(&workspace.first, &mut d_first);
        let back =
            LinearBack { d_outputs: &d_first, d_input: Some(&mut workspace.d_code), grads: &mut *grads };
        first.backward(backend, weights, backend.view(&workspace.code_frames), back, &mut workspace.scratch);
        let rate = self.sizes.recurrent.dropout();
        drop_in_place(backend, Some(dropout), rate, CODE, rows, &mut workspace.d_code);
        let mut d_code = backend.read_frames(backend.view(&workspace.d_code));
        relu_back(&workspace.code, &mut d_code);
        if let Some(norm) = norm {
            let mut d_frames = backend.d_frames(code.output_size, &d_code);
            norm.backward(backend, &weights.params, &workspace.norm, &mut d_frames, grads);
            d_code = backend.read_frames(backend.view(&d_frames));
        }
        let d_input = (!convolutions.is_empty()).then_some(&mut workspace.d_features);
        let back = LinearBack { d_outputs: &d_code, d_input, grads: &mut *grads };
        code.backward(backend, weights, backend.view(&workspace.features), back, &mut workspace.scratch);
        if convolutions.is_empty() {
            return;
        }
        let mut d_pooled = backend.read_frames(backend.view(&workspace.d_features));
        let layers = convolutions.iter().zip(&mut workspace.convolutions).enumerate();
        for (number, (layer, own)) in layers.rev() {
            let back = ConvolutionBack { d_pooled: &d_pooled, d_images: number > 0, grads: &mut *grads };
            d_pooled = layer.backward(backend, weights, own, back, &mut workspace.scratch);
        }
    }
}

/// The vectors of `states` in the order of the layers, `h` before `c`.
fn parts<R>(states: &mut [State<R>]) -> impl Iterator<Item = &mut Vec<R>> {
    let both = states.iter_mut().flat_map(|State { h, c }| [h, c]);
    both.filter(|values| !values.is_empty())
}

fn relu<R: Real>(values: &mut [R]) {
    values.iter_mut().for_each(|x| *x = x.max(R::zero()));
}

/// The backward pass, in place, from the outputs of the forward pass.
fn relu_back<R: Real>(outputs: &[R], d_outputs: &mut [R]) {
    for (d, &y) in d_outputs.iter_mut().zip(outputs) {
        if y <= R::zero() {
            *d = R::zero();
        }
    }
}
