//! Lines of two columns separated by a tab: the common part of labelled texts, pairs and captions.

use crate::{Error, Place, Result};

/// The names of the two columns in messages, and the treatment of further tabs.
pub(super) struct TwoColumns {
    pub(super) first: &'static str,
    pub(super) second: &'static str,
    /// Whether a second tab ends the second column, so that the rest is ignored, or belongs to it.
    pub(super) more_ignored: bool,
}

/// The two columns of a line, trimmed, neither empty.
pub(super) struct Row<'a> {
    pub(super) first: &'a str,
    pub(super) second: &'a str,
    pub(super) line: u64,
}

impl TwoColumns {
    /// The columns of all lines that are not blank.
    ///
    /// # Errors
    /// [`Error::Input`] for a line without a tab or with an empty column, and if there are no lines.
    pub(super) fn rows<'a>(&self, place: &Place, text: &'a str) -> Result<Vec<Row<'a>>> {
        let Self { first: first_name, second: second_name, more_ignored } = *self;
        let expected = format!("{first_name}<TAB>{second_name}");
        let mut rows = vec![];
        for (line, row) in filled_lines(text) {
            let Some((first, rest)) = row.split_once('\t') else {
                return Err(Error::malformed(place.at(line), "has no tab", format!("write {expected}")));
            };
            let end = if more_ignored { rest.find('\t') } else { None };
            let (first, second) = (first.trim(), rest[..end.unwrap_or(rest.len())].trim());
            if let Some((_, name)) =
                [(first, first_name), (second, second_name)].iter().find(|x| x.0.is_empty())
            {
                let (found, remedy) =
                    (format!("has an empty {name}"), format!("write {expected}, or delete the line"));
                return Err(Error::malformed(place.at(line), found, remedy));
            }
            rows.push(Row { first, second, line });
        }
        if rows.is_empty() {
            return Err(Error::too_little(place, "is empty", format!("write lines of {expected}")));
        }
        Ok(rows)
    }
}

/// The lines that are not blank, numbered from 1. A line with a tab is not blank, because its columns are empty.
pub(super) fn filled_lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| line.contains('\t') || !line.trim().is_empty())
}
