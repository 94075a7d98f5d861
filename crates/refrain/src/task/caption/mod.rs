//! Generates a text for a vector or an image.

mod augment;
mod baseline;
mod batches;
mod data;
#[cfg(all(feature = "train", feature = "files", feature = "formats", feature = "pictures"))]
mod files;
mod inspect;
mod predict;
#[cfg(feature = "train")]
mod prepare;

use serde::{Deserialize, Serialize};

pub use augment::Augment;
pub use batches::{CaptionBatches, CaptionExample};
pub use data::{CaptionInput, Captioning, Dataset, InputCodec};
pub use predict::{CaptionEvaluation, Captioned, Decoding};

use crate::Result;
use crate::model::{Captioner, CaptionerInput, CaptionerSizes, Task, TaskName};
use crate::task::inconsistent;
use crate::text::Tokenizer;

/// A captioner with the encoding of its inputs and its tokenizer.
#[derive(Clone, Debug)]
pub struct Caption {
    network: Captioner,
    codec: InputCodec,
    tokenizer: Tokenizer,
    /// Tokens of the longest text of the training set.
    longest: usize,
}

/// Description of the model in its file.
#[derive(Serialize, Deserialize)]
pub struct Description {
    sizes: CaptionerSizes,
    codec: InputCodec,
    tokenizer: Tokenizer,
    longest: usize,
}

impl Caption {
    /// How inputs are encoded.
    pub fn codec(&self) -> &InputCodec {
        &self.codec
    }
}

impl Task for Caption {
    const NAME: &'static str = TaskName::Caption.name();
    type Network = Captioner;
    type Description = Description;

    fn new(Description { sizes, codec, tokenizer, longest }: Description) -> Result<Self> {
        let fits = match (&codec, &sizes.input) {
            (InputCodec::Vector(scaling), CaptionerInput::Vector { size }) => scaling.is_of(*size),
            (InputCodec::Image { side }, CaptionerInput::Picture { width, height, .. }) => {
                [width, height] == [side; 2]
            }
            _ => false,
        };
        if !fits || tokenizer.len() != sizes.vocab_size || tokenizer.start().is_none() {
            return Err(inconsistent("its vocabularies do not match its sizes"));
        }
        Ok(Self { network: Captioner::new(&sizes)?, codec, tokenizer, longest })
    }

    fn description(&self) -> Description {
        Description {
            sizes: self.network.sizes().clone(),
            codec: self.codec.clone(),
            tokenizer: self.tokenizer.clone(),
            longest: self.longest,
        }
    }

    fn network(&self) -> &Captioner {
        &self.network
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let input = match &self.codec {
            InputCodec::Vector(scaling) => format!("vectors of {}", scaling.means.len()),
            InputCodec::Image { side } => format!("images of {side} by {side} pixels"),
        };
        vec![("input", input), ("vocabulary", self.tokenizer.about())]
    }
}
