use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<FrameSequence>> {
    table_of("x.csv", text.as_bytes())
}

#[test]
fn rows_of_one_identifier_are_one_sequence() {
    let sequences = read("id,Label,x,y\na,walk,1,2\na,walk,3,4\n\nb,run,5,6\n").unwrap();
    let expected = [
        FrameSequence {
            values: vec![1.0, 2.0, 3.0, 4.0],
            width: 2,
            columns: ["x".to_owned(), "y".to_owned()].into(),
            labels: Labels::One("walk".to_owned()),
            name: "a".to_owned(),
            line: Some(2),
        },
        FrameSequence {
            values: vec![5.0, 6.0],
            width: 2,
            columns: ["x".to_owned(), "y".to_owned()].into(),
            labels: Labels::One("run".to_owned()),
            name: "b".to_owned(),
            line: Some(5),
        },
    ];
    assert_eq!(sequences, expected);
    assert_eq!((sequences[0].steps(), sequences[1].steps()), (2, 1));
}

#[test]
fn labels_that_change_within_a_sequence_are_per_step_in_all_sequences() {
    let sequences = read("id,class,x\n1,up,1\n1,down,2\n2,up,3\n2,up,4\n").unwrap();
    let labels: Vec<_> = sequences.into_iter().map(|sequence| sequence.labels).collect();
    let each = |labels: [&str; 2]| Labels::Each(labels.map(str::to_owned).to_vec());
    assert_eq!(labels, [each(["up", "down"]), each(["up", "up"])]);
}

#[test]
fn a_table_without_a_label_column_has_no_labels() {
    let sequences = read("id,x,y\na,1,2\n").unwrap();
    assert_eq!((&sequences[0].labels, sequences[0].width), (&Labels::None, 2));
}

#[test]
fn every_error_is_reported_with_its_line() {
    for (text, expected) in [
        ("", ": is empty"),
        ("id,label,x\n", ", line 1: is not followed by rows"),
        ("a,walk,1\nb,walk,2\n", ", line 1: a column is named \"1\", or the header is missing"),
        ("id\na\n", ", line 1: the header has no column of numbers"),
        ("id,label\na,walk\n", ", line 1: the header has no column of numbers"),
        ("id,x,label\na,1,walk\n", ", line 1: \"label\" is not the second column"),
        ("id,label,x\r\na,walk,1\r\na,walk\r\n", ", line 3: has 2 columns where the first row has 3"),
        ("id,label,x\na,walk,1,2\n", ", line 2: has 4 columns where the first row has 3"),
        ("id,x\na,1\n,2\n", ", line 3: has no sequence identifier"),
        ("id,label,x\na,walk,1\na,,2\n", ", line 3: has no label"),
        ("id,label,x,y\na,walk,1,2\na,walk,3,fast\n", ", line 3, column \"y\": \"fast\" is not a number"),
        ("id,activity,x\na,walk,1\n", ", line 2, column \"activity\": \"walk\" is not a number"),
        ("id,x\na,1\na,\n", ", line 3, column \"x\": a value is missing (\"\")"),
        ("id,x\na,NaN\n", ", line 2, column \"x\": a value is missing (\"NaN\")"),
        ("id,x\na,inf\n", ", line 2, column \"x\": \"inf\" is too large or infinite"),
        ("id,x\na,1e99\n", ", line 2, column \"x\": \"1e99\" is too large"),
        ("id,x\na,1\nb,2\na,3\n", ", line 4: sequence \"a\" continues"),
        ("id,x\na,\"1\n2,3\n", ", line 2, column \"x\": \"1\\n2,3\" is not a number"),
    ] {
        let message = read(text).unwrap_err().to_string();
        assert!(message.starts_with(&format!("x.csv{expected}")), "{text:?}: {message}");
    }
    let message = read("id,activity,x\na,walk,1\n").unwrap_err().to_string();
    assert!(message.ends_with("a column of labels must be named `label`"), "{message}");
}

#[test]
fn a_caller_can_match_on_problem_and_place() {
    let Err(Error::Input { place, problem }) = read("id,label,x\na,walk,1\na,walk,fast\n") else { panic!() };
    assert_eq!((place.line, place.field.as_deref()), (Some(3), Some("column \"x\"")));
    assert_eq!(problem, InputProblem::NotANumber { value: "fast".to_owned(), hint: "" });
    let Err(Error::Input { problem, .. }) = read("id,x,x\na,1,2\n") else { panic!() };
    assert_eq!(problem, InputProblem::RepeatedColumn { name: "x".to_owned() });
}

proptest! {
    #[test]
    fn no_text_panics(text in "(id,label,x\n)?[ab1,.\"\r\n?-]*") {
        if let Ok(sequences) = read(&text) {
            for sequence in sequences {
                prop_assert!(sequence.steps() > 0 && sequence.values.iter().all(|value| value.is_finite()));
            }
        }
    }

    #[test]
    fn written_tables_are_read_back(steps in prop::collection::vec(any::<[i16; 3]>(), 1..9)) {
        let rows: String = steps.iter().map(|[x, y, z]| format!("a,{x},{y},{z}\n")).collect();
        let sequences = read(&format!("id,x,y,z\n{rows}")).unwrap();
        let expected: Vec<f32> = steps.iter().flatten().map(|&value| value.into()).collect();
        prop_assert_eq!(&sequences[0].values, &expected);
    }
}
