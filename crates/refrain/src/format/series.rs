//! A long series of numbers.

use crate::{Error, InputProblem, Place, Result};

/// Columns of numbers at equal intervals of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// `[C]`, the names of the columns, or their numbers in the file, from 1, without a header.
    pub names: Vec<String>,
    /// `[T, C]`, row-major, all finite; at least one step and one column.
    pub values: Vec<f64>,
    /// `[T]`, the time stamps of the steps in the file.
    pub stamps: Option<Vec<String>>,
}

impl Series {
    /// A series of columns with these names, `[C]`, and values `[T, C]`, row-major.
    ///
    /// # Errors
    /// [`Error::Input`] without columns or values, if the last step is incomplete, and for a value that is not finite,
    /// with its step and column.
    ///
    /// ```
    /// let series = refrain::format::Series::new(vec!["sold".into()], vec![3.0, 1.0, 4.0])?;
    /// assert_eq!(series.steps(), 3);
    /// # Ok::<(), refrain::Error>(())
    /// ```
    pub fn new(names: Vec<String>, values: Vec<f64>) -> Result<Self> {
        let place = || Place::of("series");
        if names.is_empty() || values.is_empty() {
            return Err(Error::too_little(place(), "is empty", "give at least one column and one step"));
        }
        if !values.len().is_multiple_of(names.len()) {
            let problem = InputProblem::PartialRow { values: values.len(), width: names.len() };
            return Err(Error::input(place(), problem));
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let (step, name) = (index as u64 / names.len() as u64 + 1, &names[index % names.len()]);
            let problem = InputProblem::NonFinite { value: values[index].to_string() };
            return Err(Error::input(place().line(step).field(format!("column {name:?}")), problem));
        }
        Ok(Self { names, values, stamps: None })
    }

    /// `T`.
    pub fn steps(&self) -> usize {
        self.values.len() / self.names.len().max(1)
    }
}
