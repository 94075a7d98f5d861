//! Pooling by attention: the mean of the outputs of all steps, weighted by a score that is learned
//! (Yang et al. 2016, section 2.2): `softmax over t of v . tanh(W h_t + b)`.

use refrain_kernels::{Backend, LinearSpec, Real};

use super::attention::{Attention, AttentionGradients, AttentionScore};
use super::pool::Outputs;
use crate::params::{Init, Layout};

/// The score's parameters: a linear layer `[W, W]` and the vector `v` `[W]`.
#[derive(Clone, Debug)]
pub struct AttentionPool {
    keys: LinearSpec,
    vector: usize,
}

/// What is pooled, as both sides of the seam see it.
pub struct PoolInput<'a, B: Backend> {
    /// `[T, B, W]`.
    pub frames: B::View<'a>,
    /// The same on the host.
    pub outputs: Outputs<'a, B::Real>,
}

/// What a pass leaves for the way back.
pub struct AttentionPoolWorkspace<B: Backend> {
    key_frames: B::Frames,
    keys: Vec<B::Real>,
    weights: Vec<B::Real>,
    scratch: B::Scratch,
}

impl AttentionPool {
    /// Appends the matrix to `layout`; the vectors follow by [`AttentionPool::push_biases`].
    pub(crate) fn new(layout: &mut Layout, prefix: &str, width: usize) -> Self {
        let weight = layout.push(format!("{prefix}.weight"), &[width, width], init(width));
        Self { keys: LinearSpec { input_size: width, output_size: width, weight, bias: None }, vector: 0 }
    }

    /// Appends the vectors.
    pub(crate) fn push_biases(&mut self, layout: &mut Layout, prefix: &str) {
        let width = self.keys.input_size;
        self.keys.bias = Some(layout.push(format!("{prefix}.bias"), &[width], init(width)));
        self.vector = layout.push(format!("{prefix}.v"), &[width], init(width));
    }

    /// The layer that makes keys of outputs.
    pub fn linear(&self) -> LinearSpec {
        self.keys
    }

    /// Overwrites `pooled`, `[B, W]`, with the weighted means of the outputs.
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        (params, keys): (&B::Buffer, &B::Linear),
        x: PoolInput<'_, B>,
        pass: &mut AttentionPoolWorkspace<B>,
        pooled: &mut Vec<B::Real>,
    ) {
        backend.linear_forward(keys, x.frames, &mut pass.key_frames, &mut pass.scratch);
        pass.keys = backend.read_frames(backend.view(&pass.key_frames));
        let vector = self.vector(backend, params);
        let attention = self.attention(&vector, &pass.keys, x.outputs);
        attention.forward(&self.no_queries(x.outputs), &mut pass.weights, pooled);
    }

    /// The score of each output, `[T, B]`, of which weights are the softmax over the steps.
    pub fn scores<B: Backend>(
        &self,
        backend: &B,
        (params, keys): (&B::Buffer, &B::Linear),
        outputs: B::View<'_>,
        pass: &mut AttentionPoolWorkspace<B>,
    ) -> Vec<B::Real> {
        backend.linear_forward(keys, outputs, &mut pass.key_frames, &mut pass.scratch);
        pass.keys = backend.read_frames(backend.view(&pass.key_frames));
        let vector = self.vector(backend, params);
        pass.keys.chunks_exact(vector.len()).map(|key| score(key, &vector)).collect()
    }

    /// The way back: the gradient of the outputs, `[T, B, W]`, in frames.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        (params, keys): (&B::Buffer, &B::Linear),
        x: PoolInput<'_, B>,
        d_pooled: &[B::Real],
        pass: &mut AttentionPoolWorkspace<B>,
        grads: &mut B::Buffer,
    ) -> B::Frames {
        let width = self.keys.input_size;
        let vector = self.vector(backend, params);
        let [mut d_queries, mut d_keys, mut d_outputs] = [vec![], vec![], vec![]];
        let mut d_vector = vec![B::Real::of(0.0); width];
        let into = AttentionGradients {
            queries: &mut d_queries,
            keys: &mut d_keys,
            values: &mut d_outputs,
            score: &mut d_vector,
        };
        let attention = self.attention(&vector, &pass.keys, x.outputs);
        attention.backward(&self.no_queries(x.outputs), &pass.weights, d_pooled, into);
        backend.add_part(&d_vector, grads, self.vector);
        let (mut d_frames, d_keys) = (B::Frames::default(), backend.d_frames(width, &d_keys));
        let d_keys = backend.view(&d_keys);
        backend.linear_backward(keys, x.frames, d_keys, Some(&mut d_frames), grads, &mut pass.scratch);
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

    /// One query a row, which asks for nothing but what is telling in itself.
    fn no_queries<R: Real>(&self, x: Outputs<'_, R>) -> Vec<R> {
        vec![R::zero(); x.lengths.len() * x.width]
    }
}

fn score<R: Real>(key: &[R], vector: &[R]) -> R {
    key.iter().zip(vector).map(|(&k, &v)| v * k.tanh()).sum()
}

fn init(width: usize) -> Init {
    Init::Uniform(1.0 / (width as f32).sqrt())
}

impl<B: Backend> Default for AttentionPoolWorkspace<B> {
    fn default() -> Self {
        Self {
            key_frames: B::Frames::default(),
            keys: vec![],
            weights: vec![],
            scratch: B::Scratch::default(),
        }
    }
}
