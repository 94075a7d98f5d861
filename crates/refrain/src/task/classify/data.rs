//! Labelled sequences, and rows of a batch.

use super::{Classify, InputCodec};
use crate::data::Example;
use crate::error::{Error, InputProblem, Result};
use crate::model::ClassifierBatch;
use crate::task::{Digest, Record};

/// A sequence to be classified.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassifyInput {
    /// A text.
    Text(String),
    /// Frames `[T, width]`.
    Frames {
        /// Row-major.
        values: Vec<f32>,
        /// Features of a frame.
        width: usize,
    },
}

impl From<String> for ClassifyInput {
    fn from(text: String) -> Self {
        ClassifyInput::Text(text)
    }
}

impl From<&str> for ClassifyInput {
    fn from(text: &str) -> Self {
        ClassifyInput::Text(text.to_owned())
    }
}

/// Frames, one vector per step.
impl From<Vec<Vec<f32>>> for ClassifyInput {
    fn from(frames: Vec<Vec<f32>>) -> Self {
        let width = frames.first().map_or(0, Vec::len);
        ClassifyInput::Frames { values: frames.concat(), width }
    }
}

/// A sequence with its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// Input.
    pub input: ClassifyInput,
    /// Target.
    pub label: String,
    /// Line in its file, from 1, if it comes from a file.
    pub line: Option<u64>,
}

/// The data of a classifier.
pub type Dataset = crate::task::Dataset<Labelled>;

impl Dataset {
    /// Sequences with their labels.
    ///
    /// # Errors
    /// [`Error::Input`] if the numbers of sequences and labels differ.
    ///
    /// ```
    /// use refrain::task::classify::Dataset;
    ///
    /// let frames = vec![vec![vec![0.1, 0.9], vec![0.3, 0.7]], vec![vec![0.8, 0.1]]];
    /// let dataset = Dataset::new(frames, ["rising", "falling"])?.named("gestures");
    /// assert_eq!(dataset.len(), 2);
    /// # Ok::<(), refrain::Error>(())
    /// ```
    pub fn new(
        inputs: impl IntoIterator<Item = impl Into<ClassifyInput>>,
        labels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self> {
        let inputs: Vec<ClassifyInput> = inputs.into_iter().map(Into::into).collect();
        let labels: Vec<String> = labels.into_iter().map(Into::into).collect();
        if inputs.len() != labels.len() {
            let problem = InputProblem::Size { what: "labels", found: labels.len(), expected: inputs.len() };
            return Err(Error::input("the data", problem));
        }
        Ok(inputs.into_iter().zip(labels).collect())
    }
}

impl<I: Into<ClassifyInput>, L: Into<String>> From<(I, L)> for Labelled {
    fn from((input, label): (I, L)) -> Self {
        Self { input: input.into(), label: label.into(), line: None }
    }
}

impl Record for Labelled {
    fn digest(&self, digest: &mut Digest) {
        digest.add(self.label.as_bytes());
        match &self.input {
            ClassifyInput::Text(text) => digest.add(text.as_bytes()),
            ClassifyInput::Frames { values, .. } => digest.add_numbers(values),
        }
    }

    fn key(&self) -> Option<String> {
        match &self.input {
            ClassifyInput::Text(text) => Some(text.clone()),
            ClassifyInput::Frames { .. } => None,
        }
    }

    fn class(&self) -> &str {
        &self.label
    }

    fn line(&self, _step: usize) -> Option<u64> {
        self.line
    }
}

/// An encoded sequence, with its class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifyExample {
    pub(super) ids: Vec<u32>,
    pub(super) frames: Vec<f32>,
    /// Features of a frame; 0 for ids.
    pub(super) width: usize,
    pub(super) class: u32,
    pub(super) weight: f32,
}

impl ClassifyExample {
    /// A copy without one of its steps.
    pub(super) fn without(&self, step: usize) -> Self {
        let mut rest = self.clone();
        match self.width {
            0 => drop(rest.ids.remove(step)),
            width => drop(rest.frames.drain(step * width..(step + 1) * width)),
        }
        rest
    }
}

impl Example for ClassifyExample {
    type Batch = ClassifierBatch;

    fn steps(&self) -> (usize, usize) {
        (self.frames.len().checked_div(self.width).unwrap_or(self.ids.len()), 0)
    }

    fn fill(examples: &[&Self], batch: &mut ClassifierBatch) {
        match examples.first() {
            Some(first) if first.width > 0 => {
                batch.frames.set(first.width, examples.iter().map(|example| &example.frames[..]));
            }
            _ => batch.ids.set(1, examples.iter().map(|example| &example.ids[..])),
        }
        batch.classes.clear();
        batch.classes.extend(examples.iter().map(|example| example.class));
        batch.weights.clear();
        batch.weights.extend(examples.iter().map(|example| example.weight));
    }
}

impl Classify {
    /// The texts of a file to be classified, one per line, including empty lines. If most lines begin with a label of this
    /// model and a tab, everything before the first tab is removed.
    pub fn texts_in(&self, text: &str) -> Vec<String> {
        // A label without a text ends in a tab.
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        let is_known = |label: &str| self.labels().iter().any(|known| known == label.trim());
        let is_labelled = |line: &&&str| line.split_once('\t').is_some_and(|(label, _)| is_known(label));
        let filled = lines.iter().filter(|line| !line.is_empty()).count();
        let labelled = lines.iter().filter(is_labelled).count() * 2 > filled;
        let text = |line: &str| match line.split_once('\t').filter(|_| labelled) {
            Some((_, text)) => text.trim().to_owned(),
            None => line.trim_end().to_owned(),
        };
        lines.into_iter().map(text).collect()
    }

    /// Encodes a sequence.
    ///
    /// # Errors
    /// [`InputProblem`] for a sequence of the wrong kind, or without tokens or frames.
    pub(super) fn encode(&self, input: ClassifyInput) -> Result<ClassifyExample, InputProblem> {
        let mut example = ClassifyExample { ids: vec![], frames: vec![], width: 0, class: 0, weight: 1.0 };
        match (&self.codec, input) {
            (InputCodec::Text(tokenizer), ClassifyInput::Text(text)) => {
                example.ids = tokenizer.encode(&text);
                if example.ids.is_empty() {
                    return Err(InputProblem::too_little("contains no tokens", "leave it out"));
                }
            }
            (InputCodec::Frames(scaling), ClassifyInput::Frames { values, width }) => {
                (example.frames, example.width) = (scaling.frames(values, width)?, width);
            }
            (InputCodec::Text(_), ClassifyInput::Frames { .. }) => {
                return Err(InputProblem::wrong_kind("is a sequence of numbers", "the model reads texts"));
            }
            (InputCodec::Frames(_), ClassifyInput::Text(_)) => {
                return Err(InputProblem::wrong_kind("is a text", "the model reads sequences of numbers"));
            }
        }
        Ok(example)
    }

    /// Encodes labelled sequences, all with the same weight.
    pub(super) fn examples(&self, dataset: &Dataset) -> Result<Vec<ClassifyExample>> {
        dataset.encode(|Labelled { input, label, .. }| {
            let class = self.labels.id(label).map_err(|problem| (None, problem))?;
            let input = self.encode(input.clone()).map_err(|problem| (None, problem))?;
            Ok(ClassifyExample { class, ..input })
        })
    }
}
