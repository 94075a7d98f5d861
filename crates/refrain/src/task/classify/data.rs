//! Labelled sequences: from a file, to rows of a batch.

use std::path::Path;
use std::sync::Arc;

use super::{Classify, InputCodec};
use crate::data::Example;
use crate::format::{self, Form, FrameSequence, Guess, Labels};
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
    /// What the features are called; empty for texts.
    pub(super) columns: Arc<[String]>,
    pub(super) line: Option<u64>,
}

/// Reads labelled sequences of any form, their features in the order of `names`, unless there are none.
pub(super) fn read_labelled(path: &Path, names: &[String]) -> Result<Vec<LabelledInput>> {
    let guess = format::form_of(path)?;
    match guess.form {
        // Without labels that recur it looks like pairs, with faulty lines like any text: its reader knows better.
        Form::LabelledText | Form::Pairs | Form::Text => {
            let texts = format::read_labelled(path)?.into_iter();
            Ok(texts
                .map(|text| LabelledInput {
                    input: ClassifyInput::Text(text.text),
                    label: text.label,
                    columns: [].into(),
                    line: Some(text.line),
                })
                .collect())
        }
        Form::TimeSeries | Form::LongTable | Form::Npz => read_frames(path, names)?
            .into_iter()
            .map(|sequence| match sequence.labels {
                Labels::One(label) => Ok(LabelledInput {
                    input: ClassifyInput::Frames { values: sequence.values, width: sequence.width },
                    label,
                    columns: sequence.columns,
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
        other => Err(Error::data(
            path,
            None,
            format!(
                "looks like {other} ({}): a classifier learns from lines of label<TAB>text, or from sequences of numbers in .ts, .npz, or CSV with columns sequence, label and features",
                guess.why
            ),
        )),
    }
}

impl Classify {
    /// The texts of a file to be labelled, one a line, blank ones among them. Where most begin with a label of this model
    /// and a tab, as in a file to learn from, what stands before the tab is left out of all.
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

    /// Sequences of frames to be classified, from a file, whatever labels they have, if any.
    ///
    /// # Errors
    /// If the file cannot be read or understood.
    pub fn sequences_in(&self, path: &Path) -> Result<Vec<ClassifyInput>> {
        let sequences = read_unlabelled(path, self.features())?.into_iter();
        let frames = |FrameSequence { values, width, .. }| ClassifyInput::Frames { values, width };
        Ok(sequences.map(frames).collect())
    }

    /// What the features of a frame are called, if they are.
    pub(super) fn features(&self) -> &[String] {
        match &self.codec {
            InputCodec::Frames(scaling) => &scaling.names,
            InputCodec::Text(_) => &[],
        }
    }
}

/// Reads sequences of frames of any form, for which labels do not matter. A table of sequences without them looks like
/// any other.
pub(crate) fn read_unlabelled(path: &Path, names: &[String]) -> Result<Vec<FrameSequence>> {
    let guess = format::form_of(path)?;
    let form = if guess.form == Form::Series { Form::LongTable } else { guess.form };
    read_frames_of(path, &Guess { form, ..guess }, names)
}

/// Reads sequences of frames of any form, their features in the order of `names`, unless there are none.
pub(crate) fn read_frames(path: &Path, names: &[String]) -> Result<Vec<FrameSequence>> {
    read_frames_of(path, &format::form_of(path)?, names)
}

fn read_frames_of(path: &Path, guess: &Guess, names: &[String]) -> Result<Vec<FrameSequence>> {
    let mut sequences = match guess.form {
        Form::TimeSeries => format::read_ts(path),
        Form::LongTable => format::read_table(path),
        Form::Npz => format::read_npz(path),
        other => Err(Error::data(
            path,
            None,
            format!(
                "looks like {other} ({}): sequences of numbers come in .ts, .npz, or CSV with columns sequence, label and features",
                guess.why
            ),
        )),
    }?;
    format::arrange(path, &mut sequences, names)?;
    Ok(sequences)
}
