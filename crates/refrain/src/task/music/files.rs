//! Reads pieces of music from files.

use std::path::Path;

use super::Music;
use super::data::Dataset;
use super::evaluate::MusicPart;
use crate::Model;
use crate::error::{Error, Result};
use crate::format::{self, DataFormat, Roll, RollParts, StepsPerQuarter};
use crate::note::Note;
use crate::task::files::{one_file, wrong_format};
use crate::train::{Data, ReadData, Settings};

impl ReadData for Music {
    fn read_data(settings: &Settings) -> Result<Data<Dataset>> {
        let steps = StepsPerQuarter::new(settings.steps_per_quarter.unwrap_or(1))?;
        let path = one_file(settings)?;
        let (parts, notes) = read_pieces(&path, steps)?;
        let of = |path: &Path, rolls: Vec<Roll>, notes| {
            rolls.into_iter().collect::<Dataset>().named(path.display().to_string()).with_notes(notes)
        };
        let valid = match &settings.valid {
            None => (!parts.valid.is_empty()).then(|| of(&path, parts.valid, vec![])),
            Some(path) => {
                let (parts, notes) = read_pieces(path, steps)?;
                let rolls = if parts.valid.is_empty() { parts.train } else { parts.valid };
                Some(of(path, rolls, notes))
            }
        };
        Ok(Data { train: of(&path, parts.train, notes), valid })
    }

    fn read_model(path: &Path) -> Result<Model<Self>> {
        Model::load(path)
    }
}

impl Music {
    /// Reads pieces for evaluation from a file or folder: the given part, by default the test set, or everything if there is
    /// no test set. Also returns which part was read.
    ///
    /// # Errors
    /// If the data cannot be read, or do not contain that part.
    pub fn read_dataset(&self, path: &Path, part: Option<MusicPart>) -> Result<(Dataset, MusicPart)> {
        let (parts, notes) = read_pieces(path, self.steps_per_quarter())?;
        let part = part.unwrap_or(if parts.test.is_empty() { MusicPart::All } else { MusicPart::Test });
        let pieces = match part {
            MusicPart::Train => parts.train,
            MusicPart::Valid => parts.valid,
            MusicPart::Test => parts.test,
            MusicPart::All => [parts.train, parts.valid, parts.test].concat(),
        };
        if pieces.is_empty() {
            let found = format!("has no {} part", part.name());
            return Err(Error::too_little(path, found, "omit `part`, or choose another one"));
        }
        let dataset: Dataset = pieces.into_iter().collect();
        Ok((dataset.named(path.display().to_string()).with_notes(notes), part))
    }
}

/// Reads a file of piano rolls, or a folder of MIDI files, all of which belong to the training set.
fn read_pieces(path: &Path, steps: StepsPerQuarter) -> Result<(RollParts, Vec<Note>)> {
    let guess = format::detect_format(path)?;
    match guess.format {
        DataFormat::Rolls => Ok((format::read_rolls(path)?, vec![])),
        DataFormat::MidiFolder => {
            let pieces = format::read_midi_folder(path, steps)?;
            let off = pieces.iter().map(|(_, piece)| piece.off_the_piano).sum();
            let short = pieces.iter().map(|(_, piece)| piece.too_short).sum();
            let left_out = |(count, what): (usize, &str)| {
                let source = path.display().to_string();
                (count > 0).then(|| Note::LeftOut { source, count, what: what.to_owned() })
            };
            let notes = [
                (off, "outside the range of a piano"),
                (short, "shorter than half a frame (`steps_per_quarter` may be too low)"),
            ];
            let train: Vec<Roll> =
                pieces.into_iter().map(|(_, piece)| piece.roll).filter(|roll| !roll.is_empty()).collect();
            match train.is_empty() {
                true => {
                    let expected = "give a folder of MIDI files with notes";
                    Err(Error::too_little(path, "contains no notes in its MIDI files", expected))
                }
                false => {
                    let parts = RollParts { train, valid: vec![], test: vec![] };
                    Ok((parts, notes.into_iter().filter_map(left_out).collect()))
                }
            }
        }
        _ => {
            let expected = "music comes as JSON {\"train\": [...], \"valid\": [...], \"test\": [...]} of pieces of frames of \
                            MIDI notes, or as a folder of MIDI files";
            Err(wrong_format(path, &guess, expected))
        }
    }
}
