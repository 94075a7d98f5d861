//! How good predictions are, by the measures of each field: pure functions of predictions and truths.
//!
//! Truths come first, predictions second. What is gathered example by example has an `add` and may be asked at any
//! time; shares and scores of nothing at all are 0, means of nothing NaN. Where a field has a tool that everybody
//! reports the numbers of (scikit-learn, seqeval, sacreBLEU), these are its numbers.

mod bleu;
mod chrf;
mod classification;
mod edit;
mod forecast;
mod ngrams;
mod precision_recall;
mod spans;
mod text_scores;

pub use bleu::Bleu;
pub use chrf::Chrf;
pub use classification::Confusion;
pub use edit::{ErrorRate, edit_distance};
pub use forecast::{gaussian_nll, mae, pinball, rmse};
pub use precision_recall::PrecisionRecall;
pub use spans::{Span, SpanScores, is_spans, spans};
pub use text_scores::TextScores;

/// A share of a whole; nothing of nothing is 0.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
