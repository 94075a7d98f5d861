//! Examples in memory, for all tasks with separate examples.

use std::sync::Arc;

use super::record::Record;
use super::split::hold_out;
use crate::error::{Error, InputProblem, Place, Result};
use crate::note::Note;

/// Examples of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<E> {
    name: String,
    records: Vec<E>,
    features: Arc<[String]>,
    notes: Vec<Note>,
}

impl<E> Dataset<E> {
    /// Replaces the name, which appears in messages and in the model's history.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Sets the names of the features of a frame.
    #[must_use]
    pub fn with_features(self, features: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { features: features.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the notes about reading the data.
    #[must_use]
    pub fn with_notes(self, notes: Vec<Note>) -> Self {
        Self { notes, ..self }
    }

    /// The name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The examples.
    pub fn records(&self) -> &[E] {
        &self.records
    }

    /// Notes for the user about reading the data.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The names of the features of a frame; empty if unknown.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl<E, X: Into<E>> FromIterator<X> for Dataset<E> {
    fn from_iter<I: IntoIterator<Item = X>>(records: I) -> Self {
        let records = records.into_iter().map(Into::into).collect();
        Self { name: "the data".to_owned(), records, features: [].into(), notes: vec![] }
    }
}

impl<E: Record> Dataset<E> {
    /// Holds out about the share `fraction` for validation, at random; examples with the same key stay together.
    ///
    /// # Errors
    /// [`Error::Setting`] for a fraction that is not in `0..1`; [`Error::Input`] if either part would be empty.
    pub fn split(self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let Self { name, records, features, notes } = self;
        let (train, valid) = hold_out(&name, records, fraction, seed)?;
        let part = |records, notes| Self { name: name.clone(), records, features: features.clone(), notes };
        Ok((part(train, notes), part(valid, vec![])))
    }

    /// Encodes every example.
    ///
    /// # Errors
    /// [`Error::Input`] with the place of the first invalid example, and of its step, if `encode` returns one.
    pub(super) fn encode<X>(
        &self,
        encode: impl Fn(&E) -> Result<X, (Option<usize>, InputProblem)>,
    ) -> Result<Vec<X>> {
        let encoded = self.records.iter().enumerate().map(|(i, record)| {
            encode(record).map_err(|(step, problem)| {
                let place = place(&self.name, i, record.line(step.unwrap_or(0)));
                let place = match step.and_then(|step| record.step(step)) {
                    Some(step) => place.field(step),
                    None => place,
                };
                Error::Input { place, problem }
            })
        });
        encoded.collect()
    }
}

impl<E: Record> Dataset<E> {
    /// As [`Dataset::encode`], but consumes the examples.
    pub(super) fn encode_into<X>(self, encode: impl Fn(E) -> Result<X, InputProblem>) -> Result<Vec<X>> {
        let Self { name, records, .. } = self;
        let encoded = records.into_iter().enumerate().map(|(i, record)| {
            let line = record.line(0);
            encode(record).map_err(|problem| Error::Input { place: place(&name, i, line), problem })
        });
        encoded.collect()
    }
}

/// Place of an example: a line of its file, or its number.
fn place(name: &str, index: usize, line: Option<u64>) -> Place {
    match line {
        Some(line) => Place::of(name).line(line),
        None => Place::of(name).field(format!("example {}", index + 1)),
    }
}
