//! Text, symbol by symbol: each is predicted from all before it.

#[cfg(feature = "train")]
mod data;
mod evaluate;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod files;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod held_back;
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
mod time_budget;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
pub use data::Dataset;
pub use evaluate::LanguageEvaluation;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
pub use held_back::held_back;
pub use inspect::{InspectOptions, MAX_UNROLLED, watch};

use crate::Result;
use crate::model::{Architecture, LanguageModel, Task, TaskName};
use crate::task::{inconsistent, listed};
use crate::text::{Corpus, EncodedText, Source, TokenUnits, Vocabulary, thousands};

/// A language model with its vocabulary.
#[derive(Clone, Debug)]
pub struct Language {
    /// Its layers.
    pub network: LanguageModel,
    /// What its ids stand for.
    pub vocabulary: Arc<Vocabulary>,
    /// Whether every line was a sequence of its own.
    pub lines: bool,
    /// Whether byte-order marks and CRLF were kept.
    pub raw: bool,
}

/// What its file says.
#[derive(Serialize, Deserialize)]
pub struct Description {
    architecture: Architecture,
    vocabulary: Arc<Vocabulary>,
    lines: bool,
    raw: bool,
}

impl Language {
    /// Lays out a model over a vocabulary.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] if a size is out of bounds, [`crate::Error::Model`] if it is not that of the vocabulary.
    pub fn of(
        architecture: &Architecture,
        vocabulary: Arc<Vocabulary>,
        lines: bool,
        raw: bool,
    ) -> Result<Self> {
        if architecture.vocab_size != vocabulary.len() {
            return Err(inconsistent("its vocabulary is not of the size its architecture says"));
        }
        Ok(Self { network: LanguageModel::new(architecture)?, vocabulary, lines, raw })
    }

    /// The tokens of a text, the first `most` of them, and whether that is not all.
    ///
    /// # Errors
    /// If it cannot be read, or has a symbol that the model does not know and has no sign for.
    pub fn tokens(&self, text: Source, most: usize) -> Result<(Vec<u32>, bool)> {
        let corpus = Corpus::scan(vec![text], self.vocabulary.units().symbols(), self.raw)?;
        let text = EncodedText::new(&corpus, self.vocabulary.clone())?;
        let mut ids = vec![0; usize::try_from(text.len()).unwrap_or(usize::MAX).min(most)];
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
            units @ (TokenUnits::Char | TokenUnits::Byte) => format!("{units} symbols"),
            units => units.plural().to_owned(),
        };
        let (known, unknown) = match vocabulary.unknown() {
            Some(_) => (vocabulary.len() - 1, " and the unknown symbol"),
            None => (vocabulary.len(), ""),
        };
        let ids = (0..vocabulary.len() as u32).filter(|&id| Some(id) != vocabulary.unknown());
        vec![
            ("vocabulary", format!("{} {name}{unknown}", thousands(known as u64))),
            ("", listed(ids.map(|id| vocabulary.render(id).into_owned()))),
        ]
    }
}
