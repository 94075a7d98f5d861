//! Pairs of texts, and rows of a batch.

use super::Translate;
use crate::data::Example;
use crate::error::{InputProblem, Result};
use crate::format::Pair;
use crate::model::TranslatorBatch;
use crate::task::{Digest, Record};

/// The data of a translator: sources and their targets.
///
/// ```
/// use refrain::task::translate::Dataset;
///
/// let pairs: Dataset = [("two", "deux"), ("three", "trois")].into_iter().collect();
/// assert_eq!(pairs.named("numerals").len(), 2);
/// ```
pub type Dataset = crate::task::Dataset<Pair>;

impl<S: Into<String>, T: Into<String>> From<(S, T)> for Pair {
    fn from((source, target): (S, T)) -> Self {
        Self { source: source.into(), target: target.into(), line: None }
    }
}

impl Record for Pair {
    fn digest(&self, digest: &mut Digest) {
        digest.add(self.source.as_bytes());
        digest.add(self.target.as_bytes());
    }

    fn key(&self) -> Option<String> {
        Some(self.source.clone())
    }

    fn line(&self, _step: usize) -> Option<u64> {
        self.line
    }
}

/// The ids of a source and its target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TranslateExample {
    pub(super) source: Vec<u32>,
    /// Start token, target, end token; empty if only the source is known.
    pub(super) target: Vec<u32>,
}

impl Translate {
    /// The sources of a file to be translated, one per line, including empty lines; everything after the first tab is ignored.
    pub fn sources_in(text: &str) -> Vec<String> {
        let source = |line: &str| line.split_once('\t').map_or(line, |(source, _)| source).trim().to_owned();
        text.lines().map(source).collect()
    }

    /// Encodes a source.
    ///
    /// # Errors
    /// [`InputProblem::TooLittle`] for a source without tokens.
    pub(super) fn encode(&self, source: &str) -> Result<TranslateExample, InputProblem> {
        let source = self.source.encode(source);
        match source.is_empty() {
            true => Err(InputProblem::too_little("has a source without tokens", "leave it out")),
            false => Ok(TranslateExample { source, target: vec![] }),
        }
    }

    /// Encodes a target, with start and end tokens.
    pub(super) fn encode_target(&self, target: &str) -> Vec<u32> {
        let tokenizer = self.target.tokenizer();
        let ids = self.target.encode(target).into_iter();
        tokenizer.start().into_iter().chain(ids).chain(tokenizer.end()).collect()
    }

    pub(super) fn examples(&self, dataset: &Dataset) -> Result<Vec<TranslateExample>> {
        dataset.encode(|pair| {
            let source = self.encode(&pair.source).map_err(|problem| (None, problem))?;
            Ok(TranslateExample { target: self.encode_target(&pair.target), ..source })
        })
    }
}

impl Example for TranslateExample {
    type Batch = TranslatorBatch;

    fn steps(&self) -> (usize, usize) {
        (self.source.len(), self.target.len())
    }

    fn fill(examples: &[&Self], batch: &mut TranslatorBatch) {
        batch.source.set(1, examples.iter().map(|example| &example.source[..]));
        let read = |target: &[u32]| target.len().saturating_sub(1);
        batch.inputs.set(1, examples.iter().map(|example| &example.target[..read(&example.target)]));
        let offset = |target: &[u32]| usize::from(!target.is_empty());
        batch.targets.set(1, examples.iter().map(|example| &example.target[offset(&example.target)..]));
    }
}
