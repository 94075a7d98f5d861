//! What a model file stores besides parameters: its task, sizes, vocabularies and labels.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::network::Network;
use crate::Result;

/// A shape of sequence task, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskName {
    /// The next token of a text.
    Language,
    /// One label for a sequence.
    Classify,
    /// One label per time step.
    Tag,
    /// A text for a vector or an image.
    Caption,
    /// One sequence from another.
    Translate,
    /// The next keys of a piece of music.
    Music,
    /// The next numbers of a series.
    Forecast,
}

impl TaskName {
    /// All of them.
    pub const ALL: [TaskName; 7] = [
        TaskName::Language,
        TaskName::Classify,
        TaskName::Tag,
        TaskName::Caption,
        TaskName::Translate,
        TaskName::Music,
        TaskName::Forecast,
    ];

    /// The name in files and settings.
    pub const fn name(self) -> &'static str {
        match self {
            TaskName::Language => "language",
            TaskName::Classify => "classify",
            TaskName::Tag => "tag",
            TaskName::Caption => "caption",
            TaskName::Translate => "translate",
            TaskName::Music => "music",
            TaskName::Forecast => "forecast",
        }
    }

    /// The task with this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kind of model: a network, and what converts data to its inputs and outputs back to data.
pub trait Task: Clone + Send + Sync {
    /// The name in files; [`TaskName::name`] for the tasks of this library.
    const NAME: &'static str;
    /// Its layers.
    type Network: Network;
    /// Its part of the metadata: sizes, vocabularies, labels.
    type Description: Serialize + DeserializeOwned;

    /// The task that a file describes.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for sizes out of bounds, [`crate::Error::Model`] for inconsistent parts.
    fn new(description: Self::Description) -> Result<Self>;

    /// The argument of [`Task::new`] that gives an equal task.
    fn description(&self) -> Self::Description;

    /// Its layers.
    fn network(&self) -> &Self::Network;

    /// Names and values to display.
    fn about(&self) -> Vec<(&'static str, String)>;
}
