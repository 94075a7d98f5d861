//! Sequences with a label a step: from a file, to rows of a batch.

use std::path::Path;
use std::sync::Arc;

use super::{Tag, TagCodec};
use crate::data::Example;
use crate::format::{self, Columns, Form, FrameSequence, Labels, TaggedSentence};
use crate::model::TaggerBatch;
use crate::task::classify::{read_frames, read_unlabelled};
use crate::{Error, Result};

/// A sequence to be tagged.
#[derive(Clone, Debug, PartialEq)]
pub enum TagInput {
    /// The words of a sentence.
    Words(Vec<String>),
    /// Frames `[T, width]`.
    Frames {
        /// Row-major.
        values: Vec<f32>,
        /// Features of a frame.
        width: usize,
    },
}

/// A sequence in numbers, with its labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagExample {
    pub(super) ids: Vec<u32>,
    /// Each word's characters; empty where they are not read.
    pub(super) spelled: Vec<Vec<u32>>,
    pub(super) frames: Vec<f32>,
    /// Features of a frame; 0 for words.
    pub(super) width: usize,
    /// One a step.
    pub(super) labels: Vec<u32>,
}

impl Example for TagExample {
    type Batch = TaggerBatch;

    fn steps(&self) -> (usize, usize) {
        (self.labels.len(), 0)
    }

    fn fill(examples: &[&Self], batch: &mut TaggerBatch) {
        batch.labels.set(1, examples.iter().map(|example| &example.labels[..]));
        match examples.first() {
            Some(first) if first.width > 0 => {
                batch.frames.set(first.width, examples.iter().map(|example| &example.frames[..]));
            }
            _ => batch.ids.set(1, examples.iter().map(|example| &example.ids[..])),
        }
        if examples.iter().any(|example| !example.spelled.is_empty()) {
            batch.spelled.set(examples.iter().map(|example| &example.spelled[..]));
        }
    }
}

/// Sequences with their labels, and where they stand in their file.
pub(super) struct TaggedInput {
    pub(super) input: TagInput,
    pub(super) labels: Vec<String>,
    /// What the features are called; empty for words.
    pub(super) columns: Arc<[String]>,
    /// Of each word; of frames at most that of the first.
    pub(super) lines: Vec<u64>,
}

/// Reads sequences with a label a step, of any form. Sentences that a tagger has `written` have two columns, whichever
/// it learned from; features come in the order of `names`, unless there are none.
pub(super) fn read_tagged(
    path: &Path,
    columns: &Columns,
    written: bool,
    names: &[String],
) -> Result<Vec<TaggedInput>> {
    let form = format::form_of(path)?.form;
    if !matches!(form, Form::LongTable | Form::Npz | Form::TimeSeries | Form::Series) {
        let sentences = match written {
            true => format::read_tagged_or_written(path, columns)?,
            false => format::read_tagged(path, columns)?,
        };
        let tagged = |TaggedSentence { words, tags, lines }| TaggedInput {
            input: TagInput::Words(words),
            labels: tags,
            columns: [].into(),
            lines,
        };
        return Ok(sentences.into_iter().map(tagged).collect());
    }
    let sequences = read_frames(path, names)?.into_iter().map(|sequence| {
        let steps = sequence.steps();
        let labels = match sequence.labels {
            Labels::Each(labels) => labels,
            // A table repeats the label in every row, be it always the same.
            Labels::One(label) if form == Form::LongTable => vec![label; steps],
            Labels::One(_) => {
                let message = "has one label for the sequence, not one for each frame: use --task classify";
                return Err(Error::data(path, sequence.line, message));
            }
            Labels::None => {
                let message = "has no labels: a tagger learns from sequences with a label for each frame";
                return Err(Error::data(path, sequence.line, message));
            }
        };
        let input = TagInput::Frames { values: sequence.values, width: sequence.width };
        let lines = sequence.line.into_iter().collect();
        Ok(TaggedInput { input, labels, columns: sequence.columns, lines })
    });
    sequences.collect()
}

/// Whether a file holds sequences of frames with a label for each frame, and not one for the sequence.
pub fn has_labels_for_frames(path: &Path) -> bool {
    let sequences = read_frames(path, &[]).unwrap_or_default();
    sequences.iter().any(|sequence| matches!(sequence.labels, Labels::Each(_)))
}

impl Tag {
    /// Sequences of frames to be tagged, from a file, whatever labels they have, if any.
    ///
    /// # Errors
    /// If the file cannot be read or understood.
    pub fn sequences_in(&self, path: &Path) -> Result<Vec<TagInput>> {
        let sequences = read_unlabelled(path, self.features())?.into_iter();
        Ok(sequences.map(|FrameSequence { values, width, .. }| TagInput::Frames { values, width }).collect())
    }

    /// Where a file of words has them and their tags.
    pub(super) fn columns(&self) -> Columns {
        match &self.codec {
            TagCodec::Words { columns, .. } => columns.clone(),
            TagCodec::Frames(_) => Columns::default(),
        }
    }

    /// What the features of a frame are called, if they are.
    pub(super) fn features(&self) -> &[String] {
        match &self.codec {
            TagCodec::Frames(scaling) => &scaling.names,
            TagCodec::Words { .. } => &[],
        }
    }

    /// For a model of words: the sentences to be tagged in a text that came from `path`, one a line, its words apart by white
    /// space, or words in columns.
    ///
    /// # Errors
    /// As [`format::untagged_of`].
    pub fn sentences_in(&self, path: &Path, text: &str) -> Result<Vec<TagInput>> {
        let sentences =
            format::untagged_of(path, text.as_bytes(), &self.columns(), self.labels())?.into_iter();
        Ok(sentences.map(|sentence| TagInput::Words(sentence.words)).collect())
    }
}
