//! What a model file knows beside parameters: which kind of model it is, and all that its network cannot say.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::network::Network;
use crate::Result;

/// A shape of sequence task, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskName {
    /// Text symbol by symbol, each from those before it.
    Language,
    /// One label for a sequence.
    Classify,
    /// A label for each step of a sequence.
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

    /// As files and settings name it.
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

    /// The task of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kind of model: a network, and what turns its users' data into numbers and back.
pub trait Task: Clone + Send + Sync {
    /// As files name it: for the tasks of this library [`TaskName::name`].
    const NAME: &'static str;
    /// Its layers.
    type Network: Network;
    /// What a file says of it: sizes, vocabularies, labels.
    type Description: Serialize + DeserializeOwned;

    /// The task that a file describes.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] for sizes out of bounds, [`crate::Error::Model`] for parts that contradict each other.
    fn new(description: Self::Description) -> Result<Self>;

    /// What [`Task::new`] makes the same one of.
    fn description(&self) -> Self::Description;

    /// Its layers.
    fn network(&self) -> &Self::Network;

    /// What it knows beside its parameters, for people: names and what is to be said of them.
    fn about(&self) -> Vec<(&'static str, String)>;
}
