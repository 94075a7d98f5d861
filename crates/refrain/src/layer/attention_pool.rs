//! Pooling by attention: the mean of the outputs of all steps, weighted by a trained score
//! (Yang et al. 2016, section 2.2): `softmax over t of v . tanh(W h_t + b)`.

use refrain_kernels::{Backend, Real};

use super::attention::{Attention, AttentionGradients, AttentionScore};
use super::linear::{Linear, LinearBack};
use super::pool::Outputs;
use super::workspace::workspace;
use crate::params::{Init, LayoutBuilder, Weights};

/// The parameters of the score: a linear layer `[W, W]` and the vector `v` `[W]`.
#[derive(Clone, Debug)]
pub struct AttentionPool {
    keys: Linear,
    vector: usize,
}

/// The pooled outputs, on the backend and on the host.
pub struct PoolInput<'a, B: Backend> {
    /// `[T, B, W]`.
    pub frames: B::View<'a>,
    /// The same on the host.
    pub outputs: Outputs<'a, B::Real>,
}

workspace! {
    /// Results of a forward pass for the backward pass.
    pub struct AttentionPoolWorkspace<B> {
        key_frames: B::Frames,
        keys: Vec<B::Real>,
        attended: Vec<B::Real>,
        scratch: B::Scratch,
    }
}

impl AttentionPool {
    /// Adds the parameters `prefix.weight`, `prefix.bias` and `prefix.v`.
    pub fn new(layout: &mut LayoutBuilder, prefix: &str, width: usize) -> Self {
        let keys = Linear::new(layout, prefix, width, width);
        Self { keys, vector: layout.vector(format!("{prefix}.v"), width, Init::of_products(width)) }
    }

    /// Overwrites `pooled`, `[B, W]`, with the weighted means of the outputs.
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        x: PoolInput<'_, B>,
        workspace: &mut AttentionPoolWorkspace<B>,
        pooled: &mut Vec<B::Real>,
    ) {
        self.keys(backend, weights, x.frames, workspace);
        let vector = self.vector(backend, &weights.params);
        let attention = self.attention(&vector, &workspace.keys, x.outputs);
        attention.forward(&self.zero_queries(x.outputs), &mut workspace.attended, pooled);
    }

    /// The score of each output, `[T, B]`; its softmax over the steps gives the weights.
    pub fn scores<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        outputs: B::View<'_>,
        workspace: &mut AttentionPoolWorkspace<B>,
    ) -> Vec<B::Real> {
        self.keys(backend, weights, outputs, workspace);
        let vector = self.vector(backend, &weights.params);
        workspace.keys.chunks_exact(vector.len()).map(|key| score(key, &vector)).collect()
    }

    /// Computes the keys of outputs in the workspace.
    fn keys<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        outputs: B::View<'_>,
        workspace: &mut AttentionPoolWorkspace<B>,
    ) {
        let AttentionPoolWorkspace { key_frames, keys, scratch, .. } = workspace;
        backend.linear_forward(weights.linear(self.keys.id), outputs, key_frames, scratch);
        *keys = backend.read_frames(backend.view(key_frames));
    }

    /// The backward pass: the gradient of the outputs, `[T, B, W]`, in frames.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        x: PoolInput<'_, B>,
        d_pooled: &[B::Real],
        workspace: &mut AttentionPoolWorkspace<B>,
        grads: &mut B::Buffer,
    ) -> B::Frames {
        let width = self.keys.input_size;
        let vector = self.vector(backend, &weights.params);
        let [mut d_queries, mut d_keys, mut d_outputs] = [vec![], vec![], vec![]];
        let mut d_vector = vec![B::Real::of(0.0); width];
        let into = AttentionGradients {
            queries: &mut d_queries,
            keys: &mut d_keys,
            values: &mut d_outputs,
            score: &mut d_vector,
        };
        let attention = self.attention(&vector, &workspace.keys, x.outputs);
        attention.backward(&self.zero_queries(x.outputs), &workspace.attended, d_pooled, into);
        backend.add_part(&d_vector, grads, self.vector);
        let mut d_frames = B::Frames::default();
        let back = LinearBack { d_outputs: &d_keys, d_input: Some(&mut d_frames), grads };
        self.keys.backward(backend, weights, x.frames, back, &mut workspace.scratch);
        backend.add_gradients(backend.view(&backend.d_frames(width, &d_outputs)), &mut d_frames);
        d_frames
    }

    fn vector<B: Backend>(&self, backend: &B, params: &B::Buffer) -> Vec<B::Real> {
        backend.read_part(params, self.vector..self.vector + self.keys.input_size)
    }

    fn attention<'a, R: Real>(&self, vector: &'a [R], keys: &'a [R], x: Outputs<'a, R>) -> Attention<'a, R> {
        Attention {
            score: AttentionScore::Additive(vector),
            keys,
            key_size: x.width,
            values: x.values,
            value_size: x.width,
            lengths: x.lengths,
        }
    }

    /// A zero query per row, so that the score depends on the keys only.
    fn zero_queries<R: Real>(&self, x: Outputs<'_, R>) -> Vec<R> {
        vec![R::zero(); x.lengths.len() * x.width]
    }
}

/// `v . tanh(k)`.
fn score<R: Real>(key: &[R], vector: &[R]) -> R {
    key.iter().zip(vector).map(|(&k, &v)| v * k.tanh()).sum()
}
