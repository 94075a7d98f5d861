//! Sequence tagging: a label for each word of a sentence, or each frame of a recording.

mod data;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod files;
mod inspect;
mod predict;
#[cfg(feature = "train")]
mod prepare;
mod step;

use serde::{Deserialize, Serialize};

pub use data::{Dataset, TagExample, TagInput, TaggedInput};
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
pub use files::has_labels_for_frames;
pub use predict::{TagEvaluation, Tagged};
pub use step::TagStep;

use crate::Result;
use crate::format::Columns;
use crate::model::{InputKind, Tagger, TaggerSizes, Task, TaskName};
use crate::task::labels::LabelSet;
use crate::task::{Scaling, inconsistent};
use crate::text::Tokenizer;

/// A tagger with its labels and the encoding of its inputs.
#[derive(Clone, Debug)]
pub struct Tag {
    network: Tagger,
    codec: TagCodec,
    labels: LabelSet,
}

/// How an input is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there is one per model")]
pub enum TagCodec {
    /// Words, and optionally their characters.
    Words {
        /// The columns of words and tags in a file.
        columns: Columns,
        /// Vocabulary of words.
        words: Tokenizer,
        /// Vocabulary of characters.
        characters: Option<Tokenizer>,
    },
    /// Standardised frames.
    Frames(Scaling),
}

/// Description of the model in its file.
#[derive(Serialize, Deserialize)]
pub struct Description {
    sizes: TaggerSizes,
    codec: TagCodec,
    labels: LabelSet,
}

impl Tag {
    /// The labels, ordered by id.
    pub fn labels(&self) -> &[String] {
        self.labels.names()
    }

    /// How inputs are encoded.
    pub fn codec(&self) -> &TagCodec {
        &self.codec
    }
}

impl Task for Tag {
    const NAME: &'static str = TaskName::Tag.name();
    type Network = Tagger;
    type Description = Description;

    fn new(Description { sizes, codec, labels }: Description) -> Result<Self> {
        let fits = match (&codec, sizes.input) {
            (TagCodec::Words { words, characters, .. }, InputKind::Ids { vocab_size, .. }) => {
                words.len() == vocab_size
                    && words.unknown() == Some(0)
                    && characters.as_ref().map(Tokenizer::len) == sizes.spelling.map(|s| s.vocab_size)
            }
            (TagCodec::Frames(scaling), InputKind::Frames { size }) => scaling.is_of(size),
            _ => false,
        };
        if !fits || labels.len() != sizes.labels {
            return Err(inconsistent("its vocabularies do not match its sizes"));
        }
        Ok(Self { network: Tagger::new(&sizes)?, codec, labels })
    }

    fn description(&self) -> Description {
        Description {
            sizes: self.network.sizes().clone(),
            codec: self.codec.clone(),
            labels: self.labels.clone(),
        }
    }

    fn network(&self) -> &Tagger {
        &self.network
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        match &self.codec {
            TagCodec::Words { words, characters, .. } => {
                let spelled = characters.as_ref().map(|characters| ("spelling", characters.about()));
                [("vocabulary", words.about())]
                    .into_iter()
                    .chain(spelled)
                    .chain([self.labels.about()])
                    .collect()
            }
            TagCodec::Frames(scaling) => {
                vec![("frames", format!("{} features", scaling.means.len())), self.labels.about()]
            }
        }
    }
}
