//! The tasks, one folder each: how its data are read and become batches, what its model file says, and what its models
//! do once they have learned.

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

/// Works through examples in batches of about equal length, side by side, and gives the results in the order of the
/// examples.
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
        let chosen: Vec<&E> = part.iter().map(|&i| &examples[i]).collect();
        let mut batch = E::Batch::default();
        E::fill(&chosen, &mut batch);
        *results = work(&batch, &mut P::default());
    });
    let mut all: Vec<Option<O>> = examples.iter().map(|_| None).collect();
    for (i, result) in parts.into_iter().flat_map(|(part, results)| part.iter().copied().zip(results)) {
        all[i] = Some(result);
    }
    all.into_iter().flatten().collect()
}

/// A description whose parts contradict each other.
fn inconsistent(what: impl Into<String>) -> Error {
    Error::Model { name: "the model".to_owned(), problem: ModelProblem::Inconsistent { what: what.into() } }
}

/// Refuses to go on from a model that has something else than this run.
#[cfg(feature = "train")]
fn same(is_same: bool, other: &str) -> crate::Result<()> {
    match is_same {
        true => Ok(()),
        false => {
            let expected = "training can go on only with the same ones";
            Err(Error::mismatch("init_from", format!("is a model of other {other}"), expected))
        }
    }
}

/// Words for people, the first few hundred of them.
fn listed(words: impl Iterator<Item = String>) -> String {
    const MOST: usize = 400;
    let mut words: Vec<String> = words.take(MOST + 1).collect();
    if words.len() > MOST {
        words[MOST] = "...".to_owned();
    }
    words.join(" ")
}
