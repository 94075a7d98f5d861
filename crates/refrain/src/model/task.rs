//! What a model file knows beside parameters: which kind of model it is, and all that its network cannot say.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::network::Network;
use crate::Result;

/// A kind of model: a network, and what turns its users' data into numbers and back.
pub trait Task: Clone + Send + Sync {
    /// As files and options name it.
    const NAME: &'static str;
    /// Its layers.
    type Network: Network;
    /// What a file says of it: sizes, vocabularies, labels.
    type Description: Serialize + DeserializeOwned;

    /// The task that a file describes.
    ///
    /// # Errors
    /// [`crate::Error::Config`] if there can be no such model.
    fn new(description: Self::Description) -> Result<Self>;

    /// What [`Task::new`] makes the same one of.
    fn description(&self) -> Self::Description;

    /// Its layers.
    fn network(&self) -> &Self::Network;

    /// What it knows beside its parameters, for people: names and what is to be said of them.
    fn about(&self) -> Vec<(&'static str, String)>;
}
