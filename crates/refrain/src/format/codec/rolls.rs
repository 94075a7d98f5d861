//! The JSON files of polyphonic music.

use std::io::Read;

use serde::Deserialize;
use serde_json::Value;

use crate::format::roll::{Roll, RollParts, on_the_piano};
use crate::format::text::text_of;
use crate::{Error, InputProblem, Place, Result};

/// The expected format in messages.
const FORMAT: &str = "the file should be {\"train\": [piece, ...], \"valid\": [...], \"test\": [...]}, each piece a list \
                    of frames, each frame a list of MIDI notes";

/// The contents of the file. A note may be any value at first, so that errors can be reported with their place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    train: Vec<Vec<Vec<Value>>>,
    #[serde(default)]
    valid: Vec<Vec<Vec<Value>>>,
    #[serde(default)]
    test: Vec<Vec<Vec<Value>>>,
}

/// Reads the JSON format, named `place` in messages, of the polyphonic data of Boulanger-Lewandowski, Bengio and
/// Vincent (2012): an object of `train`, `valid` and `test`, each a list of pieces, a piece a list of frames, a frame
/// a list of MIDI numbers in any order. `valid` and `test` are optional.
///
/// # Errors
/// As [`text_of`]; [`Error::Input`]: with the line for invalid JSON or another key, and with part, piece and frame
/// for a piece without frames and for notes that are not integers or outside the range of a piano.
pub fn rolls_of(place: impl Into<Place>, input: impl Read) -> Result<RollParts> {
    let place = place.into();
    parts(&place, &text_of(&place, input)?)
}

fn parts(place: &Place, text: &str) -> Result<RollParts> {
    let parts: Parts = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let what = match message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what) {
            "expected ident" | "expected value" => "this is not JSON",
            what => what,
        };
        let line = (error.line() > 0).then_some(error.line() as u64);
        let place = place.at(line).field(format!("column {}", error.column()));
        Error::malformed(place, what, FORMAT)
    })?;
    if parts.train.is_empty() {
        return Err(Error::too_little(place, "\"train\" has no pieces", "add at least one"));
    }
    Ok(RollParts {
        train: rolls(place, "train", parts.train)?,
        valid: rolls(place, "valid", parts.valid)?,
        test: rolls(place, "test", parts.test)?,
    })
}

fn rolls(place: &Place, part: &str, pieces: Vec<Vec<Vec<Value>>>) -> Result<Vec<Roll>> {
    let piece = |(piece_number, piece): (usize, Vec<Vec<Value>>)| {
        let place = place.clone().field(format!("{part}, piece {piece_number}"));
        if piece.is_empty() {
            return Err(Error::malformed(place, "has no frames", "remove it"));
        }
        let frame = |(number, frame): (usize, Vec<Value>)| {
            frame.iter().map(note).collect::<Result<Vec<u8>, InputProblem>>().map_err(|problem| {
                let frame = format!("{part}, piece {piece_number}, frame {number}");
                Error::input(place.clone().field(frame), problem)
            })
        };
        Roll::new((1..).zip(piece).map(frame).collect::<Result<_>>()?)
    };
    (1..).zip(pieces).map(piece).collect()
}

fn note(value: &Value) -> Result<u8, InputProblem> {
    if !value.is_i64() && !value.is_u64() {
        let found = format!("{:.40} is not a note", value.to_string());
        let expected = "notes are integers such as 60, middle C";
        return Err(InputProblem::malformed(found, expected));
    }
    let note = value.as_u64().and_then(|note| u8::try_from(note).ok());
    note.filter(|&note| on_the_piano(note))
        .ok_or_else(|| InputProblem::NoSuchNote { note: value.to_string() })
}

#[cfg(test)]
#[path = "rolls_tests.rs"]
mod tests;
