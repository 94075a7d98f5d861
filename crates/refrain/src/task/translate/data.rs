//! Pairs in numbers, to rows of a batch.

use super::Translate;
use crate::data::Example;
use crate::model::TranslatorBatch;

/// A source and its target in ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TranslateExample {
    pub(super) source: Vec<u32>,
    /// The start symbol, the target, the end symbol; empty where only the source is known.
    pub(super) target: Vec<u32>,
}

impl Translate {
    /// The sources of a file to be translated, one a line, blank ones among them; what stands behind a tab, as in a file to learn
    /// from, is left out.
    pub fn sources_in(text: &str) -> Vec<String> {
        let source = |line: &str| line.split_once('\t').map_or(line, |(source, _)| source).trim().to_owned();
        text.lines().map(source).collect()
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
        let said = |target: &[u32]| usize::from(!target.is_empty());
        batch.targets.set(1, examples.iter().map(|example| &example.target[said(&example.target)..]));
    }
}
