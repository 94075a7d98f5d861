//! The tasks, one folder per task: reading and batching of data, description in the model file, training, prediction and
//! evaluation.

pub mod caption;
pub mod classify;
mod dataset;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod files;
pub mod forecast;
mod labels;
pub mod language;
pub mod music;
mod record;
mod scaling;
#[cfg(feature = "train")]
mod sets;
mod split;
pub mod tag;
mod text_side;
pub mod translate;

use refrain_kernels::Backend;

pub use caption::Caption;
pub use classify::Classify;
pub use dataset::Dataset;
pub use forecast::Forecast;
pub use language::Language;
pub use music::Music;
pub use record::{Digest, Record};
pub use scaling::Scaling;
pub use tag::Tag;
pub use text_side::TextSide;
pub use translate::Translate;

use crate::data::{Example, sort_longest_first};
use crate::error::{Error, ModelProblem};

/// Processes examples in parallel, in batches of similar length, and returns the results in the order of the examples.
fn in_batches<E: Example, P: Default + Send, O: Send>(
    backend: &impl Backend,
    examples: &[E],
    batch_size: usize,
    work: impl Fn(&E::Batch, &mut P) -> Vec<O> + Send + Sync,
) -> Vec<O> {
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let steps: Vec<_> = examples.iter().map(Example::steps).collect();
    sort_longest_first(&mut order, &steps);
    let mut parts: Vec<(&[usize], Vec<O>)> = order.chunks(batch_size).map(|part| (part, vec![])).collect();
    backend.parallel(&mut parts, |_, (part, results)| {
        let examples: Vec<&E> = part.iter().map(|&i| &examples[i]).collect();
        let mut batch = E::Batch::default();
        E::fill(&examples, &mut batch);
        *results = work(&batch, &mut P::default());
    });
    let mut all: Vec<Option<O>> = examples.iter().map(|_| None).collect();
    for (i, result) in parts.into_iter().flat_map(|(part, results)| part.iter().copied().zip(results)) {
        all[i] = Some(result);
    }
    all.into_iter().flatten().collect()
}

/// An error for a description whose parts contradict each other.
fn inconsistent(what: impl Into<String>) -> Error {
    Error::Model { name: "the model".to_owned(), problem: ModelProblem::Inconsistent { what: what.into() } }
}

/// Rejects an initial model that differs from the run.
#[cfg(feature = "train")]
fn require_same(is_same: bool, other: &str) -> crate::Result<()> {
    match is_same {
        true => Ok(()),
        false => {
            let expected = "fine-tuning needs the same";
            Err(Error::mismatch("init_from", format!("is a model with other {other}"), expected))
        }
    }
}

/// Joins words for display, at most a few hundred.
fn listed(words: impl Iterator<Item = String>) -> String {
    const MAX_WORDS: usize = 400;
    let mut words: Vec<String> = words.take(MAX_WORDS + 1).collect();
    if words.len() > MAX_WORDS {
        words[MAX_WORDS] = "...".to_owned();
    }
    words.join(" ")
}
