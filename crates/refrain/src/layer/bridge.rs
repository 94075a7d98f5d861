//! From an encoder to a decoder: the state that the one ends with becomes the state that the other starts from.
//!
//! Layer by layer, what both directions end with goes through a linear layer and a tanh: `[h, c] = tanh(W [h_forwards,
//! h_backwards, c_forwards, c_backwards] + b)`, without `c` for cells that have none.

use refrain_kernels::{Backend, LinearSpec, Real, State};

use super::linear::{push_bias, push_linear};
use super::tanh::{tanh, tanh_back};
use crate::params::Layout;

/// A linear layer for each layer of the encoder, which has as many as the decoder, of the same cell and size.
#[derive(Clone, Debug)]
pub struct Bridge {
    specs: Vec<LinearSpec>,
    hidden_size: usize,
    /// Of the encoder.
    directions: usize,
}

/// What a pass leaves behind.
pub struct BridgeWorkspace<B: Backend> {
    /// Of each layer: what went in, and what came out, `[B, 1 or 2 H]`.
    inputs: Vec<B::Frames>,
    outputs: Vec<Vec<B::Real>>,
    d_input: B::Frames,
    scratch: B::Scratch,
}

impl Bridge {
    /// Appends the matrices to `layout`, `prefix.l0.weight` and so on; `states` are the vectors of a layer's state.
    pub(crate) fn new(
        layout: &mut Layout,
        prefix: &str,
        num_layers: usize,
        hidden_size: usize,
        directions: usize,
        states: usize,
    ) -> Self {
        let (from, to) = (directions * states * hidden_size, states * hidden_size);
        let specs = (0..num_layers).map(|l| push_linear(layout, &format!("{prefix}.l{l}"), from, to));
        Self { specs: specs.collect(), hidden_size, directions }
    }

    /// Appends the biases.
    pub(crate) fn push_biases(&mut self, layout: &mut Layout, prefix: &str) {
        for (l, spec) in self.specs.iter_mut().enumerate() {
            push_bias(layout, &format!("{prefix}.l{l}"), spec);
        }
    }

    /// The linear layers, lowest first.
    pub fn specs(&self) -> &[LinearSpec] {
        &self.specs
    }

    /// The decoder's initial states from the encoder's final ones (of each layer forwards before backwards).
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        linears: &[B::Linear],
        finals: &[State<B::Real>],
        pass: &mut BridgeWorkspace<B>,
    ) -> Vec<State<B::Real>> {
        let BridgeWorkspace { inputs, outputs, scratch, .. } = pass;
        inputs.clear();
        outputs.resize_with(self.specs.len(), Vec::new);
        let layers = finals.chunks_exact(self.directions).zip(linears).zip(outputs);
        let initial = layers.map(|((finals, linear), output)| {
            let joined = join(finals, self.hidden_size);
            let frames = backend.frames(self.specs[0].input_size, &joined);
            backend.linear_outputs(linear, backend.view(&frames), output, scratch);
            inputs.push(frames);
            tanh(output);
            let mut states = split(output, self.hidden_size, 1, !finals[0].c.is_empty());
            states.pop().unwrap_or_default()
        });
        initial.collect()
    }

    /// The gradients of the encoder's final states from those of the decoder's initial ones, `d_initial`.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        linears: &[B::Linear],
        d_initial: &[State<B::Real>],
        pass: &mut BridgeWorkspace<B>,
        grads: &mut B::Buffer,
    ) -> Vec<State<B::Real>> {
        let BridgeWorkspace { inputs, outputs, d_input, scratch } = pass;
        let layers = d_initial.iter().zip(linears).zip(inputs.iter().zip(outputs));
        let d_finals = layers.flat_map(|((d_initial, linear), (input, output))| {
            let mut d_output = join(std::slice::from_ref(d_initial), self.hidden_size);
            tanh_back(output, &mut d_output);
            let d_output = backend.d_frames(self.specs[0].output_size, &d_output);
            let views = (backend.view(input), backend.view(&d_output));
            backend.linear_backward(linear, views.0, views.1, Some(d_input), grads, scratch);
            let d_joined = backend.read_frames(backend.view(d_input));
            split(&d_joined, self.hidden_size, self.directions, !d_initial.c.is_empty())
        });
        d_finals.collect()
    }
}

/// The vectors of several states side by side, row by row: every `h`, then every `c`.
fn join<R: Real>(states: &[State<R>], size: usize) -> Vec<R> {
    let parts = || states.iter().map(|state| &state.h).chain(states.iter().map(|state| &state.c));
    let rows = states.first().map_or(0, |state| state.h.len() / size);
    let row = |row: usize| {
        parts().filter(|part| !part.is_empty()).flat_map(move |part| &part[row * size..][..size]).copied()
    };
    (0..rows).flat_map(row).collect()
}

/// The way back from [`join`].
fn split<R: Real>(joined: &[R], size: usize, count: usize, with_c: bool) -> Vec<State<R>> {
    let width = count * size * if with_c { 2 } else { 1 };
    let part = |at: usize| joined.chunks_exact(width).flat_map(|row| &row[at..][..size]).copied().collect();
    let state =
        |i: usize| State { h: part(i * size), c: if with_c { part((count + i) * size) } else { vec![] } };
    (0..count).map(state).collect()
}

impl<B: Backend> Default for BridgeWorkspace<B> {
    fn default() -> Self {
        Self {
            inputs: vec![],
            outputs: vec![],
            d_input: B::Frames::default(),
            scratch: B::Scratch::default(),
        }
    }
}
