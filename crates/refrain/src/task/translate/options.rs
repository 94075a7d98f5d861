//! What a run of a translator settles for itself.

use serde::Serialize;

use crate::layer::AttentionKind;
use crate::text::TokenUnits;

/// The values in force that only a translator has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Options {
    pub source_units: TokenUnits,
    pub target_units: TokenUnits,
    pub lowercase: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_size: Option<usize>,
    pub embedding_size: usize,
    pub bidirectional: bool,
    pub locked_dropout: bool,
    pub attention: AttentionKind,
    pub scheduled_sampling: f32,
    pub label_smoothing: f32,
}
