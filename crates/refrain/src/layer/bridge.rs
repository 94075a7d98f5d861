//! Computes the initial state of a decoder from the final state of an encoder.
//!
//! For each layer, the final states of both directions go through a linear layer and a tanh: `[h, c] =
//! tanh(W [h_forwards, h_backwards, c_forwards, c_backwards] + b)`, without `c` for cells that have none.

use refrain_kernels::{Backend, Real, State};

use super::linear::{Linear, LinearBack};
use super::tanh::{tanh, tanh_back};
use super::workspace::workspace;
use crate::params::{LayoutBuilder, Weights};

/// One linear layer per layer of the encoder, which has the same depth, cell and hidden size as the decoder.
#[derive(Clone, Debug)]
pub struct Bridge {
    linears: Vec<Linear>,
    hidden_size: usize,
    /// Of the encoder.
    directions: usize,
}

workspace! {
    /// Results and buffers of a pass.
    pub struct BridgeWorkspace<B> {
        /// Inputs and outputs of each linear layer, `[B, 1 or 2 H]`.
        inputs: Vec<B::Frames>,
        outputs: Vec<Vec<B::Real>>,
        d_input: B::Frames,
        scratch: B::Scratch,
    }
}

impl Bridge {
    /// Adds the linear layers `prefix.l0` and so on; `states` is the number of vectors of a layer's state.
    pub fn new(
        layout: &mut LayoutBuilder,
        prefix: &str,
        num_layers: usize,
        hidden_size: usize,
        directions: usize,
        states: usize,
    ) -> Self {
        let (from, to) = (directions * states * hidden_size, states * hidden_size);
        let linears = (0..num_layers).map(|l| Linear::new(layout, &format!("{prefix}.l{l}"), from, to));
        Self { linears: linears.collect(), hidden_size, directions }
    }

    /// The decoder's initial states from the encoder's final ones (within a layer the forward direction first).
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        finals: &[State<B::Real>],
        workspace: &mut BridgeWorkspace<B>,
    ) -> Vec<State<B::Real>> {
        let BridgeWorkspace { inputs, outputs, scratch, .. } = workspace;
        inputs.clear();
        outputs.resize_with(self.linears.len(), Vec::new);
        let layers = finals.chunks_exact(self.directions).zip(&self.linears).zip(outputs);
        let initial = layers.map(|((finals, linear), output)| {
            let joined = join(finals, self.hidden_size);
            let frames = backend.frames(linear.input_size, &joined);
            linear.outputs(backend, weights, backend.view(&frames), output, scratch);
            inputs.push(frames);
            tanh(output);
            let mut states = split(output, self.hidden_size, 1, !finals[0].c.is_empty());
            states.pop().unwrap_or_default()
        });
        initial.collect()
    }

    /// The gradients of the encoder's final states from `d_initial`, those of the decoder's initial ones.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        d_initial: &[State<B::Real>],
        workspace: &mut BridgeWorkspace<B>,
        grads: &mut B::Buffer,
    ) -> Vec<State<B::Real>> {
        let BridgeWorkspace { inputs, outputs, d_input, scratch } = workspace;
        let layers = d_initial.iter().zip(&self.linears).zip(inputs.iter().zip(outputs));
        let d_finals = layers.flat_map(|((d_initial, linear), (input, output))| {
            let mut d_output = join(std::slice::from_ref(d_initial), self.hidden_size);
            tanh_back(output, &mut d_output);
            let back = LinearBack { d_outputs: &d_output, d_input: Some(&mut *d_input), grads: &mut *grads };
            linear.backward(backend, weights, backend.view(input), back, scratch);
            let d_joined = backend.read_frames(backend.view(d_input));
            split(&d_joined, self.hidden_size, self.directions, !d_initial.c.is_empty())
        });
        d_finals.collect()
    }
}

/// Concatenates the vectors of several states, row by row: every `h`, then every `c`.
fn join<R: Real>(states: &[State<R>], size: usize) -> Vec<R> {
    let parts = || states.iter().map(|state| &state.h).chain(states.iter().map(|state| &state.c));
    let rows = states.first().map_or(0, |state| state.h.len() / size);
    let row = |row: usize| {
        parts().filter(|part| !part.is_empty()).flat_map(move |part| &part[row * size..][..size]).copied()
    };
    (0..rows).flat_map(row).collect()
}

/// The reverse of [`join`].
fn split<R: Real>(joined: &[R], size: usize, count: usize, with_c: bool) -> Vec<State<R>> {
    let width = count * size * if with_c { 2 } else { 1 };
    let part = |at: usize| joined.chunks_exact(width).flat_map(|row| &row[at..][..size]).copied().collect();
    let state =
        |i: usize| State { h: part(i * size), c: if with_c { part((count + i) * size) } else { vec![] } };
    (0..count).map(state).collect()
}
