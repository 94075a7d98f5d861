//! Sequences of vectors as they come out of a file, whatever its format.

use std::path::Path;
use std::sync::Arc;

use super::number::excerpt;
use crate::{Error, Result};

/// What a sequence of vectors is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Nothing: a sequence to predict for.
    None,
    /// One label for the whole sequence.
    One(String),
    /// One label a step: `[T]`.
    Each(Vec<String>),
}

/// One sequence of vectors with its labels. A reader gives at least one sequence, all of one width, each of at least
/// one step and of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameSequence {
    /// `[T, width]`, row-major: one vector after the other.
    pub values: Vec<f32>,
    /// Numbers a step, at least 1.
    pub width: usize,
    /// What the file calls the numbers of a step, `[width]`; empty where it does not.
    pub columns: Arc<[String]>,
    /// Its labels. Within one file all are of one kind.
    pub labels: Labels,
    /// Its identifier in the file or, where sequences have none, its number from 1.
    pub name: String,
    /// The line where it begins, from 1; none for formats without lines.
    pub line: Option<u64>,
}

impl FrameSequence {
    /// `T`.
    pub fn steps(&self) -> usize {
        self.values.len() / self.width
    }
}

/// Brings the numbers of each step into the order of the `wanted` columns, where they and those of the sequences, which
/// came from `path`, have names.
///
/// # Errors
/// [`Error::Data`] if they are not the same ones.
pub(crate) fn arrange(path: &Path, sequences: &mut [FrameSequence], wanted: &[String]) -> Result<()> {
    // All of a file have the same.
    let columns = sequences.first().map_or_else(|| [].into(), |first| Arc::clone(&first.columns));
    if wanted.is_empty() || columns.is_empty() || *columns == *wanted {
        return Ok(());
    }
    let place = |name: &String| columns.iter().position(|column| column == name);
    let places: Option<Vec<usize>> = wanted.iter().map(place).collect();
    let Some(places) = places.filter(|places| places.len() == columns.len()) else {
        let [has, learned] = [&columns, wanted].map(|names| excerpt(&names.join(", ")));
        let message =
            format!("has the columns {has}, where {learned} were learned: give it those, in any order");
        return Err(Error::data(path, None, message));
    };
    let wanted: Arc<[String]> = wanted.into();
    for sequence in sequences {
        let steps = sequence.values.chunks_exact(sequence.width);
        sequence.values = steps.flat_map(|step| places.iter().map(|&place| step[place])).collect();
        sequence.columns = Arc::clone(&wanted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_by_their_names() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let sequence = |columns: &[&str]| FrameSequence {
            values: vec![1.0, 2.0, 3.0, 4.0],
            width: 2,
            columns: names(columns).into(),
            labels: Labels::None,
            name: "1".to_owned(),
            line: None,
        };
        let arranged = |columns: &[&str], wanted: &[&str]| {
            let mut sequences = [sequence(columns)];
            arrange(Path::new("x.csv"), &mut sequences, &names(wanted)).map(|()| sequences[0].values.clone())
        };
        assert_eq!(arranged(&["y", "x"], &["x", "y"]).unwrap(), [2.0, 1.0, 4.0, 3.0]);
        for (columns, wanted) in [(&["x", "y"][..], &["x", "y"][..]), (&["x", "y"], &[]), (&[], &["x", "y"])]
        {
            assert_eq!(arranged(columns, wanted).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        }
        for (columns, wanted) in [(&["x", "z"], &["x", "y"][..]), (&["x", "y"], &["x"])] {
            let message = arranged(columns, wanted).unwrap_err().to_string();
            assert!(message.starts_with("x.csv: has the columns x, "), "{message}");
        }
    }
}
