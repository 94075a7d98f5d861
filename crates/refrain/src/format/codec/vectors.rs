//! Vectors in a CSV table with their descriptions: numbers, and a text in the last column.

use std::io::Read;

use super::csv_rows::Rows;
use super::number::{is_number, number};
use crate::format::records::DescribedVector;
use crate::format::text::text_of;
use crate::{Error, Place, Result};

/// The vectors of a CSV table, named `place` in messages: at least one, all of the same width. All columns but the
/// last are numbers, the last is the text, which is optional if the `width` of the vectors is known. The first row is
/// a header if it has no number before the text.
///
/// # Errors
/// As [`text_of`]; [`Error::Input`] with the line of a row of another width than the first or than `width`, and of a
/// missing or non-finite value.
pub fn vectors_of(
    place: impl Into<Place>,
    input: impl Read,
    width: Option<usize>,
) -> Result<Vec<DescribedVector>> {
    let place = place.into();
    vectors(&place, &text_of(&place, input)?, width)
}

fn vectors(place: &Place, text: &str, width: Option<usize>) -> Result<Vec<DescribedVector>> {
    let mut rows = Rows::new(place, text).peekable();
    let Some(Ok((line, first))) = rows.peek() else {
        return Err(match rows.next() {
            Some(Err(error)) => error,
            _ => {
                let expected = "expected one vector per row, with its text in the last column";
                Error::too_little(place, "is empty", expected)
            }
        });
    };
    let (line, columns) = (*line, first.len());
    let width = width.unwrap_or(columns.saturating_sub(1));
    if width == 0 || columns < width || columns > width + 1 {
        let expected = match width {
            0 => "expected at least one number and a text".to_owned(),
            width => format!("expected {width} numbers, and optionally a text"),
        };
        let plural = if columns == 1 { "" } else { "s" };
        return Err(Error::malformed(place.at(line), format!("has {columns} column{plural}"), expected));
    }
    if !first.iter().take(width).any(is_number) {
        rows.next();
    }
    let mut vectors = vec![];
    for row in rows {
        let (line, row) = row?;
        let values = (1..).zip(row.iter().take(width)).map(|(column, field)| {
            let place = || place.at(line).field(format!("column {column}"));
            number(field, "").map_err(|problem| Error::input(place(), problem))
        });
        let text = row.get(width).filter(|text| !text.is_empty()).map(str::to_owned);
        if text.as_ref().is_some_and(|text| text.contains('\n')) {
            let found = "has a text that continues in the next line";
            return Err(Error::malformed(place.at(line), found, "close its quote, or write it on one line"));
        }
        vectors.push(DescribedVector { values: values.collect::<Result<_>>()?, text, line });
    }
    match vectors.is_empty() {
        true => Err(Error::too_little(place.at(line), "is not followed by rows", "expected one per vector")),
        false => Ok(vectors),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, width: Option<usize>) -> Result<Vec<DescribedVector>> {
        vectors_of("x.csv", text.as_bytes(), width)
    }

    #[test]
    fn the_last_column_is_the_text() {
        let described = |values: &[f32], text: Option<&str>, line| DescribedVector {
            values: values.to_vec(),
            text: text.map(str::to_owned),
            line,
        };
        let expected = [described(&[0.0, 1.5], Some("a line, thin"), 2), described(&[2.0, 3.0], None, 3)];
        assert_eq!(read("x,y,text\n0,1.5,\"a line, thin\"\n2,3,\n", None).unwrap(), expected);
        // The text is a number, which could also be a third value.
        assert_eq!(read("0,13,5\n", None).unwrap(), [described(&[0.0, 13.0], Some("5"), 1)]);
        assert_eq!(read("0,13,5\n", Some(2)).unwrap(), [described(&[0.0, 13.0], Some("5"), 1)]);
        assert_eq!(read("0,13,5\n", Some(3)).unwrap(), [described(&[0.0, 13.0, 5.0], None, 1)]);
        assert_eq!(read("x,y\n0,13\n", Some(2)).unwrap(), [described(&[0.0, 13.0], None, 2)]);
    }

    #[test]
    fn every_error_is_reported_with_its_line() {
        for (text, width, expected) in [
            ("", None, ": is empty"),
            ("x,text\n", None, ", line 1: is not followed by rows"),
            ("text\n", None, ", line 1: has 1 column: expected at least one number and a text"),
            ("1,2,3,one\n", Some(2), ", line 1: has 4 columns: expected 2 numbers, and optionally a text"),
            ("1\n", Some(2), ", line 1: has 1 column: expected 2 numbers"),
            ("1,2,one\n1,2\n", None, ", line 2: has 2 columns where the first row has 3"),
            ("1,2,a red, square\n", Some(2), ", line 1: has 4 columns: expected 2 numbers"),
            ("1,2,red\n1,2,a red, square\n", None, ", line 2: has 4 columns where the first row has 3"),
            ("1,2,one\n1,x,two\n", None, ", line 2, column 2: \"x\" is not a number"),
            ("1,2,one\n\n,2,two\n", None, ", line 3, column 1: a value is missing"),
            ("1,2,\"one\n1,2,two\n1,2,three\n", None, ", line 1: has a text that continues in the next line"),
            ("1,inf,one\n", None, ", line 1, column 2: \"inf\" is too large"),
        ] {
            let message = read(text, width).unwrap_err().to_string();
            assert!(message.starts_with(&format!("x.csv{expected}")), "{text:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a1.,\"\r\n?-]*", width in prop::option::of(0_usize..4)) {
            for vector in read(&text, width).into_iter().flatten() {
                prop_assert!(!vector.values.is_empty());
            }
        }
    }
}
