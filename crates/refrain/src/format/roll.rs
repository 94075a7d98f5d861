//! Piano rolls: which keys of a piano sound, frame by frame.

use crate::{Error, InputProblem, Place, Result};

/// The MIDI number of a piano's lowest key, A0.
pub const LOWEST_NOTE: u8 = 21;
/// The MIDI number of a piano's highest key, C8.
pub const HIGHEST_NOTE: u8 = 108;
/// Number of keys of a piano, 88.
pub const NOTES: usize = (HIGHEST_NOTE - LOWEST_NOTE) as usize + 1;

/// The sounding notes of every frame, by MIDI number: sorted, unique, [`LOWEST_NOTE`] to [`HIGHEST_NOTE`]. A frame
/// without notes is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    frames: Vec<Vec<u8>>,
}

/// A note that sounds from frame `start` to `end`, exclusive.
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
    /// A roll of these frames, whose notes may be in any order and repeated.
    ///
    /// # Errors
    /// [`Error::Input`] with the frame of a note outside the range of a piano.
    ///
    /// ```
    /// let roll = refrain::format::Roll::new(vec![vec![67, 60, 64], vec![]])?;
    /// assert_eq!(roll.frames(), [vec![60, 64, 67], vec![]]);
    /// assert!(refrain::format::Roll::new(vec![vec![20]]).is_err());
    /// # Ok::<(), refrain::Error>(())
    /// ```
    pub fn new(mut frames: Vec<Vec<u8>>) -> Result<Self> {
        for (number, frame) in (1..).zip(&mut frames) {
            frame.sort_unstable();
            frame.dedup();
            if let Some(note) = frame.iter().find(|&&note| !on_the_piano(note)) {
                let problem = InputProblem::NoSuchNote { note: note.to_string() };
                return Err(Error::input(Place::of("roll").field(format!("frame {number}")), problem));
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

    /// Whether there are no frames, not even silent ones.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// `[T, 88]`, the lowest key first: 1 for a sounding note, otherwise 0.
    pub fn many_hot(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.len() * NOTES];
        for (row, frame) in values.chunks_exact_mut(NOTES).zip(&self.frames) {
            frame.iter().for_each(|&note| row[key(note)] = 1.0);
        }
        values
    }

    /// The inverse of [`Roll::many_hot`]: a note sounds if its value in `[T, 88]` is at least 0.5, such as a
    /// probability.
    ///
    /// # Errors
    /// [`Error::Input`] if the last frame is incomplete.
    pub fn from_many_hot(values: &[f32]) -> Result<Self> {
        if !values.len().is_multiple_of(NOTES) {
            let problem = InputProblem::PartialRow { values: values.len(), width: NOTES };
            return Err(Error::input("roll", problem));
        }
        let sounding = |row: &[f32]| {
            (LOWEST_NOTE..).zip(row).filter(|&(_, &value)| value >= 0.5).map(|(note, _)| note).collect()
        };
        Ok(Self { frames: values.chunks_exact(NOTES).map(sounding).collect() })
    }

    /// Every note with its consecutive frames, sorted by end, then by pitch.
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

    /// A roll of `length` frames with these notes of a piano, which may overlap.
    #[cfg(feature = "formats")]
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

/// Whether a note is in the range of a piano.
pub(super) fn on_the_piano(note: u8) -> bool {
    (LOWEST_NOTE..=HIGHEST_NOTE).contains(&note)
}

/// The index of a note among the keys.
fn key(note: u8) -> usize {
    usize::from(note - LOWEST_NOTE)
}

/// Pieces for training, validation and test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollParts {
    /// At least one piece.
    pub train: Vec<Roll>,
    /// Empty if the file has none.
    pub valid: Vec<Roll>,
    /// Empty if the file has none.
    pub test: Vec<Roll>,
}

/// Frames per quarter note: 1 as in the JSB chorales, 4 if the shortest notes are semiquavers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepsPerQuarter(u32);

impl StepsPerQuarter {
    /// Maximum number of frames per quarter note.
    pub const MAX: u32 = 960;

    /// # Errors
    /// [`Error::Setting`] unless 1 to [`MAX`](Self::MAX).
    pub fn new(steps: u32) -> Result<Self> {
        if !(1..=Self::MAX).contains(&steps) {
            return Err(Error::out_of_range("steps_per_quarter", steps, format!("1 to {}", Self::MAX)));
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
