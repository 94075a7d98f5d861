//! Texts with a label each, one a line: `label<TAB>text`.

use std::path::Path;

use super::read_text;
use super::tabbed::TwoColumns;
use crate::Result;

/// A text and the class that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledText {
    /// The class; not empty.
    pub label: String,
    /// The text; not empty.
    pub text: String,
    /// Where it stands in its file, from 1.
    pub line: u64,
}

/// Reads a file of lines `label<TAB>text`, as [`labelled_of`] says.
///
/// # Errors
/// As [`read_text`] and [`labelled_of`].
pub fn read_labelled(path: &Path) -> Result<Vec<LabelledText>> {
    labelled_of(path, &read_text(path)?)
}

/// The labelled texts in `text`, which came from `path`: the label ends at the first tab, further tabs belong
/// to the text. White space around either is dropped, blank lines are skipped.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) for a line without a tab, without a label or without a text, and if there is no
/// line.
pub fn labelled_of(path: &Path, text: &str) -> Result<Vec<LabelledText>> {
    let rows = TwoColumns { first: "label", second: "text", more_ignored: false }.rows(path, text)?;
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
        labelled_of(Path::new("x.tsv"), text)
    }

    #[test]
    fn a_label_ends_at_the_first_tab_and_the_line_is_kept() {
        let read = parse("\nham\tsee you\r\n\r\n  \n spam \t win\ta prize \r\nham\tlast").unwrap();
        let expected = [("ham", "see you", 2), ("spam", "win\ta prize", 5), ("ham", "last", 6)];
        let expected =
            expected.map(|(label, text, line)| LabelledText { label: label.into(), text: text.into(), line });
        assert_eq!(read, expected);
    }

    #[test]
    fn every_fault_is_said_with_its_line_and_a_remedy() {
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
    fn a_file_is_read_like_its_text_and_must_be_utf_8() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tsv");
        std::fs::write(&path, "\u{feff}ham\tça va\n").unwrap();
        assert_eq!(read_labelled(&path).unwrap()[0].label, "ham");
        std::fs::write(&path, b"ham\tok\nham\t\xe7a va\n").unwrap();
        let message = read_labelled(&path).unwrap_err().to_string();
        assert!(message.contains("line 2: is not UTF-8"), "{message}");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_is_whole(text in r"([ab \t\r\n]|\PC){0,60}") {
            for example in parse(&text).unwrap_or_default() {
                let line = text.lines().nth(example.line as usize - 1).unwrap();
                prop_assert!(!example.label.is_empty() && !example.text.is_empty());
                prop_assert!(line.trim_start().starts_with(&example.label) && line.trim_end().ends_with(&example.text));
            }
        }
    }
}
