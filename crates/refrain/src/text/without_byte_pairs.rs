//! Replacement of byte pair encoding in a build without the feature `tokenizers`, which does not support it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Error, ModelProblem, Result};

/// Cannot be constructed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "serde::de::IgnoredAny")]
pub(super) enum BytePairs {}

const UNSUPPORTED: ModelProblem = ModelProblem::Unsupported { what: "the feature `tokenizers`" };

impl BytePairs {
    /// # Errors
    /// Always [`Error::Model`].
    pub(super) fn train(_texts: &[Cow<'_, str>], _min_count: u64, _size: usize) -> Result<Self> {
        Err(Error::Model { name: "a vocabulary of subwords".to_owned(), problem: UNSUPPORTED })
    }

    pub(super) fn len(&self) -> usize {
        match *self {}
    }

    pub(super) fn encode(&self, _text: &str) -> Vec<u32> {
        match *self {}
    }

    pub(super) fn subword(&self, _id: u32) -> Option<&[u8]> {
        match *self {}
    }
}

impl TryFrom<serde::de::IgnoredAny> for BytePairs {
    type Error = ModelProblem;

    fn try_from(_merges: serde::de::IgnoredAny) -> Result<Self, ModelProblem> {
        Err(UNSUPPORTED)
    }
}
