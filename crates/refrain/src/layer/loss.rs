//! Losses on the host, where the targets are few: forward, and the gradient of the outputs in the same sweep.

use std::ops::AddAssign;

use refrain_kernels::{IGNORE, Loss, Real};

/// How well some rows were predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Of the targets.
    pub loss: Loss,
    /// Of those that are right or wrong, how many were right; and how many those are.
    pub right: usize,
    /// See `right`; 0 where nothing is right or wrong.
    pub judged: usize,
}

impl Score {
    /// The share of right ones, where there is such a thing.
    pub fn accuracy(&self) -> Option<f64> {
        (self.judged > 0).then(|| self.right as f64 / self.judged as f64)
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.loss.add(other.loss);
        self.right += other.right;
        self.judged += other.judged;
    }
}

impl From<Loss> for Score {
    fn from(loss: Loss) -> Self {
        Self { loss, ..Self::default() }
    }
}

/// What the way back from a loss needs.
#[derive(Debug)]
pub struct LossBack<'a, R> {
    /// Factor on every gradient.
    pub scale: f64,
    /// Gradient of the outputs, overwritten, in their shape.
    pub d_outputs: &'a mut Vec<R>,
}

/// Softmax cross-entropy of `logits`, `[rows, K]`, against `labels`, `[rows]` ([`IGNORE`] where there is none), each row
/// weighing as much as `weights` says, or all 1 if that is empty. A row is right if its label has the largest logit.
pub fn softmax_cross_entropy<R: Real>(
    logits: &[R],
    classes: usize,
    labels: &[u32],
    weights: &[f32],
    mut back: Option<LossBack<'_, R>>,
) -> Score {
    let mut score = Score::default();
    if let Some(LossBack { d_outputs, .. }) = &mut back {
        d_outputs.clear();
        d_outputs.resize(logits.len(), R::zero());
    }
    for (row, (logits, &label)) in logits.chunks_exact(classes).zip(labels).enumerate() {
        if label == IGNORE {
            continue;
        }
        let label = label as usize;
        let weight = weights.get(row).copied().map_or(1.0, f64::from);
        let largest = logits.iter().copied().fold(R::neg_infinity(), R::max);
        let sum: R = logits.iter().map(|&x| (x - largest).exp()).sum();
        let log_sum = largest + sum.ln();
        score.loss.add(Loss { nats: weight * (log_sum - logits[label]).as_f64(), count: 1 });
        score.judged += 1;
        score.right += usize::from(most_probable(logits) == label);
        if let Some(LossBack { scale, d_outputs }) = &mut back {
            let factor = R::of(*scale * weight);
            for (class, (d, &x)) in d_outputs[row * classes..].iter_mut().zip(logits).enumerate() {
                let target = if class == label { R::one() } else { R::zero() };
                *d = factor * ((x - log_sum).exp() - target);
            }
        }
    }
    score
}

/// The class with the largest logit, the first of several.
pub fn most_probable<R: Real>(logits: &[R]) -> usize {
    let mut best = 0;
    for (class, x) in logits.iter().enumerate() {
        if *x > logits[best] {
            best = class;
        }
    }
    best
}

/// Logits to probabilities, in place.
pub fn softmax<R: Real>(logits: &mut [R]) {
    let largest = logits.iter().copied().fold(R::neg_infinity(), R::max);
    logits.iter_mut().for_each(|x| *x = (*x - largest).exp());
    let sum: R = logits.iter().copied().sum();
    logits.iter_mut().for_each(|x| *x = *x / sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_agree_with_finite_differences() {
        let logits = [0.3, -1.2, 2.0, 0.1, 0.4, -0.3, 1.0, 1.0, 1.0_f64];
        let (labels, weights) = ([2, IGNORE, 0], [0.5_f32, 1.0, 2.0]);
        let loss = |logits: &[f64]| softmax_cross_entropy(logits, 3, &labels, &weights, None);
        let mut d_outputs = vec![];
        let back = LossBack { scale: 0.7, d_outputs: &mut d_outputs };
        let score = softmax_cross_entropy(&logits, 3, &labels, &weights, Some(back));
        assert_eq!(score, loss(&logits));
        assert_eq!((score.right, score.judged, score.loss.count), (2, 2, 2));
        for (i, d) in d_outputs.iter().enumerate() {
            let shifted = |by: f64| {
                let mut logits = logits;
                logits[i] += by;
                loss(&logits).loss.nats
            };
            assert!((0.7 * (shifted(1e-6) - shifted(-1e-6)) / 2e-6 - d).abs() < 1e-8, "{i}");
        }
    }

    #[test]
    fn probabilities_sum_to_one_even_for_large_logits() {
        let mut logits = [1000.0_f32, 1000.0, -1000.0];
        softmax(&mut logits);
        assert_eq!(logits, [0.5, 0.5, 0.0]);
    }
}
