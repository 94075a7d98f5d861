//! What a forecaster says of what comes.

use std::sync::Arc;

use refrain_kernels::Backend;

use super::data::{Anchored, Dataset, Window, transform};
use super::scale::Normal;
use super::{Description, Forecast};
use crate::format::Series;
use crate::metric;
use crate::model::{ForecasterWorkspace, FrameOutput, Task};
use crate::task::in_batches;
use crate::{Error, Result, Session};

/// A forecast of all steps ahead, `[h, C]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// As normal distributions.
    Normals(Vec<Normal>),
    /// As quantiles, in the unit of the series.
    Quantiles {
        /// `[Q]`.
        levels: Vec<f64>,
        /// `[h, C, Q]`.
        values: Vec<Vec<f64>>,
    },
}

/// What a forecaster makes of the end of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastOutput {
    /// Steps before it.
    pub after: usize,
    /// Steps ahead and columns, `[h, C]`.
    pub distribution: Distribution,
}

impl Distribution {
    /// The one number that is said of value `i`: its mean, or the quantile next to the median.
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

    /// The lowest and the highest number that is said of value `i`: two standard deviations apart from the median
    /// (19 times in 20 between them), or the outermost quantiles.
    pub fn interval(&self, i: usize) -> (f64, f64) {
        match self {
            Distribution::Normals(normals) => (normals[i].at(-1.96), normals[i].at(1.96)),
            Distribution::Quantiles { values, .. } => {
                let all = &values[i];
                (all.first().copied().unwrap_or(f64::NAN), all.last().copied().unwrap_or(f64::NAN))
            }
        }
    }

    /// The negative log-density at a `truth` of value `i`, in nats, where there is such a thing.
    pub fn nll(&self, i: usize, truth: f64) -> Option<f64> {
        match self {
            Distribution::Normals(normals) => Some(normals[i].nll(truth)),
            Distribution::Quantiles { .. } => None,
        }
    }

    /// The pinball loss at a `truth` of value `i`, the mean over the quantiles, where there are some.
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

/// Windows that are read together.
const BATCH: usize = 32;

impl<B: Backend> Session<Forecast, B> {
    /// What follows on a series, or on the one that was learned from.
    ///
    /// # Errors
    /// [`Error::Input`] for a series of other columns, or one that is too short.
    pub fn predict(&self, series: Option<&Dataset>) -> Result<ForecastOutput> {
        let (after, window) = self.last_window(series)?;
        let distribution = self.distributions(&[window]).swap_remove(0);
        Ok(ForecastOutput { after, distribution })
    }

    /// The window at the end of a series, or of the one that was learned from, and the steps before its forecast.
    pub(super) fn last_window(&self, series: Option<&Dataset>) -> Result<(usize, Window)> {
        let task = &self.model().task;
        let Description { columns, anchoring, recent, steps: all, .. } = &task.description;
        let learned_from = || {
            let series = Series { names: columns.clone(), values: recent.clone(), stamps: None };
            Dataset::from(series).named("the series that was learned from")
        };
        let (after, dataset) = match series {
            Some(dataset) => (dataset.series.steps(), dataset.clone()),
            None => (*all, learned_from()),
        };
        task.check_columns(&dataset)?;
        let at = dataset.series.steps();
        if at < anchoring.reach() {
            let expected = format!("the model reads a history of {}", anchoring.reach());
            return Err(Error::too_little(dataset.name(), format!("has {at} steps"), expected));
        }
        let series = transform(anchoring, &dataset)?;
        let anchored = Arc::new(Anchored { series, anchoring: anchoring.clone() });
        Ok((after, Window { of: anchored, at }))
    }

    /// What is said of each window's future.
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
    /// Refuses a series of other columns.
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
