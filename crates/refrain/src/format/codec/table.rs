//! Sequences of vectors in a CSV table, one step per row:
//!
//! ```text
//! id,label,x,y
//! walk-1,walking,0.1,0.9
//! walk-1,walking,0.2,0.8
//! run-1,running,1.5,0.3
//! ```

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use csv::StringRecord;

use super::csv_rows::Rows;
use super::number::{is_number, number};
use crate::error::excerpt;
use crate::format::frames::{FrameSequence, Labels};
use crate::format::text::text_of;
use crate::{Error, InputProblem, Place, Result};

/// Names of the second column if it contains labels, in lower case.
const LABEL_NAMES: [&str; 2] = ["label", "class"];

/// The sequences of a table in long format, named `place` in messages: a header, then one step per row. The first
/// column identifies the sequence of a row, the second is its label if the header is `label` or `class`, and all
/// others are numbers. The rows of a sequence are consecutive and in order.
///
/// If labels change within any sequence, they are [`Labels::Each`] for all sequences, otherwise [`Labels::One`].
///
/// # Errors
/// As [`text_of`]; [`Error::Input`] with the line of a row that does not match the header, of a missing or non-finite
/// value, of a missing label, and of a sequence whose rows are not consecutive.
pub fn table_of(place: impl Into<Place>, input: impl Read) -> Result<Vec<FrameSequence>> {
    let place = place.into();
    table(&place, &text_of(&place, input)?)
}

fn table(place: &Place, text: &str) -> Result<Vec<FrameSequence>> {
    let mut rows = Rows::new(place, text);
    let Some(header) = rows.next() else {
        return Err(Error::too_little(place, "is empty", "expected a header and one row per step"));
    };
    let (line, header) = header?;
    let columns = Columns::of(header).map_err(|problem| Error::input(place.at(line), problem))?;
    let features: Arc<[String]> = columns.features_of(&columns.header).map(str::to_owned).collect();
    let mut sequences: Vec<FrameSequence> = vec![];
    let mut labels: Vec<Vec<String>> = vec![];
    let mut names = HashSet::new();
    for row in rows {
        let (line, row) = row?;
        let fault = |problem| Error::input(place.at(line), problem);
        let name = &row[0];
        if name.is_empty() {
            let found = "has no sequence identifier in its first column";
            let expected = "write one, the same in every row of a sequence";
            return Err(fault(InputProblem::malformed(found, expected)));
        }
        if sequences.last().is_none_or(|sequence| sequence.name != name) {
            if !names.insert(name.to_owned()) {
                let found = format!("sequence {:?} continues after another", excerpt(name));
                return Err(fault(InputProblem::malformed(found, "put the rows of a sequence together")));
            }
            sequences.push(FrameSequence {
                values: vec![],
                width: features.len(),
                columns: Arc::clone(&features),
                labels: Labels::None,
                name: name.to_owned(),
                line: Some(line),
            });
            labels.push(vec![]);
        }
        if let (Some(sequence), Some(labels)) = (sequences.last_mut(), labels.last_mut()) {
            labels.extend(columns.label(&row).map_err(fault)?);
            columns.features(&row, &place.at(line), &mut sequence.values)?;
        }
    }
    if sequences.is_empty() {
        let expected = "expected one per step";
        return Err(Error::too_little(place.at(line), "is not followed by rows", expected));
    }
    if columns.labelled {
        let change = labels.iter().any(|labels| labels.windows(2).any(|pair| pair[0] != pair[1]));
        for (sequence, mut labels) in sequences.iter_mut().zip(labels) {
            sequence.labels = if change { Labels::Each(labels) } else { Labels::One(labels.swap_remove(0)) };
        }
    }
    Ok(sequences)
}

/// The columns according to the header.
struct Columns {
    header: StringRecord,
    labelled: bool,
}

impl Columns {
    fn of(header: StringRecord) -> Result<Self, InputProblem> {
        if let Some(name) = header.iter().find(|name| is_number(name)) {
            let found = format!("a column is named {:?}, or the header is missing", excerpt(name));
            return Err(InputProblem::malformed(found, "start with a line of names such as `id,label,x,y`"));
        }
        let is_label = |name: &str| LABEL_NAMES.iter().any(|label| name.eq_ignore_ascii_case(label));
        let columns = Columns { labelled: header.get(1).is_some_and(is_label), header };
        if columns.header.len() <= columns.first_feature() {
            let found = "the header has no column of numbers";
            return Err(InputProblem::malformed(found, "expected `id,label,x,y` or `id,x,y`"));
        }
        if let Some(name) = columns.header.iter().skip(2).find(|name| is_label(name)) {
            let found = format!("{name:?} is not the second column");
            return Err(InputProblem::malformed(found, "make it the second one"));
        }
        let mut names = HashSet::new();
        if let Some(name) = columns.features_of(&columns.header).find(|name| !names.insert(*name)) {
            return Err(InputProblem::RepeatedColumn { name: name.to_owned() });
        }
        Ok(columns)
    }

    fn first_feature(&self) -> usize {
        1 + usize::from(self.labelled)
    }

    /// The fields of a row that are features.
    fn features_of<'a>(&self, row: &'a StringRecord) -> impl Iterator<Item = &'a str> {
        row.iter().skip(self.first_feature())
    }

    fn label(&self, row: &StringRecord) -> Result<Option<String>, InputProblem> {
        match &row[1] {
            _ if !self.labelled => Ok(None),
            "" => Err(InputProblem::malformed("has no label", "add one, or remove the column from all rows")),
            label => Ok(Some(label.to_owned())),
        }
    }

    /// Appends the features of a row at `place`.
    fn features(&self, row: &StringRecord, place: &Place, values: &mut Vec<f32>) -> Result<()> {
        for (name, field) in self.header.iter().zip(row).skip(self.first_feature()) {
            let may_be_labels = name == &self.header[1] && !self.labelled;
            let hint = if may_be_labels { "; a column of labels must be named `label`" } else { "" };
            let place = || place.clone().field(format!("column {:?}", excerpt(name)));
            values.push(number(field, hint).map_err(|problem| Error::input(place(), problem))?);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
