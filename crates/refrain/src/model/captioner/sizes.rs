//! What makes a captioner what it is, as its file describes it.

use serde::{Deserialize, Serialize};

use crate::model::architecture::{MAX_SIZE, MAX_VOCABULARY, within};
use crate::model::recurrent::RecurrentLayers;
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
    /// Checks that every size is one that a model can have.
    ///
    /// # Errors
    /// [`Error::Config`], naming the size and its bounds.
    pub fn validate(&self) -> Result<()> {
        self.input.validate()?;
        self.recurrent.validate()?;
        within("code size", self.code_size, 1, MAX_SIZE)?;
        within("vocabulary size", self.vocab_size, 1, MAX_VOCABULARY)?;
        within("embedding size", self.embedding_size, 1, MAX_SIZE)?;
        match self.recurrent.bidirectional {
            true => Err(Error::Config("a text is written forwards: leave out --bidirectional".to_owned())),
            false => Ok(()),
        }
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
            CaptionerInput::Vector { size } => within("number of values", *size, 1, MAX_SIZE),
            CaptionerInput::Picture { width, height, channels } => {
                for side in [*width, *height] {
                    within("side of the pictures", side, 1, MAX_SIDE)?;
                    if side >> channels.len().min(MAX_LAYERS) == 0 {
                        return Err(Error::Config(format!(
                            "a picture of {width} x {height} pixels is too small for {} convolutions, each of which halves it: make it larger",
                            channels.len()
                        )));
                    }
                }
                channels.iter().try_for_each(|&channels| within("number of channels", channels, 1, MAX_SIZE))
            }
        }
    }
}
