//! Losses on the host, for few targets: values, and gradients of the outputs in the same pass.

use std::ops::AddAssign;

use refrain_kernels::{IGNORE, Loss, Real};

/// Loss and accuracy of some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Of the targets.
    pub loss: Loss,
    /// Number of correct predictions, and of all that can be correct.
    pub correct: usize,
    /// See `correct`; 0 for targets without accuracy.
    pub predictions: usize,
}

impl Score {
    /// The share of correct predictions, if the targets have an accuracy.
    pub fn accuracy(&self) -> Option<f64> {
        (self.predictions > 0).then(|| self.correct as f64 / self.predictions as f64)
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.loss.add(other.loss);
        self.correct += other.correct;
        self.predictions += other.predictions;
    }
}

impl From<Loss> for Score {
    fn from(loss: Loss) -> Self {
        Self { loss, ..Self::default() }
    }
}

/// Inputs and results of the backward pass of a loss.
#[derive(Debug)]
pub struct LossBack<'a, R> {
    /// Factor on every gradient.
    pub scale: f64,
    /// Gradient of the outputs, overwritten, in their shape.
    pub d_outputs: &'a mut Vec<R>,
}

/// Softmax cross-entropy of `logits`, `[rows, K]`, and `labels`, `[rows]` ([`IGNORE`] for none), with `weights` per
/// row, or 1 if that is empty. A prediction is correct if its label has the largest logit.
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
        score.predictions += 1;
        score.correct += usize::from(most_probable(logits) == label);
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

/// Inputs and results of the backward pass for one frame.
#[derive(Debug)]
pub struct FrameBack<'a, R> {
    /// Factor on every gradient.
    pub scale: f64,
    /// Gradient of the frame's outputs, overwritten, in their shape.
    pub d_outputs: &'a mut [R],
}

/// Negative log-likelihood in nats of `targets` (1 or 0), `[K]`, under independent Bernoulli variables with these
/// `logits`, `[K]`: binary cross-entropy, summed over the frame.
pub fn bernoulli_nll<R: Real>(logits: &[R], targets: &[f32], back: Option<FrameBack<'_, R>>) -> f64 {
    let parts = logits.iter().zip(targets);
    let nats = parts.map(|(&x, &target)| {
        let (x, target) = (x.as_f64(), f64::from(target));
        x.max(0.0) - x * target + (-x.abs()).exp().ln_1p()
    });
    let nats = nats.sum();
    if let Some(FrameBack { scale, d_outputs }) = back {
        for ((d, &x), &target) in d_outputs.iter_mut().zip(logits).zip(targets) {
            *d = R::of(scale * (sigmoid(x.as_f64()) - f64::from(target)));
        }
    }
    nats
}

/// Minimum logarithm of a deviation: values are standardised, so that no real prediction is more certain.
const MIN_LOG_DEVIATION: f64 = -5.0;

/// Mean and standard deviation of value `i` of a frame's `outputs`, `[2 V]`: the means, then the log deviations.
pub fn gaussian<R: Real>(outputs: &[R], i: usize) -> (f64, f64) {
    let log_deviation = outputs[outputs.len() / 2 + i].as_f64().max(MIN_LOG_DEVIATION);
    (outputs[i].as_f64(), log_deviation.exp())
}

/// Negative log-density in nats of `targets`, `[V]`, under the distributions of [`gaussian`], averaged over the frame.
pub fn gaussian_frame_nll<R: Real>(outputs: &[R], targets: &[f32], back: Option<FrameBack<'_, R>>) -> f64 {
    let values = targets.len();
    let share = 1.0 / values as f64;
    let mut nats = 0.0;
    let mut back = back;
    for (i, &target) in targets.iter().enumerate() {
        let (mean, deviation) = gaussian(outputs, i);
        let error = (f64::from(target) - mean) / deviation;
        nats += share * (0.5 * error * error + deviation.ln() + 0.5 * std::f64::consts::TAU.ln());
        if let Some(FrameBack { scale, d_outputs }) = &mut back {
            let factor = *scale * share;
            d_outputs[i] = R::of(-factor * error / deviation);
            let free = outputs[values + i].as_f64() > MIN_LOG_DEVIATION;
            d_outputs[values + i] = R::of(if free { factor * (1.0 - error * error) } else { 0.0 });
        }
    }
    nats
}

/// The pinball loss (Koenker & Bassett 1978) of a frame's `outputs`, `[V, Q]`, as quantiles at `levels`, `[Q]`, of
/// `targets`, `[V]`: summed over the levels, averaged over the values.
pub fn pinball_loss<R: Real>(
    outputs: &[R],
    targets: &[f32],
    levels: &[f64],
    mut back: Option<FrameBack<'_, R>>,
) -> f64 {
    let share = 1.0 / targets.len() as f64;
    let mut loss = 0.0;
    for (i, (quantile, &level)) in outputs.iter().zip(levels.iter().cycle()).enumerate() {
        let error = f64::from(targets[i / levels.len()]) - quantile.as_f64();
        let slope = if error > 0.0 { level } else { level - 1.0 };
        loss += share * slope * error;
        if let Some(FrameBack { scale, d_outputs }) = &mut back {
            d_outputs[i] = R::of(-*scale * share * slope);
        }
    }
    loss
}

/// `1 / (1 + e^-x)`.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the gradients of a frame's loss with finite differences.
    fn check(outputs: &[f64], loss: impl Fn(&[f64], Option<FrameBack<'_, f64>>) -> f64) {
        let mut d_outputs = vec![f64::NAN; outputs.len()];
        let whole = loss(outputs, Some(FrameBack { scale: 0.7, d_outputs: &mut d_outputs }));
        assert_eq!(whole, loss(outputs, None));
        for (i, d) in d_outputs.iter().enumerate() {
            let shifted = |by: f64| {
                let mut outputs = outputs.to_vec();
                outputs[i] += by;
                loss(&outputs, None)
            };
            assert!((0.7 * (shifted(1e-6) - shifted(-1e-6)) / 2e-6 - d).abs() < 1e-8, "{i}");
        }
    }

    #[test]
    fn gradients_of_frame_losses_agree_with_finite_differences() {
        let outputs = [0.3, -1.2, 2.0, 0.1, 0.4, -9.0];
        check(&outputs, |outputs, back| bernoulli_nll(outputs, &[1.0, 0.0, 1.0, 0.0, 0.0, 1.0], back));
        check(&outputs, |outputs, back| gaussian_frame_nll(outputs, &[0.5, -1.0, 2.001], back));
        check(&outputs, |outputs, back| pinball_loss(outputs, &[0.5, -1.0], &[0.1, 0.5, 0.9], back));
    }

    #[test]
    fn losses_of_frames_agree_with_their_formulas() {
        let nats = bernoulli_nll(&[0.0, 100.0, -100.0], &[1.0, 1.0, 0.0], None);
        assert!((nats - 2f64.ln()).abs() < 1e-12);
        assert!((bernoulli_nll(&[100.0], &[0.0], None) - 100.0).abs() < 1e-12);
        let nats = gaussian_frame_nll(&[1.0, 1.0, 0.0, 2f64.ln()], &[1.0, 3.0], None);
        let expected = crate::metric::gaussian_nll(&[1.0, 3.0], &[1.0, 1.0], &[1.0, 2.0]);
        assert!((nats - expected).abs() < 1e-12, "{nats} {expected}");
        let loss = pinball_loss(&[1.0, 4.0], &[2.0], &[0.1, 0.9], None);
        assert!((loss - (0.1 + 0.2)).abs() < 1e-12, "{loss}");
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let logits = [0.3, -1.2, 2.0, 0.1, 0.4, -0.3, 1.0, 1.0, 1.0_f64];
        let (labels, weights) = ([2, IGNORE, 0], [0.5_f32, 1.0, 2.0]);
        let loss = |logits: &[f64]| softmax_cross_entropy(logits, 3, &labels, &weights, None);
        let mut d_outputs = vec![];
        let back = LossBack { scale: 0.7, d_outputs: &mut d_outputs };
        let score = softmax_cross_entropy(&logits, 3, &labels, &weights, Some(back));
        assert_eq!(score, loss(&logits));
        assert_eq!((score.correct, score.predictions, score.loss.count), (2, 2, 2));
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
