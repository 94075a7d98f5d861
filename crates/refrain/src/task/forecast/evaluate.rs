//! How far forecasts are off, beside those that need no network.

use std::sync::Arc;

use refrain_kernels::Backend;

use super::data::{Anchored, Dataset, Window, digest, transform};
use super::scale::Scale;
use super::{Baseline, Distribution, Forecast};
use crate::format::Series;
use crate::metric::{mae, rmse};
use crate::{Error, Result, Session};

/// How far forecasts of one column are off, in its unit: `[h]`, one element a step ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastErrors {
    /// Whose forecasts, for people and for JSON; none for the model's.
    pub baseline: Option<(String, &'static str)>,
    /// Root mean squared errors.
    pub rmse: Vec<f64>,
    /// Mean absolute errors.
    pub mae: Vec<f64>,
    /// Both over all steps ahead together.
    pub rmse_over_horizon: f64,
    /// See `rmse_over_horizon`.
    pub mae_over_horizon: f64,
    /// Mean negative log-densities in nats; empty for quantiles, and for baselines, which say nothing of it.
    pub nll: Vec<f64>,
    /// Mean pinball losses, the mean over the quantiles; empty for a model of means and deviations.
    pub pinball: Vec<f64>,
}

/// How well a model forecasts the end of a series, each time from all that had come before.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastEvaluation {
    /// The first step that was measured, from 0.
    pub from: usize,
    /// Steps that were measured.
    pub steps: usize,
    /// Whether these are the steps that training kept apart; otherwise the series is another, or all of it was wanted.
    pub kept_apart: bool,
    /// Of each column the model's errors and those of its baselines.
    pub columns: Vec<Vec<ForecastErrors>>,
    /// `[T, C]`: what was to be forecast.
    pub truths: Vec<f64>,
    /// Forecasts `[T, h, C]`: those of row `t` start at step `from + t`.
    pub forecasts: Vec<Distribution>,
}

impl<B: Backend> Session<Forecast, B> {
    /// Forecasts in the part of a series that training kept apart, or if it is another series, or `all` is wanted, as
    /// soon as there is enough history.
    ///
    /// # Errors
    /// [`Error::Input`] for a series of other columns, or one that is too short.
    pub fn evaluate(&self, dataset: &Dataset, all: bool) -> Result<ForecastEvaluation> {
        let task = &self.model().task;
        let (horizon, columns) = (task.horizon(), task.columns().len());
        task.check_columns(dataset)?;
        let series = &dataset.series;
        let known = &task.description;
        let same = series.values.get(..known.test_start * columns).is_some_and(|v| digest(v) == known.digest);
        let enough = known.anchoring.reach();
        let kept_apart = same && !all && series.steps() > known.test_start;
        let from = if kept_apart { known.test_start } else { enough };
        if from + horizon > series.steps() {
            let expected = format!("{from} of history and {horizon} to forecast are needed");
            return Err(Error::too_little(dataset.name(), format!("has {} steps", series.steps()), expected));
        }
        let forecasts = self.roll(dataset, from)?;
        let columns = (0..columns).map(|column| self.errors(series, from, column, &forecasts)).collect();
        let truths = series.values[from * task.columns().len()..].to_vec();
        let steps = series.steps() - from;
        Ok(ForecastEvaluation { from, steps, kept_apart, columns, truths, forecasts })
    }

    /// Forecasts from every step from `from` on.
    fn roll(&self, dataset: &Dataset, from: usize) -> Result<Vec<Distribution>> {
        let known = &self.model().task.description;
        let anchored = Arc::new(Anchored {
            series: transform(&known.anchoring, dataset)?,
            anchoring: known.anchoring.clone(),
        });
        Ok(self.distributions(&Window::all(&anchored, from..dataset.series.steps())))
    }

    /// The errors in one column.
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
        let place = |step: usize| step * columns + column;
        let points =
            |step: usize| forecasts.iter().map(move |said| said.point(place(step))).collect::<Vec<_>>();
        let mean = |losses: Vec<f64>| losses.iter().sum::<f64>() / losses.len() as f64;
        let (mut nll, mut pinball) = (vec![], vec![]);
        for step in steps.clone() {
            let pairs = || forecasts.iter().zip(&truths[step..]);
            let densities = pairs().filter_map(|(said, &truth)| said.nll(place(step), truth));
            let losses = pairs().filter_map(|(said, &truth)| said.pinball(place(step), truth));
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
            // One that looks back further than there is history has nothing to say.
            if baseline.reach() > from {
                continue;
            }
            let said = self.baseline(baseline, &values, from, column);
            let points = |step: usize| said.iter().map(|said| said[step]).collect::<Vec<f64>>();
            all.push(of(Some((baseline.name(), baseline.key())), &points, vec![], vec![]));
        }
        all
    }

    /// A baseline's forecasts of a column from every step from `from` on.
    fn baseline(&self, baseline: Baseline<'_>, values: &[f64], from: usize, column: usize) -> Vec<Vec<f64>> {
        let known = &self.model().task.description;
        // Only a regression takes sums: the others are the same in any unit.
        let scale = match baseline {
            Baseline::Autoregression(_) => known.anchoring.scales[column],
            Baseline::LastValue | Baseline::SeasonalNaive(_) => Scale::Plain,
        };
        let past: Vec<f64> = values.iter().map(|&x| scale.take(x).unwrap_or(f64::NAN)).collect();
        let forecast = |t: usize| {
            let said = baseline.forecast(&past[..t], known.horizon).into_iter();
            said.map(|x| scale.back(x)).collect()
        };
        (from..values.len()).map(forecast).collect()
    }
}
