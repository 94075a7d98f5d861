//! Texts in memory.

use crate::text::{Source, examples};
use crate::train::Example;

/// The data of a language model: texts, concatenated in their order.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub(super) sources: Vec<Source>,
    /// The built-in text, if it is one.
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

    /// A built-in text; `seed` is the random seed of a generated one.
    pub fn example(example: Example, seed: u64) -> Self {
        let sources = match example {
            Example::Latin => {
                vec![Source::memory("the Latin example (Cicero, De finibus, book one)", examples::latin())]
            }
            Example::Brackets => {
                let text = examples::brackets(seed, examples::BRACKETS_DEFAULT_SYMBOLS);
                vec![Source::memory("the brackets example", text)]
            }
            // Three separate sequences instead of a text.
            Example::Sentences => vec![],
        };
        Self { sources, example: Some(example) }
    }
}
