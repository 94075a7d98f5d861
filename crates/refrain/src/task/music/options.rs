//! What a run of a model of music settles for itself.

use serde::Serialize;

/// The values in force that only a model of music has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Options {
    pub steps_per_quarter: u32,
    pub transpose: u8,
    pub locked_dropout: bool,
}
