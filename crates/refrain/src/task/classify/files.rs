//! Reads labelled sequences from files.

use std::path::Path;

use super::data::{ClassifyInput, Dataset, Labelled};
use super::{Classify, InputCodec};
use crate::Model;
use crate::error::{Error, Place, Result};
use crate::format::{self, DataFormat, FrameSequence, Labels};
use crate::task::files::{features_of, one_file, read_frames, read_unlabelled, wrong_format};
use crate::train::{Data, ReadData, Settings};

impl ReadData for Classify {
    fn read_data(settings: &Settings) -> Result<Data<Dataset>> {
        let train = read_labelled(&one_file(settings)?, &[])?;
        let valid =
            settings.valid.as_deref().map(|path| read_labelled(path, train.features())).transpose()?;
        Ok(Data { train, valid })
    }

    fn read_model(path: &Path) -> Result<Model<Self>> {
        Model::load(path)
    }
}

/// Reads labelled sequences in any supported format; features are ordered as in `names`, if given.
pub(super) fn read_labelled(path: &Path, names: &[String]) -> Result<Dataset> {
    let guess = format::detect_format(path)?;
    let dataset: Dataset = match guess.format {
        // Without repeated labels the format looks like pairs, with invalid lines like text: this reader gives the better
        // error.
        DataFormat::LabelledText | DataFormat::Pairs | DataFormat::Text => {
            let texts = format::read(path, format::labelled_of)?.into_iter();
            let record = |text: format::LabelledText| Labelled {
                input: ClassifyInput::Text(text.text),
                label: text.label,
                line: Some(text.line),
            };
            texts.map(record).collect()
        }
        DataFormat::TimeSeries | DataFormat::LongTable | DataFormat::Npz => {
            let sequences = read_frames(path, names)?;
            let features = features_of(&sequences);
            let records = sequences.into_iter().map(|sequence| labelled(path, sequence));
            records.collect::<Result<Dataset>>()?.with_features(features)
        }
        _ => {
            let expected = "a classifier is trained on lines of label<TAB>text, or on sequences of numbers in .ts, .npz, or CSV \
                            with columns sequence, label and features";
            return Err(wrong_format(path, &guess, expected));
        }
    };
    Ok(dataset.named(path.display().to_string()))
}

/// A sequence of frames with its label.
fn labelled(path: &Path, sequence: FrameSequence) -> Result<Labelled> {
    let FrameSequence { values, width, labels, line, .. } = sequence;
    let (found, expected) = match labels {
        Labels::One(label) => {
            return Ok(Labelled { input: ClassifyInput::Frames { values, width }, label, line });
        }
        Labels::None => ("has no labels", "a classifier needs one label per sequence"),
        Labels::Each(_) => ("has a label for each frame, not one for the sequence", "use `task = tag`"),
    };
    Err(Error::wrong_kind(Place::from(path).line(line), found, expected))
}

impl Classify {
    /// Reads labelled sequences for evaluation.
    ///
    /// # Errors
    /// If the file cannot be read or parsed.
    pub fn read_dataset(&self, path: &Path) -> Result<Dataset> {
        read_labelled(path, self.features())
    }

    /// Reads sequences of frames for prediction; labels are ignored.
    ///
    /// # Errors
    /// If the file cannot be read or parsed.
    pub fn sequences_in(&self, path: &Path) -> Result<Vec<ClassifyInput>> {
        let sequences = read_unlabelled(path, self.features())?.into_iter();
        let frames = |FrameSequence { values, width, .. }| ClassifyInput::Frames { values, width };
        Ok(sequences.map(frames).collect())
    }

    /// The names of the features of a frame, if known.
    fn features(&self) -> &[String] {
        match &self.codec {
            InputCodec::Frames(scaling) => &scaling.names,
            InputCodec::Text(_) => &[],
        }
    }
}
