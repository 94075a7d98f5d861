//! The sizes of a captioner, as model files store them.

use serde::{Deserialize, Serialize};

use crate::error::within;
use crate::model::recurrent::{MAX_SIZE, MAX_VOCABULARY, RecurrentLayers};
use crate::{Error, Result};

/// Colour channels of a pixel.
pub(super) const COLOURS: usize = 3;
/// Maximum width and height in pixels.
const MAX_SIDE: usize = 1024;
/// Maximum number of convolutions; each halves width and height.
const MAX_LAYERS: usize = 16;

/// The sizes of a captioner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptionerSizes {
    /// Its input.
    pub input: CaptionerInput,
    /// `C`.
    pub code_size: usize,
    /// The decoder's recurrent layers, unidirectional.
    pub recurrent: RecurrentLayers,
    /// `V`.
    pub vocab_size: usize,
    /// `E`.
    pub embedding_size: usize,
}

/// The input of a captioner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CaptionerInput {
    /// A vector.
    Vector {
        /// `F`.
        size: usize,
    },
    /// An RGB image, read by convolutions that each halve width and height.
    Picture {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Output channels of each convolution, lowest first.
        channels: Vec<usize>,
    },
}

impl CaptionerSizes {
    /// A code of 256, embeddings of 64 and one LSTM layer of 128.
    pub fn new(input: CaptionerInput, vocab_size: usize) -> Self {
        let recurrent = RecurrentLayers::default();
        Self { input, code_size: 256, recurrent, vocab_size, embedding_size: 64 }
    }

    /// Checks all sizes against their bounds.
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
            return Err(Error::unused("bidirectional", "for decoders, which are unidirectional"));
        }
        Ok(())
    }
}

impl CaptionerInput {
    /// Values per input, `F`.
    pub fn size(&self) -> usize {
        match *self {
            CaptionerInput::Vector { size } => size,
            CaptionerInput::Picture { width, height, .. } => width * height * COLOURS,
        }
    }

    /// Checks all sizes against their bounds.
    fn validate(&self) -> Result<()> {
        match self {
            CaptionerInput::Vector { size } => within("input_size", *size, 1, MAX_SIZE),
            CaptionerInput::Picture { width, height, channels } => {
                for side in [*width, *height] {
                    within("image_size", side, 1, MAX_SIDE)?;
                    if side >> channels.len().min(MAX_LAYERS) == 0 {
                        let found = format!("gives images of {width} x {height} pixels");
                        let expected = format!(
                            "that is too small for {} convolutions, which each halve width and height: increase it",
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
