//! Standard MIDI files (MIDI 1.0, RP-001) as piano rolls, and piano rolls as MIDI files that every player opens.

mod read;
mod write;

pub use read::{MidiPiece, midi_of, read_midi, read_midi_folder};
pub use write::{MidiOptions, Repeats, to_midi};

use crate::{Error, Result};

/// Frames of the longest piece: three hours of 24 frames a second, some tens of megabytes. Without a bound a file of
/// thirty bytes could ask for a roll of years.
const MAX_FRAMES: usize = 1 << 18;

/// How many frames a quarter note has: 1 as in the JSB chorales, 4 if the shortest notes are semiquavers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepsPerQuarter(u32);

impl StepsPerQuarter {
    /// The most frames of a quarter note.
    pub const MOST: u32 = 960;

    /// # Errors
    /// [`Error::Config`] unless 1 to [`MOST`](Self::MOST).
    pub fn new(steps: u32) -> Result<Self> {
        if !(1..=Self::MOST).contains(&steps) {
            let most = Self::MOST;
            return Err(Error::Config(format!("a quarter note has 1 to {most} steps, not {steps}")));
        }
        Ok(Self(steps))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for StepsPerQuarter {
    fn default() -> Self {
        Self(1)
    }
}

#[cfg(test)]
mod tests;
