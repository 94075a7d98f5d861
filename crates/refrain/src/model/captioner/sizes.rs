//! What makes a captioner what it is, as its file describes it.

use serde::{Deserialize, Serialize};

use crate::error::within;
use crate::model::recurrent::{MAX_SIZE, MAX_VOCABULARY, RecurrentLayers};
use crate::{Error, Result};

/// Numbers of a pixel.
pub(super) const COLOURS: usize = 3;
/// Pixels a side, at most.
const MAX_SIDE: usize = 1024;
/// Convolutions, at most: a side is halved as often.
const MAX_LAYERS: usize = 16;

/// What makes a captioner what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptionerSizes {
    /// What it reads.
    pub input: CaptionerInput,
    /// `C`.
    pub code_size: usize,
    /// The decoder's recurrent layers, which run forwards.
    pub recurrent: RecurrentLayers,
    /// `V`.
    pub vocab_size: usize,
    /// `E`.
    pub embedding_size: usize,
}

/// What a captioner reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CaptionerInput {
    /// So many numbers.
    Vector {
        /// `F`.
        size: usize,
    },
    /// A picture of three colours, through convolutions that each halve its sides.
    Picture {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Channels that each convolution gives, lowest first.
        channels: Vec<usize>,
    },
}

impl CaptionerSizes {
    /// A code of 256, embeddings of 64 and one LSTM layer of 128, for texts of so many symbols about this `input`.
    pub fn new(input: CaptionerInput, vocab_size: usize) -> Self {
        let recurrent = RecurrentLayers::default();
        Self { input, code_size: 256, recurrent, vocab_size, embedding_size: 64 }
    }

    /// Checks that every size is one that a model can have.
    ///
    /// # Errors
    /// [`Error::Setting`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        self.input.validate()?;
        self.recurrent.layers.validate()?;
        within("code_size", self.code_size, 1, MAX_SIZE)?;
        within("vocab_size", self.vocab_size, 1, MAX_VOCABULARY)?;
        within("embedding_size", self.embedding_size, 1, MAX_SIZE)?;
        if self.recurrent.bidirectional {
            return Err(Error::unused("bidirectional", "where a text is written, which happens forwards"));
        }
        Ok(())
    }
}

impl CaptionerInput {
    /// Numbers of an input, `F`.
    pub fn size(&self) -> usize {
        match *self {
            CaptionerInput::Vector { size } => size,
            CaptionerInput::Picture { width, height, .. } => width * height * COLOURS,
        }
    }

    /// Checks that every size is one that a model can have.
    fn validate(&self) -> Result<()> {
        match self {
            CaptionerInput::Vector { size } => within("input_size", *size, 1, MAX_SIZE),
            CaptionerInput::Picture { width, height, channels } => {
                for side in [*width, *height] {
                    within("image_size", side, 1, MAX_SIDE)?;
                    if side >> channels.len().min(MAX_LAYERS) == 0 {
                        let found = format!("gives pictures of {width} x {height} pixels");
                        let expected = format!(
                            "that is too small for {} convolutions, each of which halves it: make it larger",
                            channels.len()
                        );
                        return Err(Error::mismatch("image_size", found, expected));
                    }
                }
                channels.iter().try_for_each(|&channels| within("channels", channels, 1, MAX_SIZE))
            }
        }
    }
}
