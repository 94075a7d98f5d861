//! Labelled texts, one per line: `label<TAB>text`.

use std::io::Read;

use super::tabbed::TwoColumns;
use crate::format::records::LabelledText;
use crate::format::text::text_of;
use crate::{Place, Result};

/// The labelled texts of a file of lines `label<TAB>text`, named `place` in messages. The label ends at the first tab;
/// further tabs belong to the text. White space around both is dropped, blank lines are skipped.
///
/// # Errors
/// As [`text_of`]; [`Error::Input`](crate::Error::Input) for a line without a tab, label or text, and if there are no
/// lines.
pub fn labelled_of(place: impl Into<Place>, input: impl Read) -> Result<Vec<LabelledText>> {
    let place = place.into();
    let text = text_of(&place, input)?;
    let rows = TwoColumns { first: "label", second: "text", more_ignored: false }.rows(&place, &text)?;
    let labelled = rows.iter().map(|row| LabelledText {
        label: row.first.into(),
        text: row.second.into(),
        line: row.line,
    });
    Ok(labelled.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Vec<LabelledText>> {
        labelled_of("x.tsv", text.as_bytes())
    }

    #[test]
    fn a_label_ends_at_the_first_tab_and_the_line_is_stored() {
        let read = parse("\nham\tsee you\r\n\r\n  \n spam \t win\ta prize \r\nham\tlast").unwrap();
        let expected = [("ham", "see you", 2), ("spam", "win\ta prize", 5), ("ham", "last", 6)];
        let expected =
            expected.map(|(label, text, line)| LabelledText { label: label.into(), text: text.into(), line });
        assert_eq!(read, expected);
    }

    #[test]
    fn every_error_is_reported_with_its_line_and_a_remedy() {
        let cases = [
            ("ham\tyes\nham yes\n", "x.tsv, line 2: has no tab: write label<TAB>text"),
            ("\r\n\r\nham yes", "x.tsv, line 3: has no tab"),
            ("ham\tyes\n\n\tyes\n", "x.tsv, line 3: has an empty label: write label<TAB>text, or delete"),
            ("  \tyes", "x.tsv, line 1: has an empty label"),
            ("ham\t\n", "x.tsv, line 1: has an empty text"),
            ("ham\tyes\r\nham\t \t \r\n", "x.tsv, line 2: has an empty text"),
            ("\t\n", "x.tsv, line 1: has an empty label"),
            ("", "x.tsv: is empty: write lines of label<TAB>text"),
            ("\r\n \n", "x.tsv: is empty"),
        ];
        for (text, expected) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }

    #[test]
    fn a_text_has_no_byte_order_mark_and_must_be_utf_8() {
        assert_eq!(parse("\u{feff}ham\tça va\n").unwrap()[0].label, "ham");
        let message = labelled_of("x.tsv", &b"ham\tok\nham\t\xe7a va\n"[..]).unwrap_err().to_string();
        assert!(message.contains("line 2: is not UTF-8"), "{message}");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_all_fields_are_filled(text in r"([ab \t\r\n]|\PC){0,60}") {
            for example in parse(&text).unwrap_or_default() {
                let line = text.lines().nth(example.line as usize - 1).unwrap();
                prop_assert!(!example.label.is_empty() && !example.text.is_empty());
                prop_assert!(line.trim_start().starts_with(&example.label) && line.trim_end().ends_with(&example.text));
            }
        }
    }
}
