//! Metrics: pure functions of truths and predictions.
//!
//! Truths come first, predictions second. Metrics that accumulate examples have an `add`. Shares and scores of
//! no examples are 0, means NaN. Values equal those of the usual tools (scikit-learn, seqeval, sacreBLEU).

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

/// `part / whole`; 0 if `whole` is 0.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
