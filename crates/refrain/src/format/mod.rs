//! The files that examples come in, one format a file: bytes in, plain host data out, and errors that name the line.

mod midi;
mod roll_picture;
mod rolls;
mod text;

pub use midi::{
    MidiOptions, MidiPiece, Repeats, StepsPerQuarter, midi_of, read_midi, read_midi_folder, to_midi,
};
pub use roll_picture::{roll_picture, roll_text};
pub use rolls::{HIGHEST_NOTE, LOWEST_NOTE, NOTES, Roll, RollParts, Span, read_rolls};
pub use text::{read_bytes, read_text, text_of};
