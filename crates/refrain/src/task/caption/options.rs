//! What a run of a captioner settles for itself.

use std::path::PathBuf;

use serde::Serialize;

use crate::text::TokenUnits;

/// The values in force that only a captioner has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    pub augment: bool,
    pub flip: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<usize>,
    pub code_size: usize,
    pub units: TokenUnits,
    pub lowercase: bool,
    pub min_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_size: Option<usize>,
    pub embedding_size: usize,
}
