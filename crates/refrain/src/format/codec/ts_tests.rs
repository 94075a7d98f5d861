use proptest::prelude::*;

use super::*;

const HEADER: &str = "# Two hands.\n@problemName Hands\n@timeStamps false\n@missing false\n@univariate false\n\
                      @dimensions 2\n@equalLength false\n@classLabel true left right\n@data\n";
/// Line of the first sequence after [`HEADER`].
const FIRST: u64 = 10;

fn ts(text: &str) -> Result<Vec<FrameSequence>> {
    ts_of("x.ts", text.as_bytes())
}

#[test]
fn a_line_is_a_sequence_of_vectors() {
    let sequences = ts(&format!("{HEADER}1,2,3:4,5,6:left\r\n\r\n# One step.\n -1 : 0.5 :right \n")).unwrap();
    let expected = [
        FrameSequence {
            values: vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0],
            width: 2,
            columns: [].into(),
            labels: Labels::One("left".to_owned()),
            name: "1".to_owned(),
            line: Some(FIRST),
        },
        FrameSequence {
            values: vec![-1.0, 0.5],
            width: 2,
            columns: [].into(),
            labels: Labels::One("right".to_owned()),
            name: "2".to_owned(),
            line: Some(FIRST + 3),
        },
    ];
    assert_eq!(sequences, expected);
}

#[test]
fn labels_and_dimensions_are_optional() {
    let sequences = ts("@CLASSLABEL false\n@DATA\n1,2:3,4:5,6\n").unwrap();
    assert_eq!((&sequences[0].labels, sequences[0].width, sequences[0].steps()), (&Labels::None, 3, 2));
}

#[test]
fn every_error_in_the_header_is_reported_with_its_line() {
    for (text, expected) in [
        ("", ": has no `@data` line"),
        ("@classLabel false\n1,2\n", ", line 2: comes before `@data`"),
        ("@dimensions 2\n@data\n1:2\n", ", line 2: comes before any `@classLabel`"),
        ("@classLabel false\n@data\n", ", line 2: is not followed by sequences"),
        ("@classLabel false a b\n@data\n", ", line 1: `@classLabel` needs `true` and all labels"),
        ("@classLabel true\n@data\n", ", line 1: `@classLabel` needs `true` and all labels"),
        ("@classLabel\n@data\n", ", line 1: `@classLabel` needs `true` or `false`"),
        ("#\n@timeStamps true\n@data\n", ", line 2: time stamps are not supported"),
        ("@targetLabel true\n@data\n", ", line 1: numeric targets are not supported"),
        ("@dimensions two\n@data\n", ", line 1: `@dimensions` needs a number"),
        ("@dimensions 0\n@data\n", ", line 1: `@dimensions` needs a number of at least 1"),
        ("@univariate true\n@dimensions 2\n", ", line 2: declares 2 dimensions after 1"),
        ("@equalLength maybe\n@data\n", ", line 1: `@equalLength` needs `true` or `false`"),
        ("@seriesLength -1\n@data\n", ", line 1: `@seriesLength` needs a number"),
    ] {
        let message = ts(text).unwrap_err().to_string();
        assert!(message.starts_with(&format!("x.ts{expected}")), "{text:?}: {message}");
    }
}

#[test]
fn every_error_in_a_sequence_is_reported_with_its_line() {
    for (line, expected) in [
        ("1,2:3,4:up", ": the label \"up\", after the last colon, is not listed by"),
        ("1,2:3,4", ": the label \"3,4\", after"),
        ("1,2:3,4:", ": the label \"\", after"),
        ("1,2:left", ": has 1 dimensions: expected 2"),
        ("1,2:3,4:5,6:left", ": has 3 dimensions: expected 2"),
        ("left", ": has 0 dimensions: expected 2"),
        ("1,2,3:4,5:left", ": dimension 1 has 3 steps, dimension 2 has 2"),
        ("1,2:3,?:left", ", dimension 2, step 2: a value is missing (\"?\")"),
        ("1,NaN:3,4:left", ", dimension 1, step 2: a value is missing (\"NaN\")"),
        (":3:left", ", dimension 1, step 1: a value is missing (\"\")"),
        ("1,2:3,inf:left", ", dimension 2, step 2: \"inf\" is too large or infinite"),
        ("1,2:3,x:left", ", dimension 2, step 2: \"x\" is not a number"),
        ("(0,1),(1,2):3,4:left", ", dimension 1, step 1: \"(0\" is not a number"),
    ] {
        let message = ts(&format!("{HEADER}1,2:3,4:left\n{line}\n")).unwrap_err().to_string();
        assert!(message.starts_with(&format!("x.ts, line {}{expected}", FIRST + 1)), "{line}: {message}");
    }
}

#[test]
fn lengths_declared_equal_must_be_equal() {
    let header = "@classLabel false\n@equalLength true\n";
    let message = ts(&format!("{header}@data\n1,2\n1,2,3\n")).unwrap_err().to_string();
    assert!(message.starts_with("x.ts, line 5: has 3 steps where 2 are declared"), "{message}");
    let message = ts(&format!("{header}@seriesLength 3\n@data\n1,2\n")).unwrap_err().to_string();
    assert!(message.starts_with("x.ts, line 5: has 2 steps where 3 are declared"), "{message}");
}

proptest! {
    #[test]
    fn no_text_panics(header in "[@a-zA-Z0-9 \n#]*", text in "[@1,:.?lrefti\n -]*") {
        let _ = ts(&text);
        let _ = ts(&format!("{header}\n@classLabel false\n@data\n{text}"));
        if let Ok(sequences) = ts(&format!("{HEADER}{text}")) {
            for sequence in sequences {
                prop_assert!(sequence.steps() > 0 && sequence.values.iter().all(|value| value.is_finite()));
            }
        }
    }
}
