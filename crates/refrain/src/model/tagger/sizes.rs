//! What makes a tagger what it is, as its file describes it.

use serde::{Deserialize, Serialize};

use crate::error::{fraction, within};
use crate::layer::CharEncoderSizes;
use crate::model::input::InputKind;
use crate::model::recurrent::{MAX_SIZE, MAX_VOCABULARY, RecurrentLayers};
use crate::{Error, Result};

/// What makes a tagger what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggerSizes {
    /// What it reads. Id 0 is the unknown word.
    pub input: InputKind,
    /// What it reads of a word's spelling, beside its id.
    pub spelling: Option<CharEncoderSizes>,
    /// Share of the words that training takes for the unknown one.
    pub word_dropout: f32,
    /// Its recurrent layers.
    pub recurrent: RecurrentLayers,
    /// Whether neighbouring labels are judged together, by a conditional random field.
    pub crf: bool,
    /// `K`.
    pub labels: usize,
}

impl TaggerSizes {
    /// One LSTM layer of 128 units in each direction over this `input`, which judges each step by itself.
    pub fn new(input: InputKind, labels: usize) -> Self {
        let recurrent = RecurrentLayers { bidirectional: true, ..RecurrentLayers::default() };
        Self { input, spelling: None, word_dropout: 0.0, recurrent, crf: false, labels }
    }

    /// Checks that every size is one that a model can have.
    ///
    /// # Errors
    /// [`Error::Setting`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        self.input.validate()?;
        self.recurrent.layers.validate()?;
        within("labels", self.labels, 1, MAX_VOCABULARY)?;
        if let Some(spelling) = self.spelling {
            within("characters", spelling.vocab_size, 1, MAX_VOCABULARY)?;
            within("char_embedding_size", spelling.embedding_size, 1, MAX_SIZE)?;
            within("char_hidden_size", spelling.hidden_size, 1, MAX_SIZE)?;
        }
        let words = matches!(self.input, InputKind::Ids { .. });
        if !words && self.spelling.is_some() {
            return Err(Error::unused("char_hidden_size", "where frames are read, which have no spelling"));
        }
        fraction("word_dropout", self.word_dropout)
    }
}
