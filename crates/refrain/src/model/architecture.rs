//! The sizes of a language model, as model files store them.

use serde::{Deserialize, Serialize};

use super::recurrent::{LayerSizes, MAX_SIZE, MAX_VOCABULARY};
use crate::error::within;
use crate::{Error, Result, SettingProblem};

/// A language model's architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Its recurrent layers.
    #[serde(flatten)]
    pub layers: LayerSizes,
    /// `E`; 0 for one-hot input.
    pub embedding_size: usize,
    /// `V`.
    pub vocab_size: usize,
    /// Whether the readout's matrix is that of the embedding (Press & Wolf 2017, <https://arxiv.org/abs/1608.05859>).
    #[serde(default)]
    pub tied_embeddings: bool,
}

impl Architecture {
    /// One LSTM layer of 128 units, one-hot input.
    pub fn new(vocab_size: usize) -> Self {
        Self { layers: LayerSizes::default(), embedding_size: 0, vocab_size, tied_embeddings: false }
    }

    /// Checks all sizes against their bounds.
    ///
    /// # Errors
    /// [`Error::Setting`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        let (hidden_size, embedding_size) = (self.layers.hidden_size, self.embedding_size);
        self.layers.validate()?;
        within("embedding_size", embedding_size, 0, MAX_SIZE)?;
        within("vocab_size", self.vocab_size, 1, MAX_VOCABULARY)?;
        if self.tied_embeddings && embedding_size != hidden_size {
            let reason = format!(
                "tied embeddings need embedding_size = hidden_size: leave out \
                `embedding_size = {embedding_size}`, or set it to {hidden_size}"
            );
            let problem = SettingProblem::Conflict { other: "embedding_size", reason };
            return Err(Error::Setting { setting: "tied_embeddings", problem });
        }
        Ok(())
    }

    /// For example `LSTM, 2 layers of 256, embedding of 64`.
    pub fn summary(&self) -> String {
        let layers = self.layers.summary();
        match self.embedding_size {
            0 => format!("{layers}, one-hot input"),
            e if self.tied_embeddings => format!("{layers}, tied embedding of {e}"),
            e => format!("{layers}, embedding of {e}"),
        }
    }
}
