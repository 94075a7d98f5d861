//! The labels of a model.

use serde::{Deserialize, Serialize};

use super::listed;
use crate::error::{Error, InputProblem, Result};

/// Sorted unique names of labels. The index of a label is its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct LabelSet {
    names: Vec<String>,
}

impl LabelSet {
    /// All labels of a data set `name`; `what` is the term for a label in the error message.
    ///
    /// # Errors
    /// [`Error::Input`] for fewer than two different labels.
    pub(super) fn of<'a>(name: &str, what: &str, labels: impl Iterator<Item = &'a String>) -> Result<Self> {
        let mut names: Vec<String> = labels.cloned().collect();
        names.sort_unstable();
        names.dedup();
        match names.len() {
            0 | 1 => {
                let found = format!("has a single {what}");
                Err(Error::too_little(name, found, "at least two are needed"))
            }
            _ => Ok(Self { names }),
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The id of a label.
    ///
    /// # Errors
    /// [`InputProblem::UnknownLabel`] for a label that is not in the set.
    pub(super) fn id(&self, label: &str) -> Result<u32, InputProblem> {
        let found = self.names.binary_search_by(|name| name.as_str().cmp(label));
        found
            .map(|id| id as u32)
            .map_err(|_| InputProblem::UnknownLabel { label: label.to_owned(), known: self.names.clone() })
    }

    /// A line of the model's description.
    pub(super) fn about(&self) -> (&'static str, String) {
        ("labels", format!("{}: {}", self.len(), listed(self.names.iter().cloned())))
    }
}
