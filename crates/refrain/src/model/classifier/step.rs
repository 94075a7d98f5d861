//! A classifier in steps, with running pooling as part of its state.

use refrain_kernels::{Backend, Real, State};

use super::{Classifier, ClassifierBatch, ClassifierWorkspace, Pool};
use crate::layer::Pooling;
use crate::params::Weights;

/// The state of `rows` sequences after some time steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassifierState<R> {
    /// Of the recurrent layers, one element per layer.
    pub layers: Vec<State<R>>,
    /// Time steps so far.
    pub steps: usize,
    /// `[rows, W]`: the last outputs; their maximum; their sum; or their sum weighted by `exp(score - largest score)`.
    pub pooled: Vec<R>,
    /// `[rows]`, for attention pooling: the largest score so far.
    pub largest: Vec<R>,
    /// `[rows]`, for attention pooling: the sum of the weights.
    pub total: Vec<R>,
}

impl Classifier {
    /// The initial state of `rows` sequences.
    pub fn zero_state<B: Backend>(&self, rows: usize) -> ClassifierState<B::Real> {
        let zeros = |len: usize| vec![B::Real::of(0.0); len];
        let attention = if matches!(self.layers.pool, Pool::Attention(_)) { rows } else { 0 };
        ClassifierState {
            layers: self.layers.backbone.stack.zero_state::<B>(rows),
            steps: 0,
            pooled: zeros(rows * self.sizes.recurrent.output_size()),
            largest: vec![B::Real::of(f64::NEG_INFINITY); attention],
            total: zeros(attention),
        }
    }

    /// One more time step, `[1, rows]` in `batch`: the logits `[rows, K]` of the classes after it. A mean over time steps,
    /// weighted or not, is a running mean and differs from [`Classifier::logits`] in rounding.
    pub fn step<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &ClassifierBatch,
        state: &mut ClassifierState<B::Real>,
        workspace: &'w mut ClassifierWorkspace<B>,
    ) -> &'w [B::Real] {
        self.read(backend, weights, batch.read(None), &mut state.layers, workspace);
        let width = self.sizes.recurrent.output_size();
        let first = state.steps == 0;
        state.steps += 1;
        let outputs = &workspace.outputs;
        let pooled = match &self.layers.pool {
            Pool::Plain(Pooling::Max) if !first => {
                let larger = |(best, &x): (&mut B::Real, &B::Real)| *best = if x > *best { x } else { *best };
                state.pooled.iter_mut().zip(outputs).for_each(larger);
                state.pooled.clone()
            }
            Pool::Plain(Pooling::Last | Pooling::Max) => {
                state.pooled.clone_from(outputs);
                state.pooled.clone()
            }
            Pool::Plain(Pooling::Mean) => {
                state.pooled.iter_mut().zip(outputs).for_each(|(sum, &x)| *sum = *sum + x);
                let share = B::Real::of(1.0 / state.steps as f64);
                state.pooled.iter().map(|&sum| share * sum).collect()
            }
            Pool::Attention(pool) => {
                let outputs = workspace.backbone.stack.output(backend);
                let scores = pool.scores(backend, weights, outputs, &mut workspace.attention);
                state.weigh(&scores, &workspace.outputs, width);
                let rows = state.pooled.chunks_exact(width).zip(&state.total);
                rows.flat_map(|(row, &total)| row.iter().map(move |&sum| sum / total)).collect()
            }
        };
        workspace.pooled = backend.frames(width, &pooled);
        let ClassifierWorkspace { pooled, logits, scratch, .. } = workspace;
        self.layers.output.outputs(backend, weights, backend.view(pooled), logits, scratch);
        logits
    }
}

impl<R: Real> ClassifierState<R> {
    /// Adds outputs `[rows, W]` by their `scores`, `[rows]`, to a running softmax over all time steps: a new largest
    /// score scales the sum so far down.
    fn weigh(&mut self, scores: &[R], outputs: &[R], width: usize) {
        for (row, (&score, outputs)) in scores.iter().zip(outputs.chunks_exact(width)).enumerate() {
            let largest = self.largest[row].max(score);
            let (before, weight) = ((self.largest[row] - largest).exp(), (score - largest).exp());
            let pooled = &mut self.pooled[row * width..][..width];
            pooled.iter_mut().zip(outputs).for_each(|(sum, &x)| *sum = *sum * before + x * weight);
            self.total[row] = self.total[row] * before + weight;
            self.largest[row] = largest;
        }
    }
}
