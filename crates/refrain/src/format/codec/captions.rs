//! Captions of images, one per line: `file<TAB>text`.

use std::io::Read;

use super::tabbed::TwoColumns;
use crate::format::records::Caption;
use crate::format::text::text_of;
use crate::{Place, Result};

/// The captions of a file of lines `file<TAB>text`, named `place` in messages; file names are not resolved. An image
/// may have several captions, one per line. White space around both columns is dropped, blank lines are skipped.
///
/// # Errors
/// As [`text_of`]; [`Error::Input`](crate::Error::Input) for a line without a tab, file name or text, and if there
/// are no lines.
pub fn captions_of(place: impl Into<Place>, input: impl Read) -> Result<Vec<Caption>> {
    let place = place.into();
    let text = text_of(&place, input)?;
    let rows = TwoColumns { first: "file", second: "text", more_ignored: false }.rows(&place, &text)?;
    let captions =
        rows.iter().map(|row| Caption { file: row.first.into(), text: row.second.into(), line: row.line });
    Ok(captions.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_error_is_reported_with_its_line_and_a_remedy() {
        let cases = [
            ("a.png a", "x.tsv, line 1: has no tab: write file<TAB>text"),
            ("a.png\ta\n\n\ta", "x.tsv, line 3: has an empty file"),
            ("a.png\t \n", "x.tsv, line 1: has an empty text"),
            ("", "x.tsv: is empty: write lines of file<TAB>text"),
        ];
        for (text, expected) in cases {
            let message = captions_of("x.tsv", text.as_bytes()).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r"([ab./\t\r\n]|\PC){0,60}") {
            let _ = captions_of("x.tsv", text.as_bytes());
        }
    }
}
