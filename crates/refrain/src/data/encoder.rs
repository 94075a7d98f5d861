//! Symbols of a corpus to ids, with an error that finds the symbol that has none.

use std::sync::Arc;

use crate::text::{Corpus, Vocabulary};
use crate::{Error, Result};

#[derive(Debug)]
pub(super) struct Encoder {
    corpus: Corpus,
    vocabulary: Arc<Vocabulary>,
}

impl Encoder {
    /// # Errors
    /// [`Error::Config`] if the text is read in other units than the vocabulary's.
    pub(super) fn new(corpus: &Corpus, vocabulary: Arc<Vocabulary>) -> Result<Self> {
        let (text, model) = (corpus.units(), vocabulary.units());
        if text != model {
            return Err(Error::Config(format!(
                "the text is read in units of {text}, but the vocabulary is one of {model}: use --units {model}"
            )));
        }
        Ok(Self { corpus: corpus.clone(), vocabulary })
    }

    pub(super) fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    pub(super) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Replaces the symbols from `position` on by their ids.
    ///
    /// # Errors
    /// [`Error::Text`] for a symbol that the vocabulary lacks, where it has no unknown symbol.
    pub(super) fn encode(&self, symbols: &mut [u32], position: u64) -> Result<()> {
        for (index, symbol) in symbols.iter_mut().enumerate() {
            match self.vocabulary.id_or_unknown(*symbol) {
                Some(id) => *symbol = id,
                None => return Err(self.unseen_error(*symbol, position + index as u64)),
            }
        }
        Ok(())
    }

    /// How many of these target ids are the unknown symbol.
    pub(super) fn unknown_among(&self, targets: &[u32]) -> u64 {
        let Some(unknown) = self.vocabulary.unknown() else {
            return 0;
        };
        targets.iter().filter(|&&target| target == unknown).count() as u64
    }

    #[cold]
    fn unseen_error(&self, symbol: u32, position: u64) -> Error {
        match self.corpus.locate(position) {
            Err(error) => error,
            Ok((path, line)) => Error::Text {
                path,
                message: format!(
                    "line {line} contains {}, which the model has never seen: leave it out of the text, or \
                     train a model with an unknown symbol",
                    self.vocabulary.units().describe(symbol)
                ),
            },
        }
    }
}
