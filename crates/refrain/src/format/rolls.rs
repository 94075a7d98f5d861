//! Piano rolls: which keys of a piano sound, frame by frame, and the JSON files that polyphonic music is handed on in.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::read_text;
use crate::{Error, Result};

/// The MIDI number of a piano's lowest key, A0.
pub const LOWEST_NOTE: u8 = 21;
/// The MIDI number of a piano's highest key, C8.
pub const HIGHEST_NOTE: u8 = 108;
/// How many keys a piano has, 88.
pub const NOTES: usize = (HIGHEST_NOTE - LOWEST_NOTE) as usize + 1;

/// The sounding notes of every frame, by MIDI number: sorted, unique, [`LOWEST_NOTE`] to [`HIGHEST_NOTE`]. A frame
/// without a note is silence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    frames: Vec<Vec<u8>>,
}

/// A note that sounds from frame `start` up to, not with, frame `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The MIDI number.
    pub note: u8,
    /// The first frame.
    pub start: usize,
    /// The frame after the last one.
    pub end: usize,
}

impl Roll {
    /// A roll of these frames, whose notes may come in any order and repeat.
    ///
    /// # Errors
    /// [`Error::Config`] for a note that a piano lacks.
    pub fn new(mut frames: Vec<Vec<u8>>) -> Result<Self> {
        for (number, frame) in (1..).zip(&mut frames) {
            frame.sort_unstable();
            frame.dedup();
            if let Some(note) = frame.iter().find(|&&note| !on_the_piano(note)) {
                return Err(Error::Config(format!("frame {number}: {}", off_the_piano(note))));
            }
        }
        Ok(Self { frames })
    }

    /// The notes of every frame.
    pub fn frames(&self) -> &[Vec<u8>] {
        &self.frames
    }

    /// `T`, the number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is no frame, not even a silent one.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// `[T, 88]`, the lowest key first: 1 where a note sounds, else 0.
    pub fn many_hot(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.len() * NOTES];
        for (row, frame) in values.chunks_exact_mut(NOTES).zip(&self.frames) {
            frame.iter().for_each(|&note| row[key(note)] = 1.0);
        }
        values
    }

    /// The way back: a note sounds where `values [T, 88]` are a half or more, so probabilities serve as well.
    ///
    /// # Errors
    /// [`Error::Config`] if the last frame is not whole.
    pub fn from_many_hot(values: &[f32]) -> Result<Self> {
        if !values.len().is_multiple_of(NOTES) {
            return Err(Error::Config(format!(
                "{} values are no whole number of frames: each needs {NOTES}",
                values.len()
            )));
        }
        let sounding = |row: &[f32]| {
            (LOWEST_NOTE..).zip(row).filter(|&(_, &value)| value >= 0.5).map(|(note, _)| note).collect()
        };
        Ok(Self { frames: values.chunks_exact(NOTES).map(sounding).collect() })
    }

    /// Every note with the consecutive frames it sounds in, by the frame it ends in, the lowest first.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = vec![];
        let mut starts = [None; NOTES];
        for frame in 0..=self.len() {
            let sounding = self.frames.get(frame).map_or(&[][..], Vec::as_slice);
            for (note, start) in (LOWEST_NOTE..).zip(&mut starts) {
                match (*start, sounding.binary_search(&note).is_ok()) {
                    (None, true) => *start = Some(frame),
                    (Some(first), false) => {
                        spans.push(Span { note, start: first, end: frame });
                        *start = None;
                    }
                    _ => {}
                }
            }
        }
        spans
    }

    /// A roll of `length` frames in which notes of a piano sound as `spans` say; they may overlap.
    pub(super) fn from_spans(length: usize, mut spans: Vec<Span>) -> Self {
        spans.sort_unstable_by_key(|span| span.start);
        let mut starting = spans.into_iter().peekable();
        let mut ends = [0; NOTES];
        let frame = |frame| {
            while let Some(span) = starting.next_if(|span| span.start <= frame) {
                let end = &mut ends[key(span.note)];
                *end = span.end.max(*end);
            }
            (LOWEST_NOTE..).zip(&ends).filter(|&(_, &end)| end > frame).map(|(note, _)| note).collect()
        };
        Self { frames: (0..length).map(frame).collect() }
    }
}

/// Whether a piano has this note.
pub(super) fn on_the_piano(note: u8) -> bool {
    (LOWEST_NOTE..=HIGHEST_NOTE).contains(&note)
}

/// The column of a note among the keys.
fn key(note: u8) -> usize {
    usize::from(note - LOWEST_NOTE)
}

/// Pieces to learn from, to choose by and to measure on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollParts {
    /// At least one piece.
    pub train: Vec<Roll>,
    /// Empty if the file has none.
    pub valid: Vec<Roll>,
    /// Empty if the file has none.
    pub test: Vec<Roll>,
}

/// What a file of rolls is, for messages.
const FORM: &str = "the file should be {\"train\": [piece, ...], \"valid\": [...], \"test\": [...]}, a piece a list \
                    of frames, a frame a list of MIDI notes";

/// The file as it stands. A note is any value at first, so that what is wrong with it can be said with its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    train: Vec<Vec<Vec<Value>>>,
    #[serde(default)]
    valid: Vec<Vec<Vec<Value>>>,
    #[serde(default)]
    test: Vec<Vec<Vec<Value>>>,
}

/// Reads the JSON form of the polyphonic data of Boulanger-Lewandowski, Bengio and Vincent (2012), packed or not:
/// an object of `train`, `valid` and `test`, each a list of pieces, a piece a list of frames, a frame a list of MIDI
/// numbers in any order. `valid` and `test` may be absent.
///
/// # Errors
/// [`Error::Io`], and [`Error::Data`]: with the line for what is no JSON of this form or has another key, and with
/// part, piece and frame for a piece without frames and for notes that are no whole numbers or that a piano lacks.
pub fn read_rolls(path: &Path) -> Result<RollParts> {
    let text = read_text(path)?;
    let parts: Parts = serde_json::from_str(&text).map_err(|error| {
        let said = error.to_string();
        let what = match said.rsplit_once(" at line ").map_or(&*said, |(what, _)| what) {
            "expected ident" | "expected value" => "this is no JSON",
            what => what,
        };
        let line = (error.line() > 0).then_some(error.line() as u64);
        Error::data(path, line, format!("column {}: {what}; {FORM}", error.column()))
    })?;
    if parts.train.is_empty() {
        return Err(Error::data(path, None, "\"train\" has no piece: there is nothing to learn from"));
    }
    Ok(RollParts {
        train: rolls(path, "train", parts.train)?,
        valid: rolls(path, "valid", parts.valid)?,
        test: rolls(path, "test", parts.test)?,
    })
}

fn rolls(path: &Path, part: &str, pieces: Vec<Vec<Vec<Value>>>) -> Result<Vec<Roll>> {
    let piece = |(number, piece): (usize, Vec<Vec<Value>>)| {
        let wrong = |what: String| Error::data(path, None, format!("{part}, piece {number}{what}"));
        if piece.is_empty() {
            return Err(wrong(" has no frames: leave it out".to_owned()));
        }
        let frame = |(number, frame): (usize, Vec<Value>)| {
            let notes = frame.iter().map(note).collect::<Result<Vec<u8>, String>>();
            let mut notes = notes.map_err(|what| wrong(format!(", frame {number}: {what}")))?;
            notes.sort_unstable();
            notes.dedup();
            Ok(notes)
        };
        Ok(Roll { frames: (1..).zip(piece).map(frame).collect::<Result<_>>()? })
    };
    (1..).zip(pieces).map(piece).collect()
}

fn note(value: &Value) -> Result<u8, String> {
    if !value.is_i64() && !value.is_u64() {
        return Err(format!(
            "{:.40} is not a note: notes are whole numbers, 60 (without a point) is middle C",
            value.to_string()
        ));
    }
    let note = value.as_u64().and_then(|note| u8::try_from(note).ok());
    note.filter(|&note| on_the_piano(note)).ok_or_else(|| off_the_piano(value))
}

fn off_the_piano(note: impl std::fmt::Display) -> String {
    format!("a piano has no note {note}: its notes are {LOWEST_NOTE} to {HIGHEST_NOTE}, 60 is middle C")
}

#[cfg(test)]
#[path = "rolls_tests.rs"]
mod tests;
