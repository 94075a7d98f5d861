//! Labelled sequences: from a file, to rows of a batch.

use std::path::Path;

use super::Classify;
use crate::data::Example;
use crate::format::{self, Form, FrameSequence, Labels};
use crate::model::ClassifierBatch;
use crate::{Error, Result};

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

/// A sequence in numbers, with its class.
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
    /// The same without one of its steps.
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

/// Sequences with their labels, and where they stand in their file.
pub(super) struct LabelledInput {
    pub(super) input: ClassifyInput,
    pub(super) label: String,
    pub(super) line: Option<u64>,
}

/// Reads labelled sequences of any form.
pub(super) fn read_labelled(path: &Path) -> Result<Vec<LabelledInput>> {
    let guess = format::form_of(path)?;
    match guess.form {
        // Without labels that recur it looks like pairs, with faulty lines like any text: its reader knows better.
        Form::LabelledText | Form::Pairs | Form::Text => {
            let texts = format::read_labelled(path)?.into_iter();
            Ok(texts
                .map(|text| LabelledInput {
                    input: ClassifyInput::Text(text.text),
                    label: text.label,
                    line: Some(text.line),
                })
                .collect())
        }
        _ => read_frames(path)?
            .into_iter()
            .map(|sequence| match sequence.labels {
                Labels::One(label) => Ok(LabelledInput {
                    input: ClassifyInput::Frames { values: sequence.values, width: sequence.width },
                    label,
                    line: sequence.line,
                }),
                Labels::None => Err(Error::data(
                    path,
                    sequence.line,
                    "has no labels: a classifier learns from sequences with a label each",
                )),
                Labels::Each(_) => Err(Error::data(
                    path,
                    sequence.line,
                    "has a label for each frame, not one for the sequence: use --task tag",
                )),
            })
            .collect(),
    }
}

impl Classify {
    /// The texts of a file to be labelled, one a line, blank ones among them. Where each begins with a label of this model
    /// and a tab, as in a file to learn from, that is left out.
    pub fn texts_in(&self, text: &str) -> Vec<String> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let unlabelled = |line: &&str| match line.split_once('\t') {
            Some((label, text)) if self.labels().iter().any(|known| known == label.trim()) => {
                Some(text.trim().to_owned())
            }
            _ => line.is_empty().then(String::new),
        };
        let texts: Option<Vec<String>> = lines.iter().map(unlabelled).collect();
        texts.unwrap_or_else(|| lines.into_iter().map(str::to_owned).collect())
    }
}

/// Reads sequences of frames to be classified, whatever labels they have.
///
/// # Errors
/// If the file cannot be read or understood.
pub fn read_inputs(path: &Path) -> Result<Vec<ClassifyInput>> {
    let sequences = read_frames(path)?.into_iter();
    Ok(sequences.map(|FrameSequence { values, width, .. }| ClassifyInput::Frames { values, width }).collect())
}

/// Reads sequences of frames of any form.
pub(crate) fn read_frames(path: &Path) -> Result<Vec<FrameSequence>> {
    let guess = format::form_of(path)?;
    match guess.form {
        Form::TimeSeries => format::read_ts(path),
        Form::LongTable => format::read_table(path),
        Form::Npz => format::read_npz(path),
        other => Err(Error::data(
            path,
            None,
            format!(
                "looks like {other} ({}): sequences come as label<TAB>text, .ts, .npz, or CSV with columns sequence, label and features",
                guess.why
            ),
        )),
    }
}
