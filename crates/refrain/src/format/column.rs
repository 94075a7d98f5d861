//! Selects columns of a table by number, or by name in CoNLL-U.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The names of the columns of CoNLL-U, in order (<https://universaldependencies.org/format.html>).
pub(super) const CONLLU: [&str; 10] =
    ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"];

/// The columns of words and tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The words; by default `form` (the second) in CoNLL-U and the first elsewhere.
    pub words: Option<Column>,
    /// The tags; by default `upos` (the fourth) in CoNLL-U and the last elsewhere.
    pub tags: Option<Column>,
}

/// A column of a CoNLL or CoNLL-U file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// From 1, or from the end: -1 is the last. There is no column 0.
    Number(isize),
    /// A column of CoNLL-U: `id`, `form`, `lemma`, `upos`, `xpos`, `feats`, `head`, `deprel`, `deps`, `misc`.
    Name(String),
}

impl Column {
    /// The index, from 0, in a file of `width` columns, or the problem and its remedy.
    #[cfg(feature = "formats")]
    pub(super) fn index(&self, width: usize, conllu: bool) -> Result<usize, crate::InputProblem> {
        use crate::InputProblem;

        let index = match self {
            Column::Number(number) if *number > 0 => {
                Some(number.unsigned_abs() - 1).filter(|&index| index < width)
            }
            Column::Number(number) => width.checked_sub(number.unsigned_abs()).filter(|&index| index < width),
            Column::Name(name) if conllu => CONLLU.iter().position(|of| of == name),
            Column::Name(name) => {
                let remedy = format!("instead of {name:?} give 1 to {width}, or -1 for the last");
                return Err(InputProblem::malformed("the columns have no names", remedy));
            }
        };
        index.ok_or_else(|| {
            let names = if conllu { format!(", or {}", CONLLU.join(", ")) } else { String::new() };
            let remedy = format!("give 1 to {width}, or -1 to -{width} from the end{names}");
            InputProblem::malformed(format!("there is no column {self}"), remedy)
        })
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Number(number) => write!(f, "{number}"),
            Column::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for Column {
    type Err = Error;

    /// # Errors
    /// [`Error::Setting`] for 0, and for anything but a number or, ignoring case, a column of CoNLL-U.
    fn from_str(column: &str) -> Result<Self> {
        let name = column.to_lowercase();
        match column.parse() {
            Ok(number) if number != 0 => Ok(Column::Number(number)),
            _ if CONLLU.contains(&name.as_str()) => Ok(Column::Name(name)),
            _ => {
                let names = CONLLU.join(", ");
                let allowed = format!("a number from 1, or from -1 backwards, or in CoNLL-U one of {names}");
                Err(Error::out_of_range("column", format!("{column:?}"), allowed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_parsed_and_displayed() {
        for (text, column) in [
            ("1", Column::Number(1)),
            ("-2", Column::Number(-2)),
            ("upos", Column::Name("upos".into())),
            ("XPOS", Column::Name("xpos".into())),
        ] {
            assert_eq!(text.parse::<Column>().unwrap(), column);
            assert_eq!(column.to_string(), text.to_lowercase());
            assert_eq!(
                serde_json::from_str::<Column>(&serde_json::to_string(&column).unwrap()).unwrap(),
                column
            );
        }
    }

    #[test]
    fn an_invalid_column_is_refused_with_the_valid_ones() {
        for text in ["0", "", "tag", "1.5", "99999999999999999999999", "٣"] {
            let message = text.parse::<Column>().unwrap_err().to_string();
            assert!(
                message.contains(&format!("{text:?}")) && message.contains("id, form, lemma, upos"),
                "{message}"
            );
        }
    }

    #[cfg(feature = "formats")]
    #[test]
    fn columns_are_counted_from_both_ends_or_named_in_conllu() {
        let name = |name: &str| Column::Name(name.into());
        for (column, width, conllu, expected) in [
            (Column::Number(1), 3, false, Ok(0)),
            (Column::Number(3), 3, false, Ok(2)),
            (Column::Number(-1), 3, false, Ok(2)),
            (Column::Number(-3), 3, false, Ok(0)),
            (name("upos"), 10, true, Ok(3)),
            (Column::Number(4), 3, false, Err("there is no column 4: give 1 to 3, or -1 to -3 from the end")),
            (Column::Number(-4), 3, false, Err("there is no column -4")),
            (Column::Number(0), 3, false, Err("there is no column 0")),
            (Column::Number(isize::MIN), 3, false, Err("there is no column -9")),
            (
                Column::Number(11),
                10,
                true,
                Err("there is no column 11: give 1 to 10, or -1 to -10 from the end, or id, form"),
            ),
            (name("tag"), 10, true, Err("there is no column tag")),
            (name("upos"), 4, false, Err("the columns have no names: instead of \"upos\" give 1 to 4")),
        ] {
            match (column.index(width, conllu), expected) {
                (Err(problem), Err(expected)) => {
                    assert!(problem.to_string().starts_with(expected), "{problem}");
                }
                (index, expected) => assert_eq!(index.ok(), expected.ok()),
            }
        }
    }
}
