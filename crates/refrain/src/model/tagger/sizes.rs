//! The sizes of a tagger, as model files store them.

use serde::{Deserialize, Serialize};

use crate::error::{fraction, within};
use crate::layer::CharEncoderSizes;
use crate::model::input::InputKind;
use crate::model::recurrent::{MAX_SIZE, MAX_VOCABULARY, RecurrentLayers};
use crate::{Error, Result};

/// The sizes of a tagger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggerSizes {
    /// Its input. Id 0 is the unknown token.
    pub input: InputKind,
    /// Layers over the characters of words.
    pub spelling: Option<CharEncoderSizes>,
    /// Probability that training replaces a word by the unknown token.
    pub word_dropout: f32,
    /// Its recurrent layers.
    pub recurrent: RecurrentLayers,
    /// Whether a conditional random field follows the emissions.
    pub crf: bool,
    /// `K`.
    pub labels: usize,
}

impl TaggerSizes {
    /// One LSTM layer of 128 units in each direction, without a conditional random field.
    pub fn new(input: InputKind, labels: usize) -> Self {
        let recurrent = RecurrentLayers { bidirectional: true, ..RecurrentLayers::default() };
        Self { input, spelling: None, word_dropout: 0.0, recurrent, crf: false, labels }
    }

    /// Checks all sizes against their bounds.
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
            return Err(Error::unused("char_hidden_size", "for frames, which have no spelling"));
        }
        fraction("word_dropout", self.word_dropout)
    }
}
