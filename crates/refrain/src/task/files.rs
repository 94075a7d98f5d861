//! Readers that several tasks share.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result, SettingProblem};
use crate::format::{self, DataFormat, DetectedFormat, FrameSequence};
use crate::train::Settings;

pub(super) fn one_file(settings: &Settings) -> Result<PathBuf> {
    match settings.data.as_deref() {
        Some([path]) => Ok(path.clone()),
        Some([_, other, ..]) => {
            let allowed =
                "one file: this task is trained on a single file (and validated on the file in `valid`)";
            let value = format!("several files, including {}", other.display());
            Err(Error::out_of_range("data", value, allowed))
        }
        _ => {
            let problem = SettingProblem::Missing { reason: "name the file to train on".to_owned() };
            Err(Error::Setting { setting: "data", problem })
        }
    }
}

/// Error for a file whose format the task does not support.
pub(super) fn wrong_format(path: &Path, guess: &DetectedFormat, expected: &str) -> Error {
    let found = format!("looks like {} ({})", guess.format, guess.why);
    Error::wrong_kind(path, found, expected)
}

pub(super) fn features_of(sequences: &[FrameSequence]) -> Vec<String> {
    sequences.first().map_or_else(Vec::new, |first| first.columns.to_vec())
}

/// Reads sequences of frames in any supported format; labels are ignored. A table of sequences without labels has the same
/// format as other tables.
pub(super) fn read_unlabelled(path: &Path, names: &[String]) -> Result<Vec<FrameSequence>> {
    let guess = format::detect_format(path)?;
    let data_format = if guess.format == DataFormat::Series { DataFormat::LongTable } else { guess.format };
    read_frames_of(path, &DetectedFormat { format: data_format, ..guess }, names)
}

/// Reads sequences of frames in any supported format; features are ordered as in `names`, if given.
pub(super) fn read_frames(path: &Path, names: &[String]) -> Result<Vec<FrameSequence>> {
    read_frames_of(path, &format::detect_format(path)?, names)
}

fn read_frames_of(path: &Path, guess: &DetectedFormat, names: &[String]) -> Result<Vec<FrameSequence>> {
    let mut sequences = match guess.format {
        DataFormat::TimeSeries => format::read(path, format::ts_of),
        DataFormat::LongTable => format::read(path, format::table_of),
        DataFormat::Npz => format::read(path, format::npz_of),
        _ => {
            let expected =
                "sequences of numbers come in .ts, .npz, or CSV with columns sequence, label and features";
            Err(wrong_format(path, guess, expected))
        }
    }?;
    format::arrange(path, &mut sequences, names)?;
    Ok(sequences)
}
