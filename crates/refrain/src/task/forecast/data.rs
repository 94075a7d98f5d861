//! A series, and windows of it: history and target.

use std::sync::Arc;

use super::normalisation::Anchoring;
use crate::data::Example;
use crate::error::{Error, InputProblem, Place, Result};
use crate::format::Series;
use crate::model::ForecasterBatch;
use crate::task::Digest;

/// The data of a forecaster: columns of numbers at equal time intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    pub(super) series: Series,
}

impl Dataset {
    /// Named columns of equal length.
    ///
    /// # Errors
    /// [`Error::Input`] for no columns, unequal lengths, repeated names, and values that are not finite.
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

    /// Replaces the name, which appears in messages and in the model's history.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The name in messages.
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

/// A transformed series `[T, C]` with its normalisation.
#[derive(Debug)]
pub(super) struct AnchoredSeries {
    pub(super) series: Vec<f64>,
    pub(super) anchoring: Anchoring,
}

/// The history before a step, with the values starting at that step as target.
#[derive(Clone, Debug)]
pub struct Window {
    pub(super) of: Arc<AnchoredSeries>,
    pub(super) at: usize,
}

impl Window {
    /// The windows that end before the steps `starts`.
    pub(super) fn all(of: &Arc<AnchoredSeries>, starts: std::ops::Range<usize>) -> Vec<Self> {
        starts.map(|at| Self { of: Arc::clone(of), at }).collect()
    }

    /// The history, `[T, C]`, in the unit of the series.
    pub(super) fn history(&self) -> Vec<Vec<f64>> {
        let AnchoredSeries { series, anchoring } = &*self.of;
        let columns = anchoring.columns();
        let rows = series[(self.at - anchoring.window) * columns..self.at * columns].chunks_exact(columns);
        let values =
            |row: &[f64]| row.iter().zip(&anchoring.scales).map(|(&x, scale)| scale.inverse(x)).collect();
        rows.map(values).collect()
    }

    /// The reference values of the forecast, `[h, C]`.
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
                // A target shorter than the horizon, at the end of the series, is padded; it is not used for a loss.
                targets.resize(wide, 0.0);
                targets
            })
            .collect();
        batch.inputs.set(columns, histories.iter().map(|history| &history[..]));
        batch.targets.set(wide, targets.iter().map(|targets| &targets[..]));
    }
}

/// The series on the scales of its columns.
pub(super) fn transform(anchoring: &Anchoring, dataset: &Dataset) -> Result<Vec<f64>> {
    let series = &dataset.series;
    anchoring.transform(&series.values).map_err(|(step, column)| {
        let (roots, always) = anchoring.scales[column].names().unwrap_or_default();
        let (value, name) = (series.values[step * series.names.len() + column], &series.names[column]);
        let found =
            format!("is {value}, but the column was {always} in training: the model uses {roots}, which are not defined there");
        let place = Place::of(dataset.name()).field(format!("step {}, column {name:?}", step + 1));
        Error::malformed(place, found, "include such values in the training set")
    })
}

/// Digest of the values.
pub(super) fn digest(values: &[f64]) -> String {
    let mut digest = Digest::default();
    values.iter().for_each(|value| digest.add(&value.to_le_bytes()));
    digest.finish()
}
