//! Classification of sequences: one label per sequence.

mod data;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod files;
mod inspect;
mod predict;
#[cfg(feature = "train")]
mod prepare;
mod step;

use serde::{Deserialize, Serialize};

pub use data::{ClassifyExample, ClassifyInput, Dataset, Labelled};
pub use predict::{Classified, ClassifyEvaluation};

use crate::Result;
use crate::model::{Classifier, ClassifierSizes, InputKind, Task, TaskName};
use crate::task::labels::LabelSet;
use crate::task::{Scaling, inconsistent};
use crate::text::Tokenizer;

/// A classifier with its labels and the encoding of its inputs.
#[derive(Clone, Debug)]
pub struct Classify {
    network: Classifier,
    codec: InputCodec,
    labels: LabelSet,
}

/// How an input is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputCodec {
    /// A text as tokens.
    Text(Tokenizer),
    /// Standardised frames.
    Frames(Scaling),
}

/// Description of the model in its file.
#[derive(Serialize, Deserialize)]
pub struct Description {
    sizes: ClassifierSizes,
    codec: InputCodec,
    labels: LabelSet,
}

impl Classify {
    /// The labels, ordered by class.
    pub fn labels(&self) -> &[String] {
        self.labels.names()
    }

    /// How inputs are encoded.
    pub fn codec(&self) -> &InputCodec {
        &self.codec
    }
}

impl Task for Classify {
    const NAME: &'static str = TaskName::Classify.name();
    type Network = Classifier;
    type Description = Description;

    fn new(Description { sizes, codec, labels }: Description) -> Result<Self> {
        let fits = match (&codec, sizes.input) {
            (InputCodec::Text(tokenizer), InputKind::Ids { vocab_size, .. }) => tokenizer.len() == vocab_size,
            (InputCodec::Frames(scaling), InputKind::Frames { size }) => scaling.is_of(size),
            _ => false,
        };
        if !fits || labels.len() != sizes.classes {
            return Err(inconsistent("its vocabularies do not match its sizes"));
        }
        Ok(Self { network: Classifier::new(&sizes)?, codec, labels })
    }

    fn description(&self) -> Description {
        Description {
            sizes: self.network.sizes().clone(),
            codec: self.codec.clone(),
            labels: self.labels.clone(),
        }
    }

    fn network(&self) -> &Classifier {
        &self.network
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let input = match &self.codec {
            InputCodec::Text(tokenizer) => ("vocabulary", tokenizer.about()),
            InputCodec::Frames(scaling) => ("frames", format!("{} features", scaling.means.len())),
        };
        vec![input, self.labels.about()]
    }
}
