//! What a model expected of a text, window by window.

use refrain_kernels::{Real, Trace};

use super::Expectations;
use crate::sample::candidates;

/// Candidates that are told of what may come next.
const CANDIDATES: usize = 5;

/// Tokens after which candidates are told: they take more room than all else about a token.
const MAX_PREDICTED: usize = 20_000;

/// What happened at some steps of a text, which was read from its start.
pub struct Window<'s, R> {
    /// The number of the first step, from 0.
    pub from: usize,
    /// `[T]`: the tokens that were read.
    pub ids: &'s [u32],
    /// The activations of each layer, lowest first, `[T, 1, H]`.
    pub layers: &'s [Trace<R>],
    /// `[T, V]`: of what comes after each of the tokens.
    pub logits: &'s [R],
}

/// What a model expected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// Nats: how surprising each token was after those before it; NaN for the first.
    pub surprise: Vec<f32>,
    /// The most probable tokens after each one, with their probabilities, the most probable first.
    pub candidates: Vec<Vec<(u32, f32)>>,
}

impl Predictions {
    /// Adds the steps of a window of the text `ids`.
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

impl Expectations {
    /// What `predictions` say, in words.
    pub(crate) fn of(predictions: &Predictions, text_of: impl Fn(u32) -> String) -> Self {
        let named = |top: &Vec<(u32, f32)>| top.iter().map(|&(id, p)| (text_of(id), shortened(p))).collect();
        Self {
            surprise: predictions.surprise.iter().map(|x| x.is_finite().then(|| shortened(*x))).collect(),
            top: predictions.candidates.iter().take(MAX_PREDICTED).map(named).collect(),
        }
    }
}

/// To four places after the point: more would be most of a page.
fn shortened(x: f32) -> f64 {
    (f64::from(x) * 1e4).round() / 1e4
}
