//! Attention as a layer: [`Attention`] of a decoder over the output of an encoder, with the linear layers of its score.

use refrain_kernels::{Backend, Real};
use serde::{Deserialize, Serialize};

use super::attention::{Attention, AttentionGradients, AttentionScore};
use super::linear::{Linear, LinearBack};
use super::workspace::workspace;
use crate::params::{Init, LayoutBuilder, Weights};

/// The attention of a decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttentionKind {
    /// No attention.
    None,
    /// `h . s`, with the sum of both directions of a bidirectional encoder (Luong et al. 2015).
    Dot,
    /// `h . W s` (Luong et al. 2015).
    #[default]
    General,
    /// `v . tanh(W h + U s)` (Bahdanau et al. 2015).
    Additive,
}

/// Attention with its linear layers.
#[derive(Clone, Debug)]
pub struct Attend {
    /// `H` of the decoder, and the size of keys.
    hidden_size: usize,
    /// `W`, size of the encoder's output.
    width: usize,
    /// Applied to the encoder's output.
    keys: Option<Linear>,
    /// Applied to the decoder's output.
    queries: Option<Linear>,
    /// The offset of `v`, for the additive score.
    score: Option<usize>,
}

/// The source of attention.
#[derive(Clone, Debug, Default)]
pub struct Memory<R> {
    /// `[B]`.
    lengths: Vec<usize>,
    /// `[S, B, H]`.
    keys: Vec<R>,
    /// `[S, B, W]`.
    values: Vec<R>,
    /// `[H]` of the additive score, otherwise empty.
    score: Vec<R>,
}

workspace! {
    /// Results and buffers of a pass.
    pub struct AttendWorkspace<B> {
        /// The source.
        pub memory: Memory<B::Real>,
        queries: Vec<B::Real>,
        /// The weights of the last pass, `[T, B, S]`.
        pub attended: Vec<B::Real>,
        context: Vec<B::Real>,
        d_queries: Vec<B::Real>,
        d_keys: Vec<B::Real>,
        d_values: Vec<B::Real>,
        d_score: Vec<B::Real>,
        d_part: B::Frames,
        scratch: B::Scratch,
    }
}

/// Inputs of the backward pass, and the gradients.
pub struct AttendBack<'a, B: Backend> {
    /// The encoder's output, `[S, B, W]`.
    pub encoded: B::View<'a>,
    /// The decoder's output, `[T, B, H]`.
    pub decoded: B::View<'a>,
    /// Gradient of the contexts, `[T, B, W]`.
    pub d_context: &'a [B::Real],
    /// Gradient of the decoder's output, added to.
    pub d_output: &'a mut B::Frames,
    /// The arena of gradients, added to.
    pub grads: &'a mut B::Buffer,
}

impl Attend {
    /// Adds the parameters of the score, for an encoder's output of `width`; none without attention.
    pub fn new(
        layout: &mut LayoutBuilder,
        prefix: &str,
        kind: AttentionKind,
        hidden_size: usize,
        width: usize,
    ) -> Option<Self> {
        use AttentionKind::{Additive, General};
        let keys = matches!(kind, General | Additive)
            .then(|| Linear::without_bias(layout, &format!("{prefix}.keys"), width, hidden_size));
        let additive = (kind == Additive).then(|| {
            let queries = Linear::new(layout, &format!("{prefix}.queries"), hidden_size, hidden_size);
            let init = Init::of_products(hidden_size);
            (queries, layout.matrix(format!("{prefix}.score.weight"), [1, hidden_size], init))
        });
        let (queries, score) = additive.unzip();
        (kind != AttentionKind::None).then_some(Self { hidden_size, width, keys, queries, score })
    }

    /// Sets the source: an encoder's output `[S, B, W]`.
    pub fn set_memory<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        output: B::View<'_>,
        lengths: &[usize],
        workspace: &mut AttendWorkspace<B>,
    ) {
        let AttendWorkspace { memory, scratch, .. } = workspace;
        memory.lengths.clear();
        memory.lengths.extend_from_slice(lengths);
        memory.values = backend.read_frames(output);
        match &self.keys {
            Some(keys) => keys.outputs(backend, weights, output, &mut memory.keys, scratch),
            None => {
                memory.keys.clear();
                for value in memory.values.chunks_exact(self.width) {
                    let sum =
                        |i: usize| value[i..].iter().step_by(self.hidden_size).copied().sum::<B::Real>();
                    memory.keys.extend((0..self.hidden_size).map(sum));
                }
            }
        }
        if let Some(at) = self.score {
            memory.score = backend.read_part(&weights.params, at..at + self.hidden_size);
        }
    }

    /// The contexts `[T, B, W]` for a decoder's output `[T, B, H]`.
    pub fn forward<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        output: B::View<'_>,
        workspace: &'w mut AttendWorkspace<B>,
    ) -> &'w [B::Real] {
        let AttendWorkspace { memory, queries, attended, context, scratch, .. } = workspace;
        match &self.queries {
            Some(linear) => linear.outputs(backend, weights, output, queries, scratch),
            None => *queries = backend.read_frames(output),
        }
        self.attention(memory).forward(queries, attended, context);
        context
    }

    /// The backward pass; returns the gradient of the encoder's output.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        workspace: &mut AttendWorkspace<B>,
        back: AttendBack<'_, B>,
    ) -> B::Frames {
        let AttendBack { encoded, decoded, d_context, d_output, grads } = back;
        let AttendWorkspace { memory, queries, attended, d_queries, d_keys, d_values, d_score, .. } =
            workspace;
        let (d_part, scratch) = (&mut workspace.d_part, &mut workspace.scratch);
        d_score.clear();
        d_score.resize(memory.score.len(), B::Real::of(0.0));
        let into = AttentionGradients { queries: d_queries, keys: d_keys, values: d_values, score: d_score };
        self.attention(memory).backward(queries, attended, d_context, into);
        if let Some(at) = self.score {
            backend.add_part(d_score, grads, at);
        }
        match &self.queries {
            Some(linear) => {
                let back = LinearBack { d_outputs: d_queries, d_input: Some(d_part), grads };
                linear.backward(backend, weights, decoded, back, scratch);
                backend.add_gradients(backend.view(d_part), d_output);
            }
            None => {
                let d_queries = backend.d_frames(self.hidden_size, d_queries);
                backend.add_gradients(backend.view(&d_queries), d_output);
            }
        }
        let Some(linear) = &self.keys else {
            let halves = d_values.chunks_exact_mut(self.width).zip(d_keys.chunks_exact(self.hidden_size));
            for (d_value, d_key) in halves {
                d_value.iter_mut().zip(d_key.iter().cycle()).for_each(|(to, &d)| *to = *to + d);
            }
            return backend.d_frames(self.width, d_values);
        };
        let back = LinearBack { d_outputs: d_keys, d_input: Some(d_part), grads };
        linear.backward(backend, weights, encoded, back, scratch);
        let mut d_encoded = backend.d_frames(self.width, d_values);
        backend.add_gradients(backend.view(d_part), &mut d_encoded);
        d_encoded
    }

    fn attention<'a, R: Real>(&self, memory: &'a Memory<R>) -> Attention<'a, R> {
        Attention {
            score: match self.score {
                Some(_) => AttentionScore::Additive(&memory.score),
                None => AttentionScore::Dot,
            },
            keys: &memory.keys,
            key_size: self.hidden_size,
            values: &memory.values,
            value_size: self.width,
            lengths: &memory.lengths,
        }
    }
}
