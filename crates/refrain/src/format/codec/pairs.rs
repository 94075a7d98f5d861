//! Source texts with their targets, one pair per line: `source<TAB>target`, as exported by Tatoeba.

use std::io::Read;

use super::tabbed::TwoColumns;
use crate::format::records::Pair;
use crate::format::text::text_of;
use crate::{Place, Result};

/// The pairs of a file of lines `source<TAB>target`, named `place` in messages. Further columns, such as the
/// attribution in exports of Tatoeba, are ignored. White space around both sides is dropped, blank lines are skipped.
///
/// # Errors
/// As [`text_of`]; [`Error::Input`](crate::Error::Input) for a line without a tab, source or target, and if there are
/// no lines.
pub fn pairs_of(place: impl Into<Place>, input: impl Read) -> Result<Vec<Pair>> {
    let place = place.into();
    let text = text_of(&place, input)?;
    let rows = TwoColumns { first: "source", second: "target", more_ignored: true }.rows(&place, &text)?;
    let pairs = rows.iter().map(|row| Pair {
        source: row.first.into(),
        target: row.second.into(),
        line: Some(row.line),
    });
    Ok(pairs.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Vec<Pair>> {
        pairs_of("x.tsv", text.as_bytes())
    }

    #[test]
    fn columns_after_the_second_are_ignored() {
        let read = parse("Go.\tVa !\tCC-BY 2.0 (France)\ttatoeba.org\r\n\nI won!\tJ'ai gagné !\n").unwrap();
        let expected = [("Go.", "Va !", 1), ("I won!", "J'ai gagné !", 3)];
        let pair = |(source, target, line): (&str, &str, u64)| Pair {
            source: source.into(),
            target: target.into(),
            line: Some(line),
        };
        assert_eq!(read, expected.map(pair));
    }

    #[test]
    fn every_error_is_reported_with_its_line_and_a_remedy() {
        let cases = [
            ("Go.\tVa !\nGo.\n", "x.tsv, line 2: has no tab: write source<TAB>target"),
            ("\n\tVa !", "x.tsv, line 2: has an empty source"),
            ("Go.\t\r\n", "x.tsv, line 1: has an empty target: write source<TAB>target, or delete"),
            ("Go.\t \tCC-BY\n", "x.tsv, line 1: has an empty target"),
            ("\n", "x.tsv: is empty: write lines of source<TAB>target"),
        ];
        for (text, expected) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_side_contains_a_tab(text in r"([ab \t\r\n]|\PC){0,60}") {
            for pair in parse(&text).unwrap_or_default() {
                prop_assert!(!pair.source.is_empty() && !pair.target.is_empty());
                prop_assert!(!pair.source.contains('\t') && !pair.target.contains('\t'));
            }
        }
    }
}
