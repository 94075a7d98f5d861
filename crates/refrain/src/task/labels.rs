//! The labels that a model tells apart.

use serde::{Deserialize, Serialize};

use super::listed;
use crate::error::{Error, InputProblem, Result};

/// Their names in order, each once. A label's id is its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct LabelSet {
    names: Vec<String>,
}

impl LabelSet {
    /// Of all labels of the data of this `name`; `what` they are called there is for a message.
    ///
    /// # Errors
    /// [`Error::Input`] if there are not two different ones.
    pub(super) fn of<'a>(name: &str, what: &str, labels: impl Iterator<Item = &'a String>) -> Result<Self> {
        let mut names: Vec<String> = labels.cloned().collect();
        names.sort_unstable();
        names.dedup();
        match names.len() {
            0 | 1 => {
                let found = format!("has a single {what}");
                Err(Error::too_little(name, found, "there is nothing to tell apart"))
            }
            _ => Ok(Self { names }),
        }
    }

    /// In the order of their ids.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The id of a label.
    ///
    /// # Errors
    /// [`InputProblem::UnknownLabel`] for one that was not learned.
    pub(super) fn id(&self, label: &str) -> Result<u32, InputProblem> {
        let found = self.names.binary_search_by(|name| name.as_str().cmp(label));
        found
            .map(|id| id as u32)
            .map_err(|_| InputProblem::UnknownLabel { label: label.to_owned(), known: self.names.clone() })
    }

    /// A line of what is said about a model.
    pub(super) fn about(&self) -> (&'static str, String) {
        ("labels", format!("{}: {}", self.len(), listed(self.names.iter().cloned())))
    }
}
