//! Reads standard MIDI files (MIDI 1.0, RP-001) as piano rolls, and writes piano rolls as MIDI files.

mod read;
mod write;

pub use read::{MidiPiece, midi_of};
pub use write::{MidiOptions, Repeats, to_midi};

/// Maximum number of frames of a piece: three hours of 24 frames per second, some tens of megabytes. Without a limit, a
/// file of thirty bytes could require a roll of years.
const MAX_FRAMES: usize = 1 << 18;

#[cfg(test)]
mod tests;
