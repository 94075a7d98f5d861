//! What a run of a forecaster settles for itself.

use serde::Serialize;

/// The values in force that only a forecaster has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Options {
    pub columns: Vec<String>,
    pub horizon: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<Vec<f64>>,
    pub season: usize,
    pub test_fraction: f64,
    pub seq_length: usize,
    pub locked_dropout: bool,
}
