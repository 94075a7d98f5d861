//! A text for a vector or an image.

mod augment;
mod baseline;
mod batches;
mod data;
#[cfg(all(feature = "files", feature = "formats", feature = "pictures"))]
mod files;
mod inspect;
mod options;
mod predict;
mod prepare;

use refrain_kernels::Backend;
use serde::{Deserialize, Serialize};

pub use augment::Augment;
pub use batches::{CaptionBatches, CaptionExample};
pub use data::{CaptionInput, Captioning, Dataset, InputCodec};
pub use options::Options;
pub use predict::{CaptionEvaluation, Captioned, Decoding};

use crate::Result;
use crate::model::{Captioner, CaptionerInput, CaptionerSizes, Task, TaskName};
use crate::task::{inconsistent, same};
use crate::text::Tokenizer;
use crate::train::{Data, Prepared, Settings, TaskData, TrainableTask};

/// A captioner, what brings its input into numbers, and its ids into text.
#[derive(Clone, Debug)]
pub struct Caption {
    network: Captioner,
    codec: InputCodec,
    tokenizer: Tokenizer,
    /// Tokens of the longest text learned from.
    longest: usize,
}

/// What its file says.
#[derive(Serialize, Deserialize)]
pub struct Description {
    sizes: CaptionerSizes,
    codec: InputCodec,
    tokenizer: Tokenizer,
    longest: usize,
}

impl Caption {
    /// How input becomes numbers.
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
            return Err(inconsistent("its vocabularies are not of the sizes that it says"));
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

impl TaskData for Dataset {
    type Task = Caption;
}

impl TrainableTask for Caption {
    type Dataset = Dataset;
    type Loader = CaptionBatches;
    type Options = Options;

    fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Self>> {
        prepare::prepare(settings, data, backend)
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        same(
            (&self.codec, &self.tokenizer) == (&other.codec, &other.tokenizer),
            "inputs or another vocabulary",
        )
    }
}
