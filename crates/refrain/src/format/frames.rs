//! Sequences of vectors, of any file format.

use std::sync::Arc;

#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
use crate::error::excerpt;
use crate::{Error, InputProblem, Place, Result};

/// The labels of a sequence of vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Labels {
    /// None: a sequence for prediction.
    None,
    /// One label for the whole sequence.
    One(String),
    /// One label per step: `[T]`.
    Each(Vec<String>),
}

/// A sequence of vectors with its labels. Readers return at least one sequence, all of the same width, each of at
/// least one step and of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameSequence {
    /// `[T, width]`, row-major.
    pub values: Vec<f32>,
    /// Values per step, at least 1.
    pub width: usize,
    /// The names of the values of a step in the file, `[width]`; empty if there are none.
    pub columns: Arc<[String]>,
    /// Its labels, of the same kind for all sequences of a file.
    pub labels: Labels,
    /// Its identifier in the file or, without identifiers, its number from 1.
    pub name: String,
    /// Its first line, from 1; none for formats without lines.
    pub line: Option<u64>,
}

impl FrameSequence {
    /// A sequence of vectors of `width` numbers, `[T, width]`, row-major, with labels. The other fields have defaults.
    ///
    /// # Errors
    /// [`Error::Input`] without steps, if the last step is incomplete, for a number that is not finite, and if the
    /// number of labels per step differs from the number of steps.
    ///
    /// ```
    /// use refrain::format::{FrameSequence, Labels};
    ///
    /// let sequence = FrameSequence::new(2, vec![0.1, 0.9, 0.2, 0.8], Labels::One("walking".into()))?;
    /// assert_eq!(sequence.steps(), 2);
    /// # Ok::<(), refrain::Error>(())
    /// ```
    pub fn new(width: usize, values: Vec<f32>, labels: Labels) -> Result<Self> {
        let place = || Place::of("sequence");
        if width == 0 || values.is_empty() {
            return Err(Error::too_little(place(), "is empty", "give at least one number and one step"));
        }
        if !values.len().is_multiple_of(width) {
            return Err(Error::input(place(), InputProblem::PartialRow { values: values.len(), width }));
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let problem = InputProblem::NonFinite { value: values[index].to_string() };
            let field = format!("step {}, feature {}", index / width + 1, index % width + 1);
            return Err(Error::input(place().field(field), problem));
        }
        let expected = values.len() / width;
        match &labels {
            Labels::Each(labels) if labels.len() != expected => {
                let problem = InputProblem::Size { what: "labels", found: labels.len(), expected };
                Err(Error::input(place(), problem))
            }
            _ => Ok(Self { values, width, columns: [].into(), labels, name: String::new(), line: None }),
        }
    }

    /// `T`.
    pub fn steps(&self) -> usize {
        self.values.len() / self.width
    }
}

/// Sorts the numbers of each step by the `order` of columns, if these and those of the sequences, from the file `place`,
/// have names.
///
/// # Errors
/// [`Error::Input`] if the names differ.
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
pub(crate) fn arrange(
    place: impl Into<Place>,
    sequences: &mut [FrameSequence],
    order: &[String],
) -> Result<()> {
    // All sequences of a file have the same columns.
    let columns = sequences.first().map_or_else(|| [].into(), |first| Arc::clone(&first.columns));
    if order.is_empty() || columns.is_empty() || *columns == *order {
        return Ok(());
    }
    let at = |name: &String| columns.iter().position(|column| column == name);
    let places: Option<Vec<usize>> = order.iter().map(at).collect();
    let Some(places) = places.filter(|places| places.len() == columns.len()) else {
        let [has, expected] = [&columns, order].map(|names| excerpt(&names.join(", ")));
        let found = format!("has the columns {has}, but the model was trained on {expected}");
        return Err(Error::wrong_kind(place, found, "use the same columns, in any order"));
    };
    let order: Arc<[String]> = order.into();
    for sequence in sequences {
        let steps = sequence.values.chunks_exact(sequence.width);
        sequence.values = steps.flat_map(|step| places.iter().map(|&place| step[place])).collect();
        sequence.columns = Arc::clone(&order);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_identified_by_name() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let sequence = |columns: &[&str]| FrameSequence {
            values: vec![1.0, 2.0, 3.0, 4.0],
            width: 2,
            columns: names(columns).into(),
            labels: Labels::None,
            name: "1".to_owned(),
            line: None,
        };
        let arranged = |columns: &[&str], order: &[&str]| {
            let mut sequences = [sequence(columns)];
            arrange("x.csv", &mut sequences, &names(order)).map(|()| sequences[0].values.clone())
        };
        assert_eq!(arranged(&["y", "x"], &["x", "y"]).unwrap(), [2.0, 1.0, 4.0, 3.0]);
        for (columns, order) in [(&["x", "y"][..], &["x", "y"][..]), (&["x", "y"], &[]), (&[], &["x", "y"])] {
            assert_eq!(arranged(columns, order).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        }
        for (columns, order) in [(&["x", "z"], &["x", "y"][..]), (&["x", "y"], &["x"])] {
            let message = arranged(columns, order).unwrap_err().to_string();
            assert!(message.starts_with("x.csv: has the columns x, "), "{message}");
        }
    }
}
