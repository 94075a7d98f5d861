//! MIDI files to piano rolls. Chunks are parsed here, to detect truncated files and without trusting the header; midly
//! parses the events in them.

use std::collections::BTreeMap;
use std::io::Read;

use midly::{EventIter, MetaMessage, MidiMessage, TrackEventKind};

use super::MAX_FRAMES;
use crate::format::roll::{Roll, Span, StepsPerQuarter, on_the_piano};
use crate::format::text::bytes_of;
use crate::{Error, Place, Result};

/// Channel 10, counted from 0: keys are drums, not pitches.
const PERCUSSION: u8 = 9;

/// The roll of a MIDI file, and the numbers of notes that it omits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MidiPiece {
    /// All tracks and channels except percussion, merged, up to the end of the longest track.
    pub roll: Roll,
    /// Notes outside the range of a piano.
    pub off_the_piano: usize,
    /// Notes too short for any frame; more steps per quarter note would keep them.
    pub too_short: usize,
}

/// The piece in a MIDI file, named `place` in messages.
///
/// A frame lasts `1 / steps` of a quarter note, whatever the tempo. Starts and ends of notes are rounded to the
/// nearest frame boundary, halves to the later one: a note sounds in the frames whose middle it covers. So one voice
/// never has two notes in a frame, and slightly early or late notes are corrected. Shorter notes may be dropped and
/// are counted. A note struck while it sounds starts again; one without an end sounds to the end of its track. Pedals
/// are ignored.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Input`] for a file that is not MIDI, is truncated or damaged, counts
/// time in SMPTE frames or contains several pieces (format 2), and for a piece of more than 262,144 frames.
pub fn midi_of(place: impl Into<Place>, input: impl Read, steps: StepsPerQuarter) -> Result<MidiPiece> {
    let place = place.into();
    piece(&place, &bytes_of(&place, input)?, steps)
}

fn piece(place: &Place, bytes: &[u8], steps: StepsPerQuarter) -> Result<MidiPiece> {
    let wrong = |found: &str, remedy: &str| Err(Error::malformed(place, found, remedy));
    let mut rest = bytes;
    let Some((b"MThd", &[f0, f1, t0, t1, d0, d1, ..])) = take_chunk(&mut rest) else {
        return wrong("is not a MIDI file", "a MIDI file starts with the letters MThd");
    };
    let [format, tracks, division] = [[f0, f1], [t0, t1], [d0, d1]].map(u16::from_be_bytes);
    match (format, division) {
        (0 | 1, 1..0x8000) => {}
        (0 | 1, 0x8000..) => {
            return wrong(
                "counts time in SMPTE frames instead of quarter notes",
                "export it with ticks per quarter note",
            );
        }
        (2, _) => {
            return wrong("is of format 2, several pieces in one file", "export each to a separate file");
        }
        _ => return wrong("has a damaged header", "use another copy, or export it again"),
    }
    let (division, steps) = (u128::from(division), u128::from(steps.get()));
    let mut piece =
        Sounding { place, division, steps, spans: vec![], length: 0, off_the_piano: 0, too_short: 0 };
    let mut track = 0;
    while track < tracks {
        let Some((name, contents)) = take_chunk(&mut rest) else {
            let remedy = format!("it has {track} of {tracks} tracks, use another copy");
            return wrong("is cut short", &remedy);
        };
        // The standard requires chunks of other names to be skipped.
        if name == b"MTrk" {
            track += 1;
            piece.add_track(track, contents, bytes.len() - rest.len())?;
        }
    }
    Ok(MidiPiece {
        roll: Roll::from_spans(piece.length, piece.spans),
        off_the_piano: piece.off_the_piano,
        too_short: piece.too_short,
    })
}

/// Removes a chunk from the front of `rest` and returns its name and contents; none if it is incomplete.
fn take_chunk<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8; 4], &'a [u8])> {
    let (name, after) = rest.split_first_chunk()?;
    let (length, after) = after.split_first_chunk()?;
    let (contents, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some((name, contents))
}

/// The notes of a piece, while it is read.
struct Sounding<'a> {
    place: &'a Place,
    /// Ticks per quarter note.
    division: u128,
    /// Frames per quarter note.
    steps: u128,
    spans: Vec<Span>,
    /// In frames.
    length: usize,
    off_the_piano: usize,
    too_short: usize,
}

/// A pressed key.
struct Down {
    /// The start of the note, in ticks.
    since: u64,
    /// Whether it was pressed before, so that a release at the same tick ends the earlier note.
    again: bool,
}

impl Sounding<'_> {
    /// Adds the notes of track `number`, whose `contents` end at byte `end` of the file.
    fn add_track(&mut self, number: u16, contents: &[u8], end: usize) -> Result<()> {
        let mut events = EventIter::new(contents);
        let mut keys = BTreeMap::new();
        let mut now = 0;
        loop {
            let (at, running) = (end - events.unread().len(), events.running_status());
            let event = match events.next() {
                Some(Ok(event)) => event,
                Some(Err(_)) => {
                    let found = format!(
                        "track {number} is damaged, byte {at} of the file is not the start of a MIDI event"
                    );
                    let remedy = "use another copy, or export it again";
                    return Err(Error::malformed(self.place, found, remedy));
                }
                None => break,
            };
            // By the standard, meta events end running status; some programs do not, and players accept it.
            if events.running_status().is_none() {
                *events.running_status_mut() = running;
            }
            now += u64::from(event.delta.as_int());
            let (channel, message) = match event.kind {
                TrackEventKind::Midi { channel, message } if channel != PERCUSSION => (channel, message),
                TrackEventKind::Meta(MetaMessage::EndOfTrack) => break,
                _ => continue,
            };
            let (note, velocity) = match message {
                MidiMessage::NoteOn { key, vel } => (key.as_int(), vel.as_int()),
                MidiMessage::NoteOff { key, .. } => (key.as_int(), 0),
                _ => continue,
            };
            let earlier: Option<Down> = keys.remove(&(channel, note));
            if velocity > 0 {
                keys.insert((channel, note), Down { since: now, again: earlier.is_some() });
            }
            match earlier {
                Some(Down { since, again: true }) if since == now && velocity == 0 => {
                    keys.insert((channel, note), Down { since, again: false });
                }
                Some(down) => self.add_note(note, down.since, now)?,
                None => {}
            }
        }
        for ((_, note), down) in keys {
            self.add_note(note, down.since, now)?;
        }
        self.length = self.length.max(self.boundary(now)?);
        Ok(())
    }

    /// Adds a note between two ticks.
    fn add_note(&mut self, note: u8, start: u64, end: u64) -> Result<()> {
        let (start, end) = (self.boundary(start)?, self.boundary(end)?);
        if !on_the_piano(note) {
            self.off_the_piano += 1;
        } else if start == end {
            self.too_short += 1;
        } else {
            self.spans.push(Span { note, start, end });
        }
        Ok(())
    }

    /// The frame boundary nearest to a time in ticks, the later of two.
    fn boundary(&self, ticks: u64) -> Result<usize> {
        let frame = (2 * u128::from(ticks) * self.steps + self.division) / (2 * self.division);
        usize::try_from(frame).ok().filter(|&frame| frame <= MAX_FRAMES).ok_or_else(|| {
            let found =
                format!("has {frame} frames at {} per quarter note, more than {MAX_FRAMES}", self.steps);
            let remedy = "use fewer per quarter note, or another copy if the piece is shorter than that";
            Error::malformed(self.place, found, remedy)
        })
    }
}
