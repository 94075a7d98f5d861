//! The labels that a model tells apart.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::listed;
use crate::{Error, Result};

/// Their names in order, each once. A label's id is its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct LabelSet {
    names: Vec<String>,
}

impl LabelSet {
    /// Of all labels of the data in `path`; `what` they are called there is for a message.
    ///
    /// # Errors
    /// [`Error::Data`] if there are not two different ones.
    pub(super) fn of<'a>(path: &Path, what: &str, labels: impl Iterator<Item = &'a String>) -> Result<Self> {
        let mut names: Vec<String> = labels.cloned().collect();
        names.sort_unstable();
        names.dedup();
        match names.len() {
            0 | 1 => {
                Err(Error::data(path, None, format!("has a single {what}: there is nothing to tell apart")))
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
    /// For one that was not learned: its name, and which ones were.
    pub(super) fn id(&self, label: &str) -> Result<u32, String> {
        const MOST: usize = 20;
        let found = self.names.binary_search_by(|name| name.as_str().cmp(label));
        found.map(|id| id as u32).map_err(|_| {
            let more = if self.len() > MOST { ", ..." } else { "" };
            let known = self.names[..self.len().min(MOST)].join(", ");
            format!(
                "{label:?}, which is not among those learned ({known}{more}): correct it, or learn it too"
            )
        })
    }

    /// A line of what is said about a model.
    pub(super) fn about(&self) -> (&'static str, String) {
        ("labels", format!("{}: {}", self.len(), listed(self.names.iter().cloned())))
    }
}
