//! MIDI files to rolls. The chunks are walked here, where damage can be told from the end of a file and no header
//! is trusted; the events in them are midly's.

use std::collections::BTreeMap;
use std::io::Read;

use midly::{EventIter, MetaMessage, MidiMessage, TrackEventKind};

use super::MAX_FRAMES;
use crate::format::roll::{Roll, Span, StepsPerQuarter, on_the_piano};
use crate::format::text::bytes_of;
use crate::{Error, Place, Result};

/// Channel 10, counted from 0: keys are drums there, not pitches.
const PERCUSSION: u8 = 9;

/// What a MIDI file holds, and how many of its notes a roll could not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MidiPiece {
    /// All tracks and channels but percussion, merged, up to the end of the longest track.
    pub roll: Roll,
    /// Notes that a piano lacks.
    pub off_the_piano: usize,
    /// Notes that are heard in no frame; more steps a quarter note would show them.
    pub too_short: usize,
}

/// The piece in a MIDI file, called `place` in messages.
///
/// A frame lasts `1 / steps` of a quarter note, whatever the tempo. Beginnings and ends of notes go to the nearest
/// boundary of frames, halves to the later one: a note sounds in the frames whose middle it covers. So one voice
/// never becomes two notes of a frame, and what was played a little early or late is put straight. Notes shorter
/// than that may vanish and are counted. A note that is struck while it sounds begins anew; one that is never let
/// go sounds to the end of its track. Pedals are not heeded.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Input`] for what is no MIDI file, is cut short or damaged, counts time in SMPTE frames or holds several
/// pieces (format 2), and for a piece of more than 262,144 frames.
pub fn midi_of(place: impl Into<Place>, input: impl Read, steps: StepsPerQuarter) -> Result<MidiPiece> {
    let place = place.into();
    piece(&place, &bytes_of(&place, input)?, steps)
}

fn piece(place: &Place, bytes: &[u8], steps: StepsPerQuarter) -> Result<MidiPiece> {
    let wrong = |found: &str, remedy: &str| Err(Error::malformed(place, found, remedy));
    let mut rest = bytes;
    let Some((b"MThd", &[f0, f1, t0, t1, d0, d1, ..])) = take_chunk(&mut rest) else {
        return wrong("is not a MIDI file", "those begin with the letters MThd");
    };
    let [format, tracks, division] = [[f0, f1], [t0, t1], [d0, d1]].map(u16::from_be_bytes);
    match (format, division) {
        (0 | 1, 1..0x8000) => {}
        (0 | 1, 0x8000..) => {
            return wrong(
                "counts time in SMPTE frames, which say nothing of quarter notes",
                "export it with ticks per quarter note",
            );
        }
        (2, _) => {
            return wrong("is of format 2, several pieces in one file", "export each to a file of its own");
        }
        _ => return wrong("has a damaged header", "use another copy, or export it again"),
    }
    let (division, steps) = (u128::from(division), u128::from(steps.get()));
    let mut piece =
        Sounding { place, division, steps, spans: vec![], length: 0, off_the_piano: 0, too_short: 0 };
    let mut track = 0;
    while track < tracks {
        let Some((name, contents)) = take_chunk(&mut rest) else {
            let remedy = format!("{track} of {tracks} tracks are there, use another copy");
            return wrong("is cut short", &remedy);
        };
        // Chunks of other names are to be passed over, says the standard.
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

/// Takes a chunk, its name and its contents, off the front of `rest`; none if it is not whole.
fn take_chunk<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8; 4], &'a [u8])> {
    let (name, after) = rest.split_first_chunk()?;
    let (length, after) = after.split_first_chunk()?;
    let (contents, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some((name, contents))
}

/// What has been read of a piece.
struct Sounding<'a> {
    place: &'a Place,
    /// Ticks a quarter note.
    division: u128,
    /// Frames a quarter note.
    steps: u128,
    spans: Vec<Span>,
    /// In frames.
    length: usize,
    off_the_piano: usize,
    too_short: usize,
}

/// A key that is down.
struct Down {
    /// When it was struck, in ticks.
    since: u64,
    /// Whether it was down before, so that its release at the same tick is that of the earlier note.
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
                    let found =
                        format!("track {number} is damaged, byte {at} of the file begins no MIDI event");
                    let remedy = "use another copy, or export it again";
                    return Err(Error::malformed(self.place, found, remedy));
                }
                None => break,
            };
            // The standard ends running status at a meta event; some programs do not, and players go along.
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

    /// Adds a note that sounds from one tick to another.
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

    /// The boundary between frames that is nearest to a time in ticks, of two the later.
    fn boundary(&self, ticks: u64) -> Result<usize> {
        let frame = (2 * u128::from(ticks) * self.steps + self.division) / (2 * self.division);
        usize::try_from(frame).ok().filter(|&frame| frame <= MAX_FRAMES).ok_or_else(|| {
            let found =
                format!("lasts {frame} frames at {} a quarter note, {MAX_FRAMES} is the most", self.steps);
            let remedy = "take fewer, or use another copy if the piece is not as long as that";
            Error::malformed(self.place, found, remedy)
        })
    }
}
