//! Sequence to sequence: languages, pronunciations, scripts.

mod data;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod files;
mod inspect;
mod predict;
#[cfg(feature = "train")]
mod prepare;

use serde::{Deserialize, Serialize};

pub use data::{Dataset, TranslateExample};
pub use predict::{Translation, TranslationEvaluation};

use super::inconsistent;
use super::text_side::TextSide;
use crate::Result;
use crate::model::{Task, TaskName, Translator, TranslatorSizes};

/// A translator with the tokenizers of source and target.
#[derive(Clone, Debug)]
pub struct Translate {
    network: Translator,
    source: TextSide,
    target: TextSide,
    /// Average number of target tokens per source token.
    target_ratio: f32,
}

/// Description of the model in its file.
#[derive(Serialize, Deserialize)]
pub struct Description {
    sizes: TranslatorSizes,
    source: TextSide,
    target: TextSide,
    target_ratio: f32,
}

impl Translate {
    /// Tokenizer of sources.
    pub fn source(&self) -> &TextSide {
        &self.source
    }

    /// Tokenizer of targets.
    pub fn target(&self) -> &TextSide {
        &self.target
    }
}

impl Task for Translate {
    const NAME: &'static str = TaskName::Translate.name();
    type Network = Translator;
    type Description = Description;

    fn new(Description { sizes, source, target, target_ratio }: Description) -> Result<Self> {
        let lengths = [source.tokenizer().len(), target.tokenizer().len()];
        if lengths != [sizes.source_vocab, sizes.target_vocab] || target.tokenizer().end().is_none() {
            return Err(inconsistent("its vocabularies do not match its sizes"));
        }
        if !(0.0..=1_000.0).contains(&target_ratio) {
            return Err(inconsistent(format!(
                "its ratio of target to source length, {target_ratio}, is invalid"
            )));
        }
        Ok(Self { network: Translator::new(&sizes)?, source, target, target_ratio })
    }

    fn description(&self) -> Description {
        Description {
            sizes: self.network.sizes().clone(),
            source: self.source.clone(),
            target: self.target.clone(),
            target_ratio: self.target_ratio,
        }
    }

    fn network(&self) -> &Translator {
        &self.network
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        vec![("sources", self.source.about()), ("targets", self.target.about())]
    }
}
