//! From a vector or a picture to the states that the decoder starts from, and the way back.

use refrain_kernels::{Backend, Real, State};

use super::{Captioner, CaptionerWorkspace};
use crate::layer::{ConvolutionWorkspace, DropoutMask, tanh, tanh_back};
use crate::model::Weights;
use crate::model::input::INPUT;

/// Where the code is in the order of dropout masks.
const CODE: u64 = INPUT;

impl Captioner {
    /// The decoder's first states, one element a layer, after inputs `[B, F]`.
    pub fn first_states<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        inputs: &[f32],
        dropout: Option<DropoutMask>,
        pass: &mut CaptionerWorkspace<B>,
    ) -> Vec<State<B::Real>> {
        let CaptionerWorkspace { convolutions, scratch, .. } = pass;
        let rows = inputs.len() / self.sizes.input.size();
        let (below, [code, first, _]) = self.linear_weights(weights);
        let inputs: Vec<B::Real> = inputs.iter().map(|&x| B::Real::of(x.into())).collect();
        convolutions.resize_with(self.convolutions.len(), ConvolutionWorkspace::default);
        let mut features = &inputs[..];
        for ((layer, weights), pass) in self.convolutions.iter().zip(below).zip(convolutions) {
            features = layer.forward(backend, weights, features, pass, scratch);
        }
        pass.features = backend.frames(self.code.input_size, features);
        backend.linear_outputs(code, backend.view(&pass.features), &mut pass.code, &mut pass.scratch);
        if let Some(norm) = &self.norm {
            let given = backend.frames(self.sizes.code_size, &pass.code);
            let whole = (rows, None);
            let given = norm.forward(backend, &weights.params, backend.view(&given), whole, &mut pass.norm);
            pass.code = backend.read_frames(backend.view(&given));
        }
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
    pub(super) fn first_states_backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        d_states: &mut [State<B::Real>],
        dropout: DropoutMask,
        pass: &mut CaptionerWorkspace<B>,
        grads: &mut B::Buffer,
    ) {
        let CaptionerWorkspace { scratch, .. } = pass;
        let (below, [code, first, _]) = self.linear_weights(weights);
        let (hidden_size, width) = (self.sizes.recurrent.hidden_size, self.first.output_size);
        let rows = pass.first.len() / width;
        let mut d_first = vec![B::Real::of(0.0); pass.first.len()];
        for (part, values) in parts(d_states).enumerate() {
            for (d, all) in values.chunks_exact(hidden_size).zip(d_first.chunks_exact_mut(width)) {
                all[part * hidden_size..][..hidden_size].copy_from_slice(d);
            }
        }
        tanh_back(&pass.first, &mut d_first);
        let d_first = backend.d_frames(width, &d_first);
        let (code_frames, d_first) = (backend.view(&pass.code_frames), backend.view(&d_first));
        backend.linear_backward(first, code_frames, d_first, Some(&mut pass.d_code), grads, scratch);
        if let Some(mask) = dropout.on(self.sizes.recurrent.dropout(), CODE, rows) {
            backend.dropout_in_place(&mask, &mut pass.d_code);
        }
        let mut d_code = backend.read_frames(backend.view(&pass.d_code));
        relu_back(&pass.code, &mut d_code);
        let mut d_code = backend.d_frames(self.sizes.code_size, &d_code);
        if let Some(norm) = &self.norm {
            norm.backward(backend, &weights.params, &pass.norm, &mut d_code, grads);
        }
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
}

/// The parts of states in the order of the layers, of each `h` before `c`.
fn parts<R>(states: &mut [State<R>]) -> impl Iterator<Item = &mut Vec<R>> {
    let both = states.iter_mut().flat_map(|State { h, c }| [h, c]);
    both.filter(|values| !values.is_empty())
}

fn relu<R: Real>(values: &mut [R]) {
    values.iter_mut().for_each(|x| *x = x.max(R::zero()));
}

/// The way back: the gradient of what went in, in place, from what came out.
fn relu_back<R: Real>(outputs: &[R], d_outputs: &mut [R]) {
    for (d, &y) in d_outputs.iter_mut().zip(outputs) {
        if y <= R::zero() {
            *d = R::zero();
        }
    }
}
