use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::format::roll::{HIGHEST_NOTE, LOWEST_NOTE};

fn read(text: &str) -> Result<RollParts> {
    rolls_of("rolls.json", text.as_bytes())
}

#[test]
fn parts_are_read_and_notes_put_in_order() {
    let parts = read(r#"{"test": [[[]]], "train": [[[64, 60, 64], [21]], [[108]]]}"#).unwrap();
    let frames = |rolls: &[Roll]| rolls.iter().map(|roll| roll.frames().to_vec()).collect::<Vec<_>>();
    assert_eq!(frames(&parts.train), [vec![vec![60, 64], vec![21]], vec![vec![108]]]);
    assert_eq!(frames(&parts.test), [[Vec::<u8>::new()]]);
    assert!(parts.valid.is_empty());
}

#[test]
fn every_error_is_reported_with_its_place() {
    for (text, message) in [
        (r#"{"train": [[[60]], [[60], [20]]]}"#, ", train, piece 2, frame 2: 20 is not a note of a piano"),
        (
            r#"{"train": [[[60]]], "test": [[[109]]]}"#,
            ", test, piece 1, frame 1: 109 is not a note of a piano",
        ),
        (r#"{"train": [[[-1]]]}"#, "frame 1: -1 is not a note of a piano"),
        (r#"{"train": [[[60.5]]]}"#, "frame 1: 60.5 is not a note"),
        (r#"{"train": [[["C4"]]]}"#, "frame 1: \"C4\" is not a note"),
        (r#"{"train": [[[60]]], "valid": [[[60]], []]}"#, ", valid, piece 2: has no frames"),
        (r#"{"train": []}"#, ": \"train\" has no pieces"),
        (
            "{\"train\": [[[60]]],\n\"dev\": []}",
            ", line 2, column 5: unknown field `dev`, expected one of `train`",
        ),
        ("{\"train\": [[[60]]],\n\"train\": []}", ", line 2, column 7: duplicate field `train`"),
        ("{\n\"valid\": []}", ", line 2, column 12: missing field `train`: the file should be {\"train\""),
        ("{\"train\": [\n[[60,]]]}", ", line 2, column 6: trailing comma"),
        ("{\"train\": [[\n5]]}", ", line 2, column 1: invalid type: integer `5`, expected a sequence"),
        ("no JSON", ", line 1, column 2: this is not JSON"),
        ("", ", line 1, column 0: EOF while parsing a value"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let error = Roll::new(vec![vec![60], vec![20]]).unwrap_err().to_string();
    assert!(error.starts_with("roll, frame 2: 20 is not a note of a piano"), "{error}");
    let error = Roll::from_many_hot(&[0.0; 89]).unwrap_err().to_string();
    assert_eq!(
        error,
        "roll: has 89 values, which is not a multiple of 88, the length of a row: complete the last row"
    );
}

#[test]
fn columns_are_keys_starting_with_the_lowest() {
    let roll = Roll::new(vec![vec![21, 108], vec![60]]).unwrap();
    let values = roll.many_hot();
    let ones: Vec<usize> = (0..values.len()).filter(|&at| values[at] == 1.0).collect();
    assert_eq!((values.len(), ones), (2 * 88, vec![0, 87, 88 + 39]));
}

proptest! {
    #[test]
    fn a_roll_is_converted_to_other_formats_and_back(frames in vec(vec(LOWEST_NOTE..=HIGHEST_NOTE, 0..6), 0..40)) {
        let roll = Roll::new(frames).unwrap();
        prop_assert_eq!(&Roll::from_many_hot(&roll.many_hot()).unwrap(), &roll);
        prop_assert_eq!(&Roll::from_spans(roll.len(), roll.spans()), &roll);
        let json = serde_json::json!({ "train": [roll.frames()] }).to_string();
        match read(&json) {
            Ok(parts) => prop_assert_eq!(&parts.train[0], &roll),
            Err(_) => prop_assert!(roll.is_empty()),
        }
    }

    #[test]
    fn no_text_panics(text in r#"[\[\]{}:,"0-9a-z. -]{0,60}"#, note in any::<f64>()) {
        let _ = read(&text);
        let _ = read(&format!(r#"{{"train": [[[{note:e}]]]}}"#));
        let _ = read(&format!(r#"{{"train": [[[{text}]]]}}"#));
    }
}
