//! From emissions to labels, their probabilities and the loss: of each time step alone, or with a conditional random field.

use refrain_kernels::{Backend, IGNORE, Real};

use super::{Tagger, TaggerBatch};
use crate::layer::{Chains, Crf, CrfBack, LossBack, Score, most_probable, softmax, softmax_cross_entropy};
use crate::model::stepwise::StepwiseWorkspace;
use crate::params::Weights;

impl Tagger {
    /// The parameters of the conditional random field; empty without one.
    pub fn crf_params<B: Backend>(&self, backend: &B, weights: &Weights<B>) -> Vec<B::Real> {
        let part = self.layers.crf.clone();
        part.map_or(vec![], |part| backend.read_part(&weights.params, part))
    }

    /// The emissions `[T, K]` of one row of a batch.
    pub fn row<R: Real>(&self, emissions: &[R], lengths: &[usize], row: usize) -> Vec<R> {
        let k = self.sizes.labels;
        let steps = (0..lengths[row]).flat_map(|t| &emissions[(t * lengths.len() + row) * k..][..k]);
        steps.copied().collect()
    }

    /// The most probable labels of a sequence from its `emissions [T, K]` and [`Tagger::crf_params`].
    pub fn decode<R: Real>(&self, crf_params: &[R], emissions: &[R]) -> Vec<u32> {
        match self.layers.crf {
            Some(_) => Crf::new(self.sizes.labels, crf_params).decode(emissions),
            None => {
                let steps = emissions.chunks_exact(self.sizes.labels);
                steps.map(|logits| most_probable(logits) as u32).collect()
            }
        }
    }

    /// The probability of each label at each time step of a sequence, `[T, K]`, from the same.
    pub fn probabilities<R: Real>(&self, crf_params: &[R], mut emissions: Vec<R>) -> Vec<R> {
        match self.layers.crf {
            Some(_) => Crf::new(self.sizes.labels, crf_params).marginals(&emissions),
            None => {
                emissions.chunks_exact_mut(self.sizes.labels).for_each(softmax);
                emissions
            }
        }
    }

    /// The loss of a sequence's labels in nats, from the same, and the number of correct predictions.
    pub fn score<R: Real>(&self, crf_params: &[R], emissions: &[R], labels: &[u32]) -> Score {
        if self.layers.crf.is_none() {
            return softmax_cross_entropy(emissions, self.sizes.labels, labels, &[], None);
        }
        let chains = Chains { emissions, labels, lengths: &[labels.len()] };
        let loss = Crf::new(self.sizes.labels, crf_params).loss(chains, None);
        let best = self.decode(crf_params, emissions);
        let correct = best.iter().zip(labels).filter(|(best, label)| best == label).count();
        Score { loss, correct, predictions: labels.len() }
    }

    /// The loss of a batch from the emissions in the workspace, which receives their gradient; the gradient of the
    /// conditional random field is added to `grads`.
    pub(super) fn loss<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &TaggerBatch,
        scale: f64,
        workspace: &mut StepwiseWorkspace<B>,
        grads: &mut B::Buffer,
    ) -> Score {
        let (k, lengths) = (self.sizes.labels, batch.lengths());
        let StepwiseWorkspace { outputs: emissions, d_outputs: d_emissions, .. } = workspace;
        let Some(place) = &self.layers.crf else {
            let mut labels = vec![IGNORE; batch.labels.values.len()];
            batch.labels.filled().for_each(|at| labels[at] = batch.labels.values[at]);
            let back = LossBack { scale, d_outputs: d_emissions };
            return softmax_cross_entropy(emissions, k, &labels, &[], Some(back));
        };
        let crf_params = self.crf_params(backend, weights);
        let mut d_crf_params = vec![B::Real::of(0.0); crf_params.len()];
        let chains = Chains { emissions, labels: &batch.labels.values, lengths };
        let back = CrfBack { scale: B::Real::of(scale), d_emissions, d_params: &mut d_crf_params };
        let loss = Crf::new(k, &crf_params).loss(chains, Some(back));
        backend.add_part(&d_crf_params, grads, place.start);
        loss.into()
    }
}
