//! What a run of a tagger settles for itself.

use serde::Serialize;

use crate::format::Column;

/// The values in force that only a tagger has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<Column>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_column: Option<Column>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowercase: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub char_embedding_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub char_hidden_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_dropout: Option<f32>,
    pub bidirectional: bool,
    pub locked_dropout: bool,
    pub crf: bool,
}
