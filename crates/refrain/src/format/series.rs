//! One long series of numbers in a CSV table, one step a row, to be forecast:
//!
//! ```text
//! "Month","Passengers"
//! "1949-01",112
//! "1949-02",118
//! ```

use std::path::Path;

use csv::StringRecord;

use super::csv_rows::Rows;
use super::number::{excerpt, is_missing, is_number, number};
use super::read_text;
use crate::{Error, Result};

/// Names, in lower case, of a first column that tells the steps apart even if it holds numbers. pandas leaves the
/// name of its index empty.
const STAMP_NAMES: [&str; 12] =
    ["", "date", "time", "datetime", "timestamp", "year", "month", "week", "day", "hour", "index", "step"];

/// Columns of numbers, at equal intervals of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// `[C]`, the columns' names; their numbers in the file, from 1, if it has no header.
    pub names: Vec<String>,
    /// `[T, C]`, row-major, all finite; at least one step and one column.
    pub values: Vec<f64>,
    /// `[T]`, what the file calls the steps.
    pub stamps: Option<Vec<String>>,
}

impl Series {
    /// `T`.
    pub fn steps(&self) -> usize {
        self.values.len() / self.names.len()
    }
}

/// The series in a CSV table: the `columns` of these names in this order, or all but the stamps if none is named.
///
/// The first row is a header if it holds no number. The first column holds the stamps if its first value is no number
/// or if its name is one of time (`year`, `date`...), unless it is among `columns`.
///
/// # Errors
/// As [`read_text`], and [`Error::Data`] with the line of a row of another width than the first, and of a value that is
/// missing or no finite number; of the header if a column is not in it, or twice; and without line for no row.
pub fn read_series(path: &Path, columns: &[String]) -> Result<Series> {
    series_of(path, &read_text(path)?, columns)
}

fn series_of(path: &Path, text: &str, columns: &[String]) -> Result<Series> {
    let mut rows = Rows::new(path, text);
    let Some(first) = rows.next() else {
        return Err(Error::data(path, None, "is empty: expected one row for every step"));
    };
    let (line, first) = first?;
    let headed = !first.iter().any(is_number) && !first.iter().skip(1).any(is_missing);
    let names = match headed {
        true => first.iter().map(str::to_owned).collect(),
        false => (1..=first.len()).map(|number| number.to_string()).collect::<Vec<_>>(),
    };
    let mut rows = (!headed).then_some(Ok((line, first))).into_iter().chain(rows).peekable();
    let stamped = match rows.peek() {
        Some(Ok((_, row))) => has_stamps(&names[0], headed, row) && !columns.contains(&names[0]),
        _ => false,
    };
    let chosen = choose(&names, columns, stamped).map_err(|message| Error::data(path, line, message))?;

    let (mut values, mut stamps) = (vec![], vec![]);
    for row in rows {
        let (line, row) = row?;
        for &column in &chosen {
            values.push(number(&row[column]).map_err(|message| {
                let remedy = match columns.is_empty() && !is_missing(&row[column]) {
                    true => "; choose the columns of numbers by name (--columns) if this is none",
                    false => "",
                };
                Error::data(path, line, format!("column `{}`: {message}{remedy}", excerpt(&names[column])))
            })?);
        }
        stamps.extend(stamped.then(|| row[0].to_owned()));
    }
    if values.is_empty() {
        return Err(Error::data(path, line, "is followed by no row: expected one for every step"));
    }
    let names = chosen.into_iter().map(|column| names[column].clone()).collect();
    Ok(Series { names, values, stamps: stamped.then_some(stamps) })
}

/// Whether the first column, of this name and with this first row, tells the steps apart.
fn has_stamps(name: &str, headed: bool, row: &StringRecord) -> bool {
    let named = headed && STAMP_NAMES.iter().any(|stamp| name.eq_ignore_ascii_case(stamp));
    row.len() > 1 && (named || !is_number(&row[0]) && !is_missing(&row[0]))
}

/// Where the wanted columns stand.
fn choose(names: &[String], wanted: &[String], stamped: bool) -> Result<Vec<usize>, String> {
    let all = &names[usize::from(stamped)..];
    let wanted = if wanted.is_empty() { all } else { wanted };
    if let Some(name) =
        wanted.iter().enumerate().find_map(|(i, name)| wanted[..i].contains(name).then_some(name))
    {
        return Err(match wanted.len() == all.len() && wanted == all {
            true => format!("two columns are called `{name}`: give one another name"),
            false => format!("`{name}` is asked for twice: name it once"),
        });
    }
    let find = |name: &String| {
        let mut places = (0..names.len()).filter(|&column| names[column] == *name);
        match (places.next(), places.next()) {
            (Some(column), None) => Ok(column),
            (Some(_), Some(_)) => Err(format!("two columns are called `{name}`: give one another name")),
            (None, _) => {
                let names = excerpt(&names.join("`, `"));
                Err(format!("no column is called `{name}`: there are `{names}`"))
            }
        }
    };
    wanted.iter().map(find).collect()
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
