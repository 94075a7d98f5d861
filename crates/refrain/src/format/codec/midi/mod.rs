//! Standard MIDI files (MIDI 1.0, RP-001) as piano rolls, and piano rolls as MIDI files that every player opens.

mod read;
mod write;

pub use read::{MidiPiece, midi_of};
pub use write::{MidiOptions, Repeats, to_midi};

/// Frames of the longest piece: three hours of 24 frames a second, some tens of megabytes. Without a bound a file of
/// thirty bytes could ask for a roll of years.
const MAX_FRAMES: usize = 1 << 18;

#[cfg(test)]
mod tests;
