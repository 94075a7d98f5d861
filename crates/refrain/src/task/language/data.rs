//! Texts as values.

use crate::text::{Source, examples};
use crate::train::Example;

/// What a language model is trained on: texts, read as one in their order.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub(super) sources: Vec<Source>,
    /// The built-in text that it is, if it is one.
    pub(super) example: Option<Example>,
}

impl Dataset {
    /// Texts in memory.
    ///
    /// ```
    /// use refrain::task::language::Dataset;
    ///
    /// let lines = ["to be, ", "or not to be\n"];
    /// let texts = Dataset::texts(lines);
    /// ```
    pub fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let texts = texts.into_iter().enumerate();
        let source =
            |(i, text): (usize, _)| Source::memory(format!("text {}", i + 1), Into::<String>::into(text));
        Self::sources(texts.map(source))
    }

    /// Texts in memory and in files.
    pub fn sources(sources: impl IntoIterator<Item = Source>) -> Self {
        Self { sources: sources.into_iter().collect(), example: None }
    }

    /// A built-in text; `seed` names the one that is generated.
    pub fn example(example: Example, seed: u64) -> Self {
        let sources = match example {
            Example::Latin => {
                vec![Source::memory("the Latin example (Cicero, De finibus, book one)", examples::latin())]
            }
            Example::Brackets => {
                let text = examples::brackets(seed, examples::BRACKETS_DEFAULT_SYMBOLS);
                vec![Source::memory("the brackets example", text)]
            }
            // Three sequences of their own, and no text.
            Example::Sentences => vec![],
        };
        Self { sources, example: Some(example) }
    }
}
