//! Text, symbol by symbol: each is predicted from all before it.

mod data;
mod evaluate;
#[cfg(all(feature = "files", feature = "formats"))]
mod files;
#[cfg(all(feature = "files", feature = "formats"))]
mod held_back;
mod inspect;
mod options;
mod predict;
mod prepare;
mod preset;
mod step;
mod time_budget;

use std::sync::Arc;

use refrain_kernels::Backend;
use serde::{Deserialize, Serialize};

pub use data::Dataset;
pub use evaluate::LanguageEvaluation;
#[cfg(all(feature = "files", feature = "formats"))]
pub use held_back::held_back;
pub use inspect::{InspectOptions, MAX_UNROLLED, watch};
pub use options::Options;

use crate::Result;
use crate::data::Batches;
use crate::inspect::Probe;
use crate::model::{Architecture, LanguageModel, Task, TaskName, Weights};
use crate::sample::{self, Generator};
use crate::task::{inconsistent, listed, same};
use crate::text::{Corpus, EncodedText, Source, TokenUnits, Vocabulary, thousands};
use crate::train::{Data, Prepared, Settings, TaskData, TrainableTask};

/// Tokens that are looked at again and again while a model learns.
const PROBED: usize = 400;

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
            architecture: self.network.architecture().clone(),
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

impl TaskData for Dataset {
    type Task = Language;
}

impl TrainableTask for Language {
    type Dataset = Dataset;
    type Loader = Batches;
    type Options = Options;

    fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Self>> {
        prepare::prepare(settings, data, backend)
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        same(
            self.vocabulary == other.vocabulary,
            "vocabulary: it takes a text of the same characters (or words)",
        )
    }

    fn sample<B: Backend>(&self, backend: &B, weights: &Weights<B>, seed: u64) -> Result<Option<String>> {
        let length = match self.vocabulary.units() {
            TokenUnits::Char | TokenUnits::Byte => 200,
            TokenUnits::Word | TokenUnits::Bpe => 50,
        };
        let options = sample::Options { temperature: 0.8, seed, ..sample::Options::default() };
        let mut generator = Generator::new(backend, &self.network, weights, &self.vocabulary, self.lines);
        let stream = generator.join("", length, &options)?;
        Ok(Some(String::from_utf8_lossy(&generator.finish(stream)).into_owned()))
    }

    fn probe<B: Backend>(&self, backend: &B, weights: &Weights<B>, text: &Source) -> Result<Option<Probe>> {
        let (ids, _) = self.tokens(text.clone(), PROBED)?;
        Ok(Some(inspect::probe(backend, self, weights, &ids)))
    }
}
