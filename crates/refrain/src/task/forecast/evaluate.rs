//! Forecast errors of the model and of the baselines.

use std::sync::Arc;

use refrain_kernels::Backend;

use super::data::{AnchoredSeries, Dataset, Window, digest, transform};
use super::scale::Scale;
use super::{Baseline, Distribution, Forecast};
use crate::format::Series;
use crate::metric::{mae, rmse};
use crate::{Error, Result, Session};

/// Forecast errors of one column, in its unit: `[h]`, one element per step ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastErrors {
    /// Name of the baseline for users and in JSON; `None` for the model.
    pub baseline: Option<(String, &'static str)>,
    /// Root mean squared errors.
    pub rmse: Vec<f64>,
    /// Mean absolute errors.
    pub mae: Vec<f64>,
    /// Over all steps ahead.
    pub rmse_over_horizon: f64,
    /// Over all steps ahead.
    pub mae_over_horizon: f64,
    /// Mean negative log-densities in nats; empty for quantiles and for baselines.
    pub nll: Vec<f64>,
    /// Mean pinball losses, averaged over the quantiles; empty for a model of means and deviations.
    pub pinball: Vec<f64>,
}

/// Evaluation of forecasts, each from all values before it.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastEvaluation {
    /// First step that was evaluated, from 0.
    pub from: usize,
    /// Number of steps that were evaluated.
    pub steps: usize,
    /// Whether these steps are the test set of the training series; otherwise everything after the first history.
    pub is_test_set: bool,
    /// For each column the errors of the model and of its baselines.
    pub columns: Vec<Vec<ForecastErrors>>,
    /// `[T, C]`: actual values.
    pub truths: Vec<f64>,
    /// Forecasts `[T, h, C]`: those of row `t` start at step `from + t`.
    pub forecasts: Vec<Distribution>,
}

impl<B: Backend> Session<Forecast, B> {
    /// Evaluates forecasts on the test set of the training series. For another series, or with `all`, on every step with
    /// enough history.
    ///
    /// # Errors
    /// [`Error::Input`] for a series with other columns, or one that is too short.
    pub fn evaluate(&self, dataset: &Dataset, all: bool) -> Result<ForecastEvaluation> {
        let task = &self.model().task;
        let (horizon, columns) = (task.horizon(), task.columns().len());
        task.check_columns(dataset)?;
        let series = &dataset.series;
        let known = &task.description;
        let same = series.values.get(..known.test_start * columns).is_some_and(|v| digest(v) == known.digest);
        let history = known.anchoring.reach();
        let is_test_set = same && !all && series.steps() > known.test_start;
        let from = if is_test_set { known.test_start } else { history };
        if from + horizon > series.steps() {
            let expected = format!("needs {from} of history and {horizon} to forecast");
            return Err(Error::too_little(dataset.name(), format!("has {} steps", series.steps()), expected));
        }
        let forecasts = self.roll(dataset, from)?;
        let columns = (0..columns).map(|column| self.errors(series, from, column, &forecasts)).collect();
        let truths = series.values[from * task.columns().len()..].to_vec();
        let steps = series.steps() - from;
        Ok(ForecastEvaluation { from, steps, is_test_set, columns, truths, forecasts })
    }

    /// Forecasts from each step, starting at `from`.
    fn roll(&self, dataset: &Dataset, from: usize) -> Result<Vec<Distribution>> {
        let known = &self.model().task.description;
        let anchored = Arc::new(AnchoredSeries {
            series: transform(&known.anchoring, dataset)?,
            anchoring: known.anchoring.clone(),
        });
        Ok(self.distributions(&Window::all(&anchored, from..dataset.series.steps())))
    }

    /// Forecast errors in one column.
    fn errors(
        &self,
        series: &Series,
        from: usize,
        column: usize,
        forecasts: &[Distribution],
    ) -> Vec<ForecastErrors> {
        let task = &self.model().task;
        let (horizon, columns) = (task.horizon(), task.columns().len());
        let values: Vec<f64> = series.values.iter().skip(column).step_by(columns).copied().collect();
        let truths = &values[from..];
        let steps = 0..horizon;
        let index = |step: usize| step * columns + column;
        let points = |step: usize| {
            forecasts.iter().map(move |forecast| forecast.point(index(step))).collect::<Vec<_>>()
        };
        let mean = |losses: Vec<f64>| losses.iter().sum::<f64>() / losses.len() as f64;
        let (mut nll, mut pinball) = (vec![], vec![]);
        for step in steps.clone() {
            let pairs = || forecasts.iter().zip(&truths[step..]);
            let densities = pairs().filter_map(|(forecast, &truth)| forecast.nll(index(step), truth));
            let losses = pairs().filter_map(|(forecast, &truth)| forecast.pinball(index(step), truth));
            let (densities, losses): (Vec<f64>, Vec<f64>) = (densities.collect(), losses.collect());
            nll.extend((!densities.is_empty()).then(|| mean(densities)));
            pinball.extend((!losses.is_empty()).then(|| mean(losses)));
        }
        let of = |baseline, points: &dyn Fn(usize) -> Vec<f64>, nll, pinball| {
            let points: Vec<Vec<f64>> = steps.clone().map(points).collect();
            let pairs = || steps.clone().map(|step| (&truths[step..], &points[step][..truths.len() - step]));
            let (all_truths, all_points): (Vec<&[f64]>, Vec<&[f64]>) = pairs().unzip();
            let (all_truths, all_points) = (all_truths.concat(), all_points.concat());
            ForecastErrors {
                baseline,
                rmse: pairs().map(|(truths, points)| rmse(truths, points)).collect(),
                mae: pairs().map(|(truths, points)| mae(truths, points)).collect(),
                rmse_over_horizon: rmse(&all_truths, &all_points),
                mae_over_horizon: mae(&all_truths, &all_points),
                nll,
                pinball,
            }
        };
        let mut all = vec![of(None, &points, nll, pinball)];
        for baseline in task.baselines(column) {
            // A baseline that needs more history is left out.
            if baseline.reach() > from {
                continue;
            }
            let predicted = self.baseline(baseline, &values, from, column);
            let points = |step: usize| predicted.iter().map(|forecast| forecast[step]).collect::<Vec<f64>>();
            all.push(of(Some((baseline.name(), baseline.key())), &points, vec![], vec![]));
        }
        all
    }

    /// A baseline's forecasts of a column, from each step, starting at `from`.
    fn baseline(&self, baseline: Baseline<'_>, values: &[f64], from: usize, column: usize) -> Vec<Vec<f64>> {
        let known = &self.model().task.description;
        // Only the autoregression depends on the scale.
        let scale = match baseline {
            Baseline::Autoregression(_) => known.anchoring.scales[column],
            Baseline::LastValue | Baseline::SeasonalNaive(_) => Scale::Plain,
        };
        let past: Vec<f64> = values.iter().map(|&x| scale.transform(x).unwrap_or(f64::NAN)).collect();
        let forecast = |t: usize| {
            let ahead = baseline.forecast(&past[..t], known.horizon).into_iter();
            ahead.map(|x| scale.inverse(x)).collect()
        };
        (from..values.len()).map(forecast).collect()
    }
}
