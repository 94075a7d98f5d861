//! What makes a tagger what it is, as its file describes it.

use serde::{Deserialize, Serialize};

use crate::model::architecture::{MAX_SIZE, MAX_VOCABULARY, within};
use crate::model::input::InputKind;
use crate::model::recurrent::RecurrentLayers;
use crate::{Error, Result};

/// What makes a tagger what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggerSizes {
    /// What it reads. Id 0 is the unknown word.
    pub input: InputKind,
    /// What it reads of a word's spelling, beside its id.
    pub spelling: Option<SpellingSizes>,
    /// Share of the words that training takes for the unknown one.
    pub word_dropout: f32,
    /// Its recurrent layers.
    pub recurrent: RecurrentLayers,
    /// Whether neighbouring labels are judged together, by a conditional random field.
    pub crf: bool,
    /// `K`.
    pub labels: usize,
}

/// How words are read character by character.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpellingSizes {
    /// Characters, the unknown one included.
    pub vocab_size: usize,
    /// Numbers that stand for a character.
    pub embedding_size: usize,
    /// Units in each direction.
    pub hidden_size: usize,
}

impl TaggerSizes {
    /// Checks that every size is one that a model can have.
    ///
    /// # Errors
    /// [`Error::Config`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        self.input.validate()?;
        self.recurrent.validate()?;
        within("number of labels", self.labels, 1, MAX_VOCABULARY)?;
        if let Some(spelling) = self.spelling {
            within("number of characters", spelling.vocab_size, 1, MAX_VOCABULARY)?;
            within("embedding size of characters", spelling.embedding_size, 1, MAX_SIZE)?;
            within("hidden size of characters", spelling.hidden_size, 1, MAX_SIZE)?;
        }
        let words = matches!(self.input, InputKind::Ids { .. });
        if !words && self.spelling.is_some() {
            return Err(Error::Config("frames have no spelling: only words have one".to_owned()));
        }
        match (0.0..1.0).contains(&self.word_dropout) {
            true => Ok(()),
            false => Err(Error::Config(format!(
                "word-dropout is {}: give a share from 0 up to, not including, 1",
                self.word_dropout
            ))),
        }
    }
}
