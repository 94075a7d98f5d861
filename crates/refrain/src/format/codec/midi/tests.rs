use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::Result;
use crate::format::{HIGHEST_NOTE, LOWEST_NOTE, Roll, StepsPerQuarter};

/// Written by mido 1.3.3: three tracks of 96 ticks per quarter note with changes of tempo, running status, releases of
/// velocity 0, a lyric, drums, a note below the piano, a controller, a pitch wheel and a system exclusive message.
const OF_MIDO: [&[u8]; 4] = [
    b"MThd\0\0\0\x06\0\x01\0\x03\0\x60",
    b"MTrk\0\0\0\x1a\0\xff\x51\x03\x07\xa1\x20\0\xff\x58\x04\x03\x02\x18\x08\x60\xff\x51\x03\x0d\xbb\xa0\0\xff\x2f\0",
    b"MTrk\0\0\0\x38\0\xff\x03\x01x\0\xc0\x13\0\x90\x3c\x5a\0\x40\x50\x60\x3c\0\0\x3e\x46\x30\x40\0\0\x41\x09\x18\x41\0\
      \x18\x3e\0\0\xff\x05\x02la\0\x90\x40\x46\x64\x40\0\0\x0a\x46\x5a\x0a\0\x62\xff\x2f\0",
    b"MTrk\0\0\0\x30\0\xb1\x40\x7f\0\x91\x30\x46\x0a\xe1\x64\x40\x81\x36\x81\x30\x40\0\x99\x24\x46\x60\x89\x24\x40\x05\
      \x91\x3c\x46\x03\xf0\x04\x01\x02\x03\xf7\x50\x81\x3c\x40\0\x91\x30\x46\x60\xff\x2f\0",
];

fn read(bytes: &[u8], steps: u32) -> Result<MidiPiece> {
    midi_of("x.mid", bytes, StepsPerQuarter::new(steps)?)
}

/// A file of format 0 with 96 ticks per quarter note and these events in its track.
fn file(events: &[u8]) -> Vec<u8> {
    let length = (events.len() as u32).to_be_bytes();
    [b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk", &length[..], events].concat()
}

#[test]
fn a_file_of_mido_is_read_as_by_mido() {
    let frames = |steps| {
        let piece = read(&OF_MIDO.concat(), steps).unwrap();
        assert_eq!((piece.off_the_piano, piece.too_short), (1, if steps == 1 { 1 } else { 0 }));
        piece.roll.frames().to_vec()
    };
    assert_eq!(frames(1), [vec![48, 60, 64], vec![48, 62, 64], vec![64], vec![60], vec![48]]);
    let counted = [
        (4, vec![48, 60, 64]),
        (2, vec![48, 62, 64]),
        (1, vec![48, 62, 65]),
        (1, vec![48, 62]),
        (4, vec![64]),
        (4, vec![60]),
        (4, vec![48]),
    ];
    let expected: Vec<_> = counted.into_iter().flat_map(|(times, frame)| vec![frame; times]).collect();
    assert_eq!(frames(4), expected);
}

#[test]
fn a_note_sounds_in_the_frames_whose_middle_it_covers() {
    // Of four quavers the ones on the beat; a note with a late end; one that is too short.
    let frames = |events: &[u8], steps| {
        let piece = read(&file(events), steps).unwrap();
        (piece.roll.frames().to_vec(), piece.too_short)
    };
    let quavers =
        b"\0\x90\x3c\x50\x30\x3c\0\0\x3e\x50\x30\x3e\0\0\x40\x50\x30\x40\0\0\x41\x50\x30\x41\0\0\xff\x2f\0";
    assert_eq!(frames(quavers, 1), (vec![vec![60], vec![64]], 2));
    assert_eq!(frames(quavers, 2), (vec![vec![60], vec![62], vec![64], vec![65]], 0));
    let late = b"\x0a\x90\x3c\x50\x70\x3c\0\0\xff\x2f\0";
    assert_eq!(frames(late, 1), (vec![vec![60]], 0));
}

#[test]
fn overlapping_and_endless_notes_and_running_status_are_read() {
    let frames = |events: &[u8]| read(&file(events), 1).unwrap().roll.frames().to_vec();
    // Struck again before the release of the first stroke, at the same tick.
    let again = b"\0\x90\x3c\x50\x60\x90\x3c\x50\0\x80\x3c\0\x60\x80\x3c\0\x60\xff\x2f\0";
    assert_eq!(frames(again), [vec![60], vec![60], vec![]]);
    let endless = b"\0\x90\x3c\x50\x81\x40\xff\x2f\0";
    assert_eq!(frames(endless), [vec![60], vec![60]]);
    // Running status across a lyric, and no event that ends the track.
    assert_eq!(frames(b"\0\x90\x3c\x50\0\xff\x05\x01a\x60\x3c\0"), [vec![60]]);
}

#[test]
fn every_error_is_reported() {
    let good = OF_MIDO.concat();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    for (bytes, message) in [
        (b"RIFF".to_vec(), "is not a MIDI file"),
        (with(4, b"\0\0\0\x04"), "is not a MIDI file"),
        (with(12, b"\xe7\x28"), "counts time in SMPTE frames"),
        (with(12, b"\x80\0"), "counts time in SMPTE frames"),
        (with(12, b"\0\0"), "has a damaged header"),
        (with(8, b"\0\x03"), "has a damaged header"),
        (with(8, b"\0\x02"), "is of format 2, several pieces in one file"),
        (good[..100].to_vec(), "is cut short: it has 1 of 3 tracks"),
        (
            file(b"\0\x90\x3c\x50\x60\xf4"),
            "track 1 is damaged, byte 26 of the file is not the start of a MIDI event",
        ),
        (file(b"\0\x3c\x50"), "track 1 is damaged, byte 22"),
        (file(b"\0\x90\x3c"), "track 1 is damaged, byte 22"),
        (file(b"\0\xff\x01\x05la"), "track 1 is damaged, byte 22"),
        (file(b"\xff\xff\xff\x7f\xff\x2f\0"), "has 2796203 frames at 1 per quarter note, more than 262144"),
        (file(b"\0\x90\x3c\x50\xff\xff\xff\x7f\x3c\0"), "has 2796203 frames"),
    ] {
        let message_text = read(&bytes, 1).unwrap_err().to_string();
        assert!(message_text.starts_with(&format!("x.mid: {message}")), "{message_text}");
    }
    for steps in [0, 961] {
        assert!(StepsPerQuarter::new(steps).unwrap_err().to_string().contains("give 1 to 960"));
    }
}

#[test]
fn a_written_file_has_tempo_program_and_end() {
    let roll = Roll::new(vec![vec![60], vec![60, 64]]).unwrap();
    let options = MidiOptions { program: 19, tempo: 60.0, ..MidiOptions::default() };
    let head = b"MThd\0\0\0\x06\0\0\0\x01\x01\xe0MTrk\0\0\0";
    let setting = b"\0\xff\x51\x03\x0f\x42\x40\0\xc0\x13\0\x90\x3c\x50";
    let held = b"\x83\x60\x40\x50\x83\x60\x80\x3c\x40\0\x40\x40\0\xff\x2f\0";
    let length = [(setting.len() + held.len()) as u8];
    assert_eq!(to_midi(&roll, &options).unwrap(), [&head[..], &length, setting, held].concat());
    let struck = b"\x83\x60\x80\x3c\x40\0\x90\x3c\x50\0\x40\x50\x83\x60\x80\x3c\x40\0\x40\x40\0\xff\x2f\0";
    let length = [(setting.len() + struck.len()) as u8];
    let options = MidiOptions { repeats: Repeats::Struck, ..options };
    assert_eq!(to_midi(&roll, &options).unwrap(), [&head[..], &length, setting, struck].concat());
}

#[test]
fn options_out_of_range_and_rolls_that_are_too_long_are_refused() {
    let defaults = MidiOptions::default();
    for (options, message) in [
        (MidiOptions { tempo: f64::NAN, ..defaults }, "`tempo` is"),
        (MidiOptions { tempo: 3.9, ..defaults }, "`tempo` is"),
        (MidiOptions { program: 128, ..defaults }, "`program` is 128: give one of General MIDI"),
    ] {
        let message_text = to_midi(&Roll::default(), &options).unwrap_err().to_string();
        assert!(message_text.contains(message), "{message_text}");
    }
    let longest = Roll::new(vec![vec![]; MAX_FRAMES]).unwrap();
    let bytes = to_midi(&longest, &defaults).unwrap();
    assert_eq!(read(&bytes, 1).unwrap().roll, longest);
    let longer = Roll::new(vec![vec![]; MAX_FRAMES + 1]).unwrap();
    assert!(to_midi(&longer, &defaults).unwrap_err().to_string().contains("at most 262144"));
}

proptest! {
    #[test]
    fn a_roll_is_written_and_read(
        frames in vec(vec(LOWEST_NOTE..=HIGHEST_NOTE, 0..6), 0..40),
        steps in 1..=StepsPerQuarter::MAX,
        tempo in 4.0..=1000.0,
        struck: bool,
    ) {
        let roll = Roll::new(frames).unwrap();
        let repeats = if struck { Repeats::Struck } else { Repeats::Held };
        let options = MidiOptions { steps: StepsPerQuarter::new(steps).unwrap(), tempo, program: 3, repeats };
        let piece = read(&to_midi(&roll, &options).unwrap(), steps).unwrap();
        prop_assert_eq!(piece, MidiPiece { roll, off_the_piano: 0, too_short: 0 });
    }

    #[test]
    fn no_bytes_panic(
        bytes in vec(any::<u8>(), 0..60),
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        steps in 1..=StepsPerQuarter::MAX,
    ) {
        let _ = read(&bytes, steps);
        let _ = read(&file(&bytes), steps);
        let mut changed = OF_MIDO.concat();
        changes.iter().for_each(|(at, byte)| *at.get_mut(&mut changed) = *byte);
        let _ = read(&changed, steps);
    }
}
