//! Piano rolls to MIDI files.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Timing, TrackEvent, TrackEventKind};

use super::MAX_FRAMES;
use crate::format::roll::{Roll, Span, StepsPerQuarter};
use crate::{Error, Result};

/// Ticks per quarter note, or the next multiple of the steps; the usual value of sequencers.
const TICKS: u32 = 480;
/// Velocity of pressed keys, of 127: mezzo-forte.
const PRESS_VELOCITY: u7 = u7::new(80);
/// Velocity of released keys: the standard's default.
const RELEASE_VELOCITY: u7 = u7::new(64);

/// Treatment of a note that sounds in several consecutive frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// It is struck once and held.
    #[default]
    Held,
    /// It is struck in every frame.
    Struck,
}

/// How a roll is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MidiOptions {
    /// Frames per quarter note.
    pub steps: StepsPerQuarter,
    /// Quarter notes per minute, 4 to 1,000.
    pub tempo: f64,
    /// The instrument, 0 to 127, as in General MIDI counted from 0: 0 is a grand piano, 19 a church organ.
    pub program: u8,
    /// Whether notes are held.
    pub repeats: Repeats,
}

impl Default for MidiOptions {
    fn default() -> Self {
        Self { steps: StepsPerQuarter::default(), tempo: 120.0, program: 0, repeats: Repeats::default() }
    }
}

/// The bytes of a MIDI file: format 0, one track, channel 1. [`midi_of`](super::midi_of) with the same steps gives the
/// same roll, including silence at its end.
///
/// # Errors
/// [`Error::Setting`] for a tempo or a program out of range; [`Error::Input`] for a roll of more than 262,144 frames.
pub fn to_midi(roll: &Roll, options: &MidiOptions) -> Result<Vec<u8>> {
    let &MidiOptions { steps, tempo, program, repeats } = options;
    if !(4.0..=1000.0).contains(&tempo) {
        return Err(Error::out_of_range("tempo", tempo, "4 to 1000 quarter notes per minute"));
    }
    let Some(program) = u7::try_from(program) else {
        return Err(Error::out_of_range("program", program, "one of General MIDI, 0 to 127"));
    };
    if roll.len() > MAX_FRAMES {
        let found = format!("has {} frames", roll.len());
        return Err(Error::malformed("roll", found, format!("shorten it to at most {MAX_FRAMES}")));
    }
    let ticks = TICKS.div_ceil(steps.get());
    let microseconds = u24::new((60e6 / tempo).round() as u32);
    let mut track = vec![
        TrackEvent { delta: u28::new(0), kind: TrackEventKind::Meta(MetaMessage::Tempo(microseconds)) },
        played(0, MidiMessage::ProgramChange { program }),
    ];
    let mut last = 0;
    for (frame, starts, note) in note_events(roll, repeats) {
        let key = u7::new(note);
        let message = match starts {
            true => MidiMessage::NoteOn { key, vel: PRESS_VELOCITY },
            false => MidiMessage::NoteOff { key, vel: RELEASE_VELOCITY },
        };
        // The limit on frames keeps every delta within 28 bits.
        track.push(played((frame - last) as u32 * ticks, message));
        last = frame;
    }
    let delta = u28::new((roll.len() - last) as u32 * ticks);
    track.push(TrackEvent { delta, kind: TrackEventKind::Meta(MetaMessage::EndOfTrack) });
    let timing = Timing::Metrical(u15::new((ticks * steps.get()) as u16));
    let mut bytes = vec![];
    midly::write(&Header { format: Format::SingleTrack, timing }, [&track], &mut bytes)
        .map_err(|message| Error::malformed("roll", message, "use a shorter one"))?;
    Ok(bytes)
}

/// Frame, whether it starts, and number of every note that starts or ends. Ends come first, so that a repeated note
/// is kept.
fn note_events(roll: &Roll, repeats: Repeats) -> Vec<(usize, bool, u8)> {
    let mut note_events = vec![];
    for Span { note, start, end } in roll.spans() {
        let length = match repeats {
            Repeats::Held => end - start,
            Repeats::Struck => 1,
        };
        for start in (start..end).step_by(length) {
            note_events.extend([(start, true, note), (start + length, false, note)]);
        }
    }
    note_events.sort_unstable();
    note_events
}

fn played(delta: u32, message: MidiMessage) -> TrackEvent<'static> {
    let channel = u4::new(0);
    TrackEvent { delta: u28::new(delta), kind: TrackEventKind::Midi { channel, message } }
}
