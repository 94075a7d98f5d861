//! Reads sequences with a label per step from files.

use std::path::Path;

use super::data::{Dataset, TagInput, TaggedInput};
use super::{Tag, TagCodec};
use crate::Model;
use crate::error::{Error, Place, Result};
use crate::format::{self, Columns, DataFormat, FrameSequence, Labels, TaggedSentence};
use crate::task::files::{features_of, one_file, read_frames, read_unlabelled};
use crate::train::{Data, ReadData, Settings};

impl ReadData for Tag {
    fn read_data(settings: &Settings) -> Result<Data<Dataset>> {
        let columns = Columns { words: settings.word_column.clone(), tags: settings.column.clone() };
        let train = read_tagged(&one_file(settings)?, &columns, false, &[])?;
        let read = |path| read_tagged(path, &columns, false, train.features());
        let valid = settings.valid.as_deref().map(read).transpose()?;
        Ok(Data { train, valid })
    }

    fn read_model(path: &Path) -> Result<Model<Self>> {
        Model::load(path)
    }
}

/// Reads sequences with a label per step in any supported format. Sentences that a tagger has `written` have two columns,
/// regardless of the columns of the training set; features are ordered as in `names`, if given.
pub(super) fn read_tagged(
    path: &Path,
    columns: &Columns,
    written: bool,
    names: &[String],
) -> Result<Dataset> {
    let data_format = format::detect_format(path)?.format;
    if !matches!(
        data_format,
        DataFormat::LongTable | DataFormat::Npz | DataFormat::TimeSeries | DataFormat::Series
    ) {
        let sentences = format::read(path, |place, input| match written {
            true => format::tagged_or_written_of(place, input, columns),
            false => format::tagged_of(place, input, columns),
        })?;
        let tagged = |TaggedSentence { words, tags, lines }| TaggedInput {
            input: TagInput::Words(words),
            labels: tags,
            lines,
        };
        let dataset: Dataset = sentences.into_iter().map(tagged).collect();
        return Ok(dataset.named(path.display().to_string()));
    }
    let sequences = read_frames(path, names)?;
    let features = features_of(&sequences);
    let repeats_label = data_format == DataFormat::LongTable;
    let tagged = sequences.into_iter().map(|sequence| of_frames(path, sequence, repeats_label));
    let dataset = tagged.collect::<Result<Dataset>>()?;
    Ok(dataset.named(path.display().to_string()).with_features(features))
}

/// A sequence of frames with a label for each. A table repeats the label in every row, even if it is constant.
fn of_frames(path: &Path, sequence: FrameSequence, repeats_label: bool) -> Result<TaggedInput> {
    let steps = sequence.steps();
    let FrameSequence { values, width, labels, line, .. } = sequence;
    let labels = match labels {
        Labels::Each(labels) => Ok(labels),
        Labels::One(label) if repeats_label => Ok(vec![label; steps]),
        Labels::One(_) => {
            Err(("has one label for the sequence, not one for each frame", "use `task = classify`"))
        }
        Labels::None => Err(("has no labels", "a tagger needs a label for each frame")),
    };
    let labels = labels
        .map_err(|(found, expected)| Error::wrong_kind(Place::from(path).line(line), found, expected))?;
    let lines = line.into_iter().collect();
    Ok(TaggedInput { input: TagInput::Frames { values, width }, labels, lines })
}

/// Whether a file has sequences of frames with a label per frame, not one label per sequence.
pub fn has_labels_for_frames(path: &Path) -> bool {
    let sequences = read_frames(path, &[]).unwrap_or_default();
    sequences.iter().any(|sequence| matches!(sequence.labels, Labels::Each(_)))
}

impl Tag {
    /// Reads labelled sequences for evaluation.
    ///
    /// # Errors
    /// If the file cannot be read or parsed.
    pub fn read_dataset(&self, path: &Path) -> Result<Dataset> {
        read_tagged(path, &self.columns(), true, self.features())
    }

    /// Reads sequences of frames for prediction; labels are ignored.
    ///
    /// # Errors
    /// If the file cannot be read or parsed.
    pub fn sequences_in(&self, path: &Path) -> Result<Vec<TagInput>> {
        let sequences = read_unlabelled(path, self.features())?.into_iter();
        Ok(sequences.map(|FrameSequence { values, width, .. }| TagInput::Frames { values, width }).collect())
    }

    /// Reads sentences for prediction from a text that came from `path`, for models of words: one sentence per line with
    /// spaces between words, or words in columns.
    ///
    /// # Errors
    /// As [`format::untagged_of`].
    pub fn sentences_in(&self, path: &Path, text: &str) -> Result<Vec<TagInput>> {
        let sentences =
            format::untagged_of(path, text.as_bytes(), &self.columns(), self.labels())?.into_iter();
        Ok(sentences.map(|sentence| TagInput::Words(sentence.words)).collect())
    }

    /// The columns of words and tags in a file.
    fn columns(&self) -> Columns {
        match &self.codec {
            TagCodec::Words { columns, .. } => columns.clone(),
            TagCodec::Frames(_) => Columns::default(),
        }
    }

    /// The names of the features of a frame, if known.
    fn features(&self) -> &[String] {
        match &self.codec {
            TagCodec::Frames(scaling) => &scaling.names,
            TagCodec::Words { .. } => &[],
        }
    }
}
