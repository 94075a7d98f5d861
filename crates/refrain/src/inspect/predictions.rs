//! A model's predictions of a text, window by window.

use refrain_kernels::{Real, Trace};

use super::PredictionReport;
use crate::sample::candidates;

/// Number of most probable next tokens to report.
const CANDIDATES: usize = 5;

/// Maximum number of tokens with reported candidates, which take most of the space.
const MAX_PREDICTED: usize = 20_000;

/// Some time steps of a text.
pub struct Window<'s, R> {
    /// The first time step, from 0.
    pub from: usize,
    /// `[T]`: the tokens.
    pub ids: &'s [u32],
    /// The activations of each layer, lowest first, `[T, 1, H]`.
    pub layers: &'s [Trace<R>],
    /// `[T, V]`: of the next tokens.
    pub logits: &'s [R],
}

/// A model's predictions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// Surprisal of each token in nats; NaN for the first.
    pub surprise: Vec<f32>,
    /// The most probable next tokens with their probabilities, most probable first.
    pub candidates: Vec<Vec<(u32, f32)>>,
}

impl Predictions {
    /// Adds a window of the text `ids`.
    pub fn add<R: Real>(&mut self, window: &Window<'_, R>, vocab_size: usize, ids: &[u32]) {
        if self.surprise.is_empty() {
            self.surprise.push(f32::NAN);
        }
        for (t, logits) in (window.from..).zip(window.logits.chunks_exact(vocab_size)) {
            let next = ids.get(t + 1).copied();
            let (best, probability) = candidates(logits, CANDIDATES, next);
            self.surprise.extend(probability.map(|p| -p.max(f32::MIN_POSITIVE).ln()));
            self.candidates.push(best);
        }
    }
}

impl PredictionReport {
    /// From `predictions`, with the texts of tokens.
    pub(crate) fn of(predictions: &Predictions, text_of: impl Fn(u32) -> String) -> Self {
        let with_text =
            |top: &Vec<(u32, f32)>| top.iter().map(|&(id, p)| (text_of(id), rounded(p))).collect();
        Self {
            surprise: predictions.surprise.iter().map(|x| x.is_finite().then(|| rounded(*x))).collect(),
            top: predictions.candidates.iter().take(MAX_PREDICTED).map(with_text).collect(),
        }
    }
}

/// Rounded to four decimal places, so that pages stay small.
fn rounded(x: f32) -> f64 {
    (f64::from(x) * 1e4).round() / 1e4
}
