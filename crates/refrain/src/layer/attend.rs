//! Attention as a layer: what a decoder gives is compared with what an encoder gave, through the linear layers that the
//! score wants, by [`Attention`].

use refrain_kernels::{Backend, LinearSpec, Real};
use serde::{Deserialize, Serialize};

use super::attention::{Attention, AttentionGradients, AttentionScore};
use super::linear::{push_bias, push_linear};
use crate::params::{Init, Layout};

/// How a decoder attends to the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttentionKind {
    /// It does not.
    None,
    /// `h . s`, of an encoder in both directions the sum of what they gave (Luong et al. 2015).
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
    /// Of the encoder's output, `W`.
    width: usize,
    /// Over the encoder's output, then over the decoder's.
    linears: Vec<LinearSpec>,
    /// Where `v` is, for the additive score.
    score: Option<usize>,
}

/// What is attended to.
#[derive(Clone, Debug, Default)]
pub struct Memory<R> {
    /// `[B]`
    lengths: Vec<usize>,
    /// `[S, B, H]`
    keys: Vec<R>,
    /// `[S, B, W]`
    values: Vec<R>,
    /// `[H]` of the additive score, else empty.
    score: Vec<R>,
}

/// What a pass leaves behind.
pub struct AttendWorkspace<B: Backend> {
    /// What is attended to.
    pub memory: Memory<B::Real>,
    queries: Vec<B::Real>,
    weights: Vec<B::Real>,
    context: Vec<B::Real>,
    d_queries: Vec<B::Real>,
    d_keys: Vec<B::Real>,
    d_values: Vec<B::Real>,
    d_score: Vec<B::Real>,
    d_part: B::Frames,
    scratch: B::Scratch,
}

/// What the way back takes, and where gradients go.
pub struct AttendBack<'a, B: Backend> {
    /// The encoder's, and the decoder's, as they were attended to.
    pub outputs: [B::View<'a>; 2],
    /// Gradient of the contexts, `[T, B, W]`.
    pub d_context: &'a [B::Real],
    /// Gradient of the decoder's output, added to.
    pub d_output: &'a mut B::Frames,
    /// The arena of gradients, added to.
    pub grads: &'a mut B::Buffer,
}

impl Attend {
    /// Appends the matrices that a score wants to `layout`, over an encoder's output of `width`; none for no attention.
    pub(crate) fn new(
        layout: &mut Layout,
        prefix: &str,
        kind: AttentionKind,
        hidden_size: usize,
        width: usize,
    ) -> Option<Self> {
        let mut linears = vec![];
        if matches!(kind, AttentionKind::General | AttentionKind::Additive) {
            linears.push(push_linear(layout, &format!("{prefix}.keys"), width, hidden_size));
        }
        let mut score = None;
        if kind == AttentionKind::Additive {
            linears.push(push_linear(layout, &format!("{prefix}.queries"), hidden_size, hidden_size));
            let init = Init::Uniform(1.0 / (hidden_size as f32).sqrt());
            score = Some(layout.push(format!("{prefix}.score.weight"), &[1, hidden_size], init));
        }
        (kind != AttentionKind::None).then_some(Self { hidden_size, width, linears, score })
    }

    /// Appends the bias of the queries, if there are any of their own.
    pub(crate) fn push_biases(&mut self, layout: &mut Layout, prefix: &str) {
        if let Some(queries) = self.linears.get_mut(1) {
            push_bias(layout, &format!("{prefix}.queries"), queries);
        }
    }

    /// Its linear layers.
    pub fn specs(&self) -> &[LinearSpec] {
        &self.linears
    }

    /// Reads what is to be attended to: an encoder's output `[S, B, W]`.
    pub fn remember<B: Backend>(
        &self,
        backend: &B,
        (linears, params): (&[B::Linear], &B::Buffer),
        output: B::View<'_>,
        lengths: &[usize],
        pass: &mut AttendWorkspace<B>,
    ) {
        let AttendWorkspace { memory, scratch, .. } = pass;
        memory.lengths.clear();
        memory.lengths.extend_from_slice(lengths);
        memory.values = backend.read_frames(output);
        match linears.first() {
            Some(keys) => backend.linear_outputs(keys, output, &mut memory.keys, scratch),
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
            memory.score = backend.read_part(params, at..at + self.hidden_size);
        }
    }

    /// The contexts `[T, B, W]` of a decoder's output `[T, B, H]`.
    pub fn forward<'p, B: Backend>(
        &self,
        backend: &B,
        linears: &[B::Linear],
        output: B::View<'_>,
        pass: &'p mut AttendWorkspace<B>,
    ) -> &'p [B::Real] {
        let AttendWorkspace { memory, queries, weights, context, scratch, .. } = pass;
        match linears.get(1) {
            Some(linear) => backend.linear_outputs(linear, output, queries, scratch),
            None => *queries = backend.read_frames(output),
        }
        self.attention(memory).forward(queries, weights, context);
        context
    }

    /// The way back; gives the gradient of the encoder's output.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        linears: &[B::Linear],
        pass: &mut AttendWorkspace<B>,
        back: AttendBack<'_, B>,
    ) -> B::Frames {
        let AttendBack { outputs: [encoded, decoded], d_context, d_output, grads } = back;
        let AttendWorkspace { memory, queries, weights, d_queries, d_keys, d_values, d_score, .. } = pass;
        let (d_part, scratch) = (&mut pass.d_part, &mut pass.scratch);
        d_score.clear();
        d_score.resize(memory.score.len(), B::Real::of(0.0));
        let into = AttentionGradients { queries: d_queries, keys: d_keys, values: d_values, score: d_score };
        self.attention(memory).backward(queries, weights, d_context, into);
        if let Some(at) = self.score {
            backend.add_part(d_score, grads, at);
        }
        let d_queries = backend.d_frames(self.hidden_size, d_queries);
        match linears.get(1) {
            Some(linear) => {
                let d_queries = backend.view(&d_queries);
                backend.linear_backward(linear, decoded, d_queries, Some(d_part), grads, scratch);
                backend.add_gradients(backend.view(d_part), d_output);
            }
            None => backend.add_gradients(backend.view(&d_queries), d_output),
        }
        match linears.first() {
            Some(linear) => {
                let d_keys = backend.d_frames(self.hidden_size, d_keys);
                backend.linear_backward(linear, encoded, backend.view(&d_keys), Some(d_part), grads, scratch);
                let mut d_encoded = backend.d_frames(self.width, d_values);
                backend.add_gradients(backend.view(d_part), &mut d_encoded);
                d_encoded
            }
            None => {
                let halves = d_values.chunks_exact_mut(self.width).zip(d_keys.chunks_exact(self.hidden_size));
                for (d_value, d_key) in halves {
                    d_value.iter_mut().zip(d_key.iter().cycle()).for_each(|(to, &d)| *to = *to + d);
                }
                backend.d_frames(self.width, d_values)
            }
        }
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

impl<B: Backend> AttendWorkspace<B> {
    /// The weights of the last pass, `[T, B, S]`.
    pub fn weights(&self) -> &[B::Real] {
        &self.weights
    }
}

impl<B: Backend> Default for AttendWorkspace<B> {
    fn default() -> Self {
        let [queries, weights, context, d_queries, d_keys, d_values, d_score] =
            std::array::from_fn(|_| vec![]);
        Self {
            memory: Memory::default(),
            queries,
            weights,
            context,
            d_queries,
            d_keys,
            d_values,
            d_score,
            d_part: B::Frames::default(),
            scratch: B::Scratch::default(),
        }
    }
}
