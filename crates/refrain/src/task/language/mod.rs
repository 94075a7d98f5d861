//! Language models: prediction of the next token of a text.

#[cfg(feature = "train")]
mod data;
mod evaluate;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod files;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod held_out;
mod inspect;
mod predict;
#[cfg(feature = "train")]
mod prepare;
#[cfg(feature = "train")]
mod preset;
#[cfg(feature = "train")]
mod resolve;
mod step;
#[cfg(feature = "train")]
mod time_limit;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
pub use data::Dataset;
pub use evaluate::LanguageEvaluation;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
pub use held_out::held_out;
pub use inspect::{InspectOptions, MAX_UNROLLED, for_each_window};

use crate::Result;
use crate::model::{Architecture, LanguageModel, Task, TaskName};
use crate::task::{inconsistent, listed};
use crate::text::{Corpus, EncodedText, Source, TokenUnits, Vocabulary, thousands};

/// A language model with its vocabulary.
#[derive(Clone, Debug)]
pub struct Language {
    /// Its layers.
    pub network: LanguageModel,
    /// Meaning of its ids.
    pub vocabulary: Arc<Vocabulary>,
    /// Whether every line is a separate sequence.
    pub lines: bool,
    /// Whether byte-order marks and CRLF are kept.
    pub raw: bool,
}

/// Description of the model in its file.
#[derive(Serialize, Deserialize)]
pub struct Description {
    architecture: Architecture,
    vocabulary: Arc<Vocabulary>,
    lines: bool,
    raw: bool,
}

impl Language {
    /// The layers of a model over a vocabulary.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for a size out of range, [`crate::Error::Model`] if it does not match the vocabulary.
    pub fn of(
        architecture: &Architecture,
        vocabulary: Arc<Vocabulary>,
        lines: bool,
        raw: bool,
    ) -> Result<Self> {
        if architecture.vocab_size != vocabulary.len() {
            return Err(inconsistent("its vocabulary does not match its architecture"));
        }
        Ok(Self { network: LanguageModel::new(architecture)?, vocabulary, lines, raw })
    }

    /// The tokens of a text, at most `max`, and whether the text is longer.
    ///
    /// # Errors
    /// If it cannot be read, or contains an unknown token and the vocabulary has no id for that.
    pub fn tokens(&self, text: Source, max: usize) -> Result<(Vec<u32>, bool)> {
        let corpus = Corpus::scan(vec![text], self.vocabulary.units().symbols(), self.raw)?;
        let text = EncodedText::new(&corpus, self.vocabulary.clone())?;
        let mut ids = vec![0; usize::try_from(text.len()).unwrap_or(usize::MAX).min(max)];
        let count = text.reader(0)?.read(&mut ids)?;
        ids.truncate(count);
        Ok((ids, text.len() > count as u64))
    }
}

impl Task for Language {
    const NAME: &'static str = TaskName::Language.name();
    type Network = LanguageModel;
    type Description = Description;

    fn new(Description { architecture, vocabulary, lines, raw }: Description) -> Result<Self> {
        Self::of(&architecture, vocabulary, lines, raw)
    }

    fn description(&self) -> Description {
        Description {
            architecture: self.network.sizes().clone(),
            vocabulary: self.vocabulary.clone(),
            lines: self.lines,
            raw: self.raw,
        }
    }

    fn network(&self) -> &LanguageModel {
        &self.network
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let vocabulary = &self.vocabulary;
        let name = match vocabulary.units() {
            units @ (TokenUnits::Char | TokenUnits::Byte) => format!("{units} tokens"),
            units => units.plural().to_owned(),
        };
        let (known, unknown) = match vocabulary.unknown() {
            Some(_) => (vocabulary.len() - 1, " and the unknown token"),
            None => (vocabulary.len(), ""),
        };
        let ids = (0..vocabulary.len() as u32).filter(|&id| Some(id) != vocabulary.unknown());
        vec![
            ("vocabulary", format!("{} {name}{unknown}", thousands(known as u64))),
            ("", listed(ids.map(|id| vocabulary.render(id).into_owned()))),
        ]
    }
}
