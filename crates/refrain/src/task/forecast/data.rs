//! A series as values, and windows of it: history, and what came after it.

use std::sync::Arc;

use super::normalisation::Anchoring;
use crate::data::Example;
use crate::error::{Error, InputProblem, Place, Result};
use crate::format::Series;
use crate::model::ForecasterBatch;
use crate::task::Digest;

/// What a forecaster is trained on: columns of numbers at equal intervals of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    pub(super) series: Series,
}

impl Dataset {
    /// Columns of equal length by name.
    ///
    /// # Errors
    /// [`Error::Input`] if there are none, if their lengths differ, if two have one name, or for a value that is not finite.
    ///
    /// ```
    /// use refrain::task::forecast::Dataset;
    ///
    /// let sales = Dataset::new([("sold", vec![3.0, 1.0, 4.0]), ("price", vec![1.5, 1.5, 1.6])])?;
    /// assert_eq!(sales.series().steps(), 3);
    /// # Ok::<(), refrain::Error>(())
    /// ```
    pub fn new(columns: impl IntoIterator<Item = (impl Into<String>, Vec<f64>)>) -> Result<Self> {
        let (names, columns): (Vec<String>, Vec<Vec<f64>>) =
            columns.into_iter().map(|(name, values)| (name.into(), values)).unzip();
        let expected = columns.first().map_or(0, Vec::len);
        if let Some(c) = columns.iter().position(|column| column.len() != expected) {
            let problem = InputProblem::Size { what: "steps", found: columns[c].len(), expected };
            let place = Place::of("the series").field(format!("column {:?}", names[c]));
            return Err(Error::input(place, problem));
        }
        if let Some(name) = (1..names.len()).find_map(|c| names[..c].contains(&names[c]).then(|| &names[c])) {
            return Err(Error::input("the series", InputProblem::RepeatedColumn { name: name.clone() }));
        }
        let row = |t: usize| columns.iter().map(move |column| column[t]);
        Ok(Series::new(names, (0..expected).flat_map(row).collect())?.into())
    }

    /// The same under another name, which messages and a model's history give.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its values.
    pub fn series(&self) -> &Series {
        &self.series
    }
}

impl From<Series> for Dataset {
    fn from(series: Series) -> Self {
        Self { name: "the series".to_owned(), series }
    }
}

/// A series `[T, C]` on the scales of its columns, and how windows of it are read.
#[derive(Debug)]
pub(super) struct Anchored {
    pub(super) series: Vec<f64>,
    pub(super) anchoring: Anchoring,
}

/// The history before a step, and what came from there on.
#[derive(Clone, Debug)]
pub struct Window {
    pub(super) of: Arc<Anchored>,
    pub(super) at: usize,
}

impl Window {
    /// Those before the steps `starts`.
    pub(super) fn all(of: &Arc<Anchored>, starts: std::ops::Range<usize>) -> Vec<Self> {
        starts.map(|at| Self { of: Arc::clone(of), at }).collect()
    }

    /// The history, `[T, C]`, in the unit of the series.
    pub(super) fn history(&self) -> Vec<Vec<f64>> {
        let Anchored { series, anchoring } = &*self.of;
        let columns = anchoring.columns();
        let rows = series[(self.at - anchoring.window) * columns..self.at * columns].chunks_exact(columns);
        let values =
            |row: &[f64]| row.iter().zip(&anchoring.scales).map(|(&x, scale)| scale.back(x)).collect();
        rows.map(values).collect()
    }

    /// What its forecast is a change from, `[h, C]`.
    pub(super) fn anchors(&self) -> Vec<f64> {
        self.of.anchoring.anchors(&self.of.series, self.at)
    }
}

impl Example for Window {
    type Batch = ForecasterBatch;

    fn steps(&self) -> (usize, usize) {
        (self.of.anchoring.window, 0)
    }

    fn fill(examples: &[&Self], batch: &mut ForecasterBatch) {
        let histories: Vec<Vec<f32>> =
            examples.iter().map(|window| window.of.anchoring.window(&window.of.series, window.at)).collect();
        let wide = examples.first().map_or(1, |window| window.of.anchoring.means.len());
        let columns = examples.first().map_or(1, |window| window.of.anchoring.width());
        let targets: Vec<Vec<f32>> = examples
            .iter()
            .map(|window| {
                let mut targets = window.of.anchoring.targets(&window.of.series, window.at);
                // At the end of a series less has come than was forecast; nobody judges the rest.
                targets.resize(wide, 0.0);
                targets
            })
            .collect();
        batch.inputs.set(columns, histories.iter().map(|history| &history[..]));
        batch.targets.set(wide, targets.iter().map(|targets| &targets[..]));
    }
}

/// A series on the scales of its columns.
pub(super) fn transform(anchoring: &Anchoring, dataset: &Dataset) -> Result<Vec<f64>> {
    let series = &dataset.series;
    anchoring.transform(&series.values).map_err(|(step, column)| {
        let (roots, always) = anchoring.scales[column].names().unwrap_or_default();
        let (value, name) = (series.values[step * series.names.len() + column], &series.names[column]);
        let found =
            format!("is {value}: in training it was {always} and taken in {roots}, which that has none of");
        let place = Place::of(dataset.name()).field(format!("step {}, column {name:?}", step + 1));
        Error::malformed(place, found, "train with these values too")
    })
}

/// Identifies numbers.
pub(super) fn digest(values: &[f64]) -> String {
    let mut digest = Digest::default();
    values.iter().for_each(|value| digest.add(&value.to_le_bytes()));
    digest.finish()
}
