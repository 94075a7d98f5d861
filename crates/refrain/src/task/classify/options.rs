//! What a run of a classifier settles for itself.

use serde::Serialize;

use crate::model::PoolingKind;
use crate::text::TokenUnits;

/// The values in force that only a classifier has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<TokenUnits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowercase: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_size: Option<usize>,
    pub bidirectional: bool,
    pub locked_dropout: bool,
    pub pooling: PoolingKind,
    pub class_weights: bool,
}
