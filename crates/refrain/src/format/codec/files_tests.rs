use std::io::Write;

use super::*;
use crate::format::{MidiOptions, Roll, to_midi};

#[test]
fn packed_and_plain_files_give_the_same_text() {
    let directory = tempfile::tempdir().unwrap();
    let (plain, packed) = (directory.path().join("a.txt"), directory.path().join("a.txt.gz"));
    let bytes = b"\xef\xbb\xbfone\r\ntwo\n";
    fs::write(&plain, bytes).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(File::create(&packed).unwrap(), Default::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap();
    assert_eq!(read_text(&plain).unwrap(), "one\r\ntwo\n");
    assert_eq!(read_text(&packed).unwrap(), read_text(&plain).unwrap());
}

#[test]
fn files_that_cannot_be_opened_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.gz");
    fs::write(&path, "not packed").unwrap();
    assert!(read_text(&path).unwrap_err().to_string().contains("cannot be unpacked"));
    assert!(read_text(&directory.path().join("none")).unwrap_err().to_string().contains("cannot read"));
}

#[test]
fn images_are_relative_to_the_folder_and_must_exist() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, path) = (directory.path().join("images"), directory.path().join("x.tsv"));
    fs::create_dir_all(folder.join("pets")).unwrap();
    fs::write(folder.join("pets/cat 1.png"), "").unwrap();
    fs::write(&path, "pets/cat 1.png\ta cat\r\n\npets/cat 1.png\tan animal\ton a mat\n").unwrap();
    let file = folder.join("pets/cat 1.png");
    let expected = [("a cat", 1), ("an animal\ton a mat", 3)];
    let expected = expected.map(|(text, line)| Caption { file: file.clone(), text: text.into(), line });
    assert_eq!(read_captions(&path, &folder).unwrap(), expected);
    for (text, expected) in [
        ("pets/cat 1.png\ta\nb.png\tb\n", "x.tsv, line 2: there is no file \"b.png\" in "),
        ("pets\ta folder", "x.tsv, line 1: there is no file \"pets\""),
        ("a\0.png\ta", "x.tsv, line 1: there is no file \"a\\0.png\""),
    ] {
        fs::write(&path, text).unwrap();
        let message = read_captions(&path, &folder).unwrap_err().to_string();
        assert!(message.contains(expected), "{text:?}: {message}");
    }
}

#[test]
fn a_folder_is_read_in_order_of_names_and_errors_name_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let read = || read_midi_folder(folder, StepsPerQuarter::default());
    assert!(read().unwrap_err().to_string().contains("has no file that ends in .mid or .midi"));
    for (name, note) in [("b.MID", 60), ("a.midi", 62), ("._a.mid", 0), ("notes.txt", 0)] {
        let roll = Roll::new(vec![vec![note]]).map(|roll| to_midi(&roll, &MidiOptions::default()).unwrap());
        std::fs::write(folder.join(name), roll.unwrap_or_default()).unwrap();
    }
    std::fs::create_dir(folder.join("c.mid")).unwrap();
    let notes =
        |pieces: Vec<(_, MidiPiece)>| pieces.iter().map(|(_, p)| p.roll.frames()[0][0]).collect::<Vec<_>>();
    assert_eq!(notes(read().unwrap()), [62, 60]);
    std::fs::write(folder.join("aa.mid"), "none").unwrap();
    assert!(read().unwrap_err().to_string().contains("aa.mid: is not a MIDI file"));
    assert!(read_midi_folder(&folder.join("none"), StepsPerQuarter::default()).is_err());
}
