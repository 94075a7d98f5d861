use proptest::prelude::*;

use super::*;

fn read(text: &str, columns: &[&str]) -> Result<Series> {
    let columns: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
    series_of("x.csv", text.as_bytes(), &columns)
}

#[test]
fn the_first_column_may_contain_time_stamps() {
    for (text, stamps) in [
        ("\"Month\",\"Passengers\"\r\n\"1949-01\",112\r\n\"1949-02\",118\r\n", Some(["1949-01", "1949-02"])),
        ("YEAR,SPOTS\n1700,112\n1701,118\n", Some(["1700", "1701"])),
        (",a\n0,112\n1,118\n", Some(["0", "1"])),
        ("jan,112\nfeb,118\n", Some(["jan", "feb"])),
        ("passengers\n112\n118\n", None),
        ("112\n118\n", None),
    ] {
        let series = read(text, &[]).unwrap();
        assert_eq!(series.values, [112.0, 118.0], "{text}");
        assert_eq!(series.stamps, stamps.map(|stamps| stamps.map(str::to_owned).to_vec()), "{text}");
        assert_eq!(series.steps(), 2);
    }
}

#[test]
fn columns_are_chosen_by_name_or_number() {
    let text = "date,heat,place,rain\nmon,1,here,2\ntue,3,there,4\n";
    let weather = read(text, &["rain", "heat"]).unwrap();
    assert_eq!(
        (weather.names, weather.values),
        (vec!["rain".into(), "heat".into()], vec![2.0, 1.0, 4.0, 3.0])
    );
    let numbered = read("mon,1,2\ntue,3,4\n", &["3"]).unwrap();
    assert_eq!((numbered.names, numbered.values), (vec!["3".into()], vec![2.0, 4.0]));
    let all = read("mon,1,2\ntue,3,4\n", &[]).unwrap();
    assert_eq!((all.names, all.values), (vec!["2".into(), "3".into()], vec![1.0, 2.0, 3.0, 4.0]));
    let year = read("year,spots\n1700,1\n", &["year", "spots"]).unwrap();
    assert_eq!((year.values, year.stamps), (vec![1700.0, 1.0], None));
}

#[test]
fn every_error_is_reported_with_its_line() {
    for (text, columns, expected) in [
        ("", &[][..], ": is empty"),
        ("date,x\n", &[], ", line 1: is not followed by rows"),
        ("date\nmon\n", &[], ", line 2, column \"date\": \"mon\" is not a number"),
        ("date,x\nmon,1\ntue\n", &[], ", line 3: has 1 column where the first row has 2"),
        ("date,x\nmon,1\n\ntue,\n", &[], ", line 4, column \"x\": a value is missing (\"\")"),
        ("date,x\nmon,1\ntue,?\n", &["x"], ", line 3, column \"x\": a value is missing (\"?\")"),
        ("date,x\nmon,nan\n", &[], ", line 2, column \"x\": a value is missing (\"nan\")"),
        ("mon,?\ntue,1\n", &[], ", line 1, column \"2\": a value is missing (\"?\")"),
        ("date,x\nmon,1\ntue,-inf\n", &[], ", line 3, column \"x\": \"-inf\" is too large or infinite"),
        ("date,x,place\nmon,1,here\n", &[], ", line 2, column \"place\": \"here\" is not a number"),
        ("date;x\nmon;1\n", &[], ", line 1: has semicolons but no commas"),
        ("date,x\nmon,1\n", &["y"], ", line 1: there is no column \"y\": the columns are \"date\", \"x\""),
        ("date,x,x\nmon,1,2\n", &["x"], ", line 1: two columns are named \"x\""),
        ("date,x,x\nmon,1,2\n", &[], ", line 1: two columns are named \"x\""),
        ("date,x,y\nmon,1,2\n", &["x", "x"], ", line 1: \"x\" is given twice"),
    ] {
        let message = read(text, columns).unwrap_err().to_string();
        assert!(message.starts_with(&format!("x.csv{expected}")), "{text:?}: {message}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a1.,\"\r\n?-]*", columns in prop::collection::vec("[a1]", 0..3)) {
        if let Ok(series) = series_of("x.csv", text.as_bytes(), &columns) {
            prop_assert_eq!(series.steps() * series.names.len(), series.values.len());
            prop_assert!(series.stamps.is_none_or(|stamps| stamps.len() == series.values.len() / series.names.len()));
        }
    }
}
