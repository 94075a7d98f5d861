//! Precision, recall and their harmonic mean (van Rijsbergen 1979).

use super::share;

/// Counts of one class, or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrecisionRecall {
    /// Correct predictions.
    pub correct: u64,
    /// All predictions.
    pub predicted: u64,
    /// All truths.
    pub support: u64,
}

impl PrecisionRecall {
    /// The share of predictions that are correct, 0..=1; 0 without predictions.
    pub fn precision(&self) -> f64 {
        share(self.correct, self.predicted)
    }

    /// The share of truths that were predicted, 0..=1; 0 without truths.
    pub fn recall(&self) -> f64 {
        share(self.correct, self.support)
    }

    /// The harmonic mean of precision and recall, 0..=1; 0 without predictions and truths.
    pub fn f1(&self) -> f64 {
        share(2 * self.correct, self.predicted + self.support)
    }
}
