//! A long series of numbers to forecast, in a CSV table with one step per row:
//!
//! ```text
//! "Month","Passengers"
//! "1949-01",112
//! "1949-02",118
//! ```

use std::io::Read;

use csv::StringRecord;

use super::csv_rows::Rows;
use super::number::{is_missing, is_number, number};
use crate::error::excerpt;
use crate::format::series::Series;
use crate::format::text::text_of;
use crate::{Error, InputProblem, Place, Result};

/// Names, in lower case, of a first column of time stamps, even if it consists of numbers. pandas leaves the name of
/// its index empty.
const STAMP_NAMES: [&str; 12] =
    ["", "date", "time", "datetime", "timestamp", "year", "month", "week", "day", "hour", "index", "step"];

/// The series in a CSV table, named `place` in messages: the `columns` in this order, or all but the time stamps if
/// none is given.
///
/// The first row is a header if it has no number. The first column has time stamps if its first value is not a number
/// or if its name refers to time (`year`, `date`...), unless it is among `columns`.
///
/// # Errors
/// As [`text_of`]; [`Error::Input`] with the line of a row of another width than the first, and of a missing or
/// non-finite value; of the header if a column is missing or repeated; and without line if there are no rows.
pub fn series_of(place: impl Into<Place>, input: impl Read, columns: &[String]) -> Result<Series> {
    let place = place.into();
    series(&place, &text_of(&place, input)?, columns)
}

fn series(place: &Place, text: &str, columns: &[String]) -> Result<Series> {
    let mut rows = Rows::new(place, text);
    let Some(first) = rows.next() else {
        return Err(Error::too_little(place, "is empty", "expected one row per step"));
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
    let chosen = choose(&names, columns, stamped).map_err(|problem| Error::input(place.at(line), problem))?;
    // If no columns were chosen, a column of texts may have been included by mistake.
    let hint = match columns.is_empty() {
        true => "; if this is not a column of numbers, choose the others with `columns`",
        false => "",
    };

    let (mut values, mut stamps) = (vec![], vec![]);
    for row in rows {
        let (line, row) = row?;
        for &column in &chosen {
            values.push(number(&row[column], hint).map_err(|problem| {
                let field = format!("column {:?}", excerpt(&names[column]));
                Error::input(place.at(line).field(field), problem)
            })?);
        }
        stamps.extend(stamped.then(|| row[0].to_owned()));
    }
    if values.is_empty() {
        let expected = "expected one per step";
        return Err(Error::too_little(place.at(line), "is not followed by rows", expected));
    }
    let names = chosen.into_iter().map(|column| names[column].clone()).collect();
    Ok(Series { names, values, stamps: stamped.then_some(stamps) })
}

/// Whether the first column, of this name and with this first row, has time stamps.
fn has_stamps(name: &str, headed: bool, row: &StringRecord) -> bool {
    let named = headed && STAMP_NAMES.iter().any(|stamp| name.eq_ignore_ascii_case(stamp));
    row.len() > 1 && (named || !is_number(&row[0]) && !is_missing(&row[0]))
}

/// The indices of the chosen columns.
fn choose(names: &[String], chosen: &[String], stamped: bool) -> Result<Vec<usize>, InputProblem> {
    let all = &names[usize::from(stamped)..];
    let chosen = if chosen.is_empty() { all } else { chosen };
    if let Some(name) =
        chosen.iter().enumerate().find_map(|(i, name)| chosen[..i].contains(name).then_some(name))
    {
        return Err(match chosen.len() == all.len() && chosen == all {
            true => InputProblem::RepeatedColumn { name: name.clone() },
            false => InputProblem::malformed(format!("{name:?} is given twice"), "give it once"),
        });
    }
    let find = |name: &String| {
        let mut places = (0..names.len()).filter(|&column| names[column] == *name);
        match (places.next(), places.next()) {
            (Some(column), None) => Ok(column),
            (Some(_), Some(_)) => Err(InputProblem::RepeatedColumn { name: name.clone() }),
            (None, _) => Err(InputProblem::MissingColumn { name: name.clone(), known: names.to_vec() }),
        }
    };
    chosen.iter().map(find).collect()
}

#[cfg(test)]
#[path = "series_table_tests.rs"]
mod tests;
