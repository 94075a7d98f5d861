//! Forecasts after the end of a series.

use std::sync::Arc;

use refrain_kernels::Backend;

use super::data::{AnchoredSeries, Dataset, Window, transform};
use super::scale::Normal;
use super::{Description, Forecast};
use crate::format::Series;
use crate::metric;
use crate::model::{ForecasterWorkspace, FrameOutput, Task};
use crate::task::in_batches;
use crate::{Error, Result, Session};

/// Forecast distributions of all steps ahead, `[h, C]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Normal distributions.
    Normals(Vec<Normal>),
    /// Quantiles, in the unit of the series.
    Quantiles {
        /// `[Q]`.
        levels: Vec<f64>,
        /// `[h, C, Q]`.
        values: Vec<Vec<f64>>,
    },
}

/// Forecast after the end of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastOutput {
    /// Steps before the forecast.
    pub after: usize,
    /// Forecast distributions, `[h, C]`.
    pub distribution: Distribution,
}

impl Distribution {
    /// Point forecast of value `i`: the mean, or the quantile next to the median.
    pub fn point(&self, i: usize) -> f64 {
        match self {
            Distribution::Normals(normals) => normals[i].value_mean(),
            Distribution::Quantiles { levels, values } => {
                let from_middle =
                    |&a: &usize, &b: &usize| (levels[a] - 0.5).abs().total_cmp(&(levels[b] - 0.5).abs());
                (0..levels.len()).min_by(from_middle).map_or(f64::NAN, |level| values[i][level])
            }
        }
    }

    /// Interval of value `i`: two standard deviations around the median (95 %), or the outermost quantiles.
    pub fn interval(&self, i: usize) -> (f64, f64) {
        match self {
            Distribution::Normals(normals) => (normals[i].at(-1.96), normals[i].at(1.96)),
            Distribution::Quantiles { values, .. } => {
                let all = &values[i];
                (all.first().copied().unwrap_or(f64::NAN), all.last().copied().unwrap_or(f64::NAN))
            }
        }
    }

    /// Negative log-density of a `truth` of value `i`, in nats; `None` for quantiles.
    pub fn nll(&self, i: usize, truth: f64) -> Option<f64> {
        match self {
            Distribution::Normals(normals) => Some(normals[i].nll(truth)),
            Distribution::Quantiles { .. } => None,
        }
    }

    /// Pinball loss at a `truth` of value `i`, averaged over the quantiles; `None` for normal distributions.
    pub fn pinball(&self, i: usize, truth: f64) -> Option<f64> {
        match self {
            Distribution::Normals(_) => None,
            Distribution::Quantiles { levels, values } => {
                let parts = levels.iter().zip(&values[i]);
                let losses = parts.map(|(&level, &value)| metric::pinball(&[truth], &[value], level));
                Some(losses.sum::<f64>() / levels.len() as f64)
            }
        }
    }
}

/// Maximum batch size.
const BATCH: usize = 32;

impl<B: Backend> Session<Forecast, B> {
    /// Forecast after the end of a series, by default the training series.
    ///
    /// # Errors
    /// [`Error::Input`] for a series with other columns, or one that is too short.
    pub fn predict(&self, series: Option<&Dataset>) -> Result<ForecastOutput> {
        let (after, window) = self.last_window(series)?;
        let distribution = self.distributions(&[window]).swap_remove(0);
        Ok(ForecastOutput { after, distribution })
    }

    /// The window at the end of a series, by default the training series, and the number of steps before its forecast.
    pub(super) fn last_window(&self, series: Option<&Dataset>) -> Result<(usize, Window)> {
        let task = &self.model().task;
        let Description { columns, anchoring, recent, steps: all, .. } = &task.description;
        let learned_from = || {
            let series = Series { names: columns.clone(), values: recent.clone(), stamps: None };
            Dataset::from(series).named("the training series")
        };
        let (after, dataset) = match series {
            Some(dataset) => (dataset.series.steps(), dataset.clone()),
            None => (*all, learned_from()),
        };
        task.check_columns(&dataset)?;
        let at = dataset.series.steps();
        if at < anchoring.reach() {
            let expected = format!("the model needs a history of {}", anchoring.reach());
            return Err(Error::too_little(dataset.name(), format!("has {at} steps"), expected));
        }
        let series = transform(anchoring, &dataset)?;
        let anchored = Arc::new(AnchoredSeries { series, anchoring: anchoring.clone() });
        Ok((after, Window { of: anchored, at }))
    }

    /// The forecast distributions of windows.
    pub(super) fn distributions(&self, windows: &[Window]) -> Vec<Distribution> {
        let network = self.model().task.network();
        let output = &network.sizes().output;
        let anchoring = &self.model().task.description.anchoring;
        let all = in_batches(self.backend(), windows, BATCH, |batch, pass: &mut ForecasterWorkspace<B>| {
            let rows = batch.inputs.rows();
            let mut state = network.start::<B>(rows);
            let outputs =
                network.outputs(self.backend(), self.weights(), &batch.inputs, None, &mut state, pass);
            let last = &outputs[outputs.len() - rows * output.size()..];
            last.chunks_exact(output.size()).map(<[B::Real]>::to_vec).collect()
        });
        let distribution = |(window, outputs): (&Window, Vec<B::Real>)| match output {
            FrameOutput::Quantiles { levels, .. } => Distribution::Quantiles {
                levels: levels.clone(),
                values: anchoring.quantiles(&outputs, &window.anchors()),
            },
            _ => Distribution::Normals(anchoring.normals(&outputs, &window.anchors())),
        };
        windows.iter().zip(all).map(distribution).collect()
    }
}

impl Forecast {
    /// Rejects a series with other columns.
    pub(super) fn check_columns(&self, dataset: &Dataset) -> Result<()> {
        match dataset.series.names == self.columns() {
            true => Ok(()),
            false => {
                let found = format!("has the columns {}", dataset.series.names.join(", "));
                let expected = format!("the model reads {}", self.columns().join(", "));
                Err(Error::wrong_kind(dataset.name(), found, expected))
            }
        }
    }
}
