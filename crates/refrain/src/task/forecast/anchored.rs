//! A series as the network sees it: free of its unit and its level.
//!
//! A column whose values are all positive and which varies the more the higher it stands is taken in logarithms, so that
//! growth by shares becomes growth by steps. A window of history is then read as differences to its last value, the
//! anchor, and what comes after it is predicted as the change from there. So a level never seen before is nothing new.

use serde::{Deserialize, Serialize};

use crate::layer::gaussian;

/// What turns a series `[T, C]` into windows, and forecasts back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchoring {
    /// `[C]`: whether a column is taken in logarithms.
    pub logarithmic: Vec<bool>,
    /// `[C]`: what differences to the anchor are divided by, their root mean square in windows.
    pub spreads: Vec<f64>,
    /// `[h, C]`: mean of the changes from the anchor to each step ahead.
    pub means: Vec<f64>,
    /// `[h, C]`: their standard deviation.
    pub deviations: Vec<f64>,
}

/// A share of the correlation between level and change from which on logarithms are taken.
const GROWS_WITH_LEVEL: f64 = 0.25;

impl Anchoring {
    /// Whether logarithms suit a column: all of it is positive, and its steps are larger where it stands higher.
    pub(super) fn is_logarithmic(column: &[f64]) -> bool {
        if !column.iter().all(|&x| x > 0.0) {
            return false;
        }
        let steps: Vec<f64> = column.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        let levels: Vec<f64> = column.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
        correlation(&levels, &steps) > GROWS_WITH_LEVEL
    }

    /// What fits the windows of `steps` steps in a transformed series, whose targets begin at `starts`.
    pub(super) fn fit(
        logarithmic: Vec<bool>,
        series: &[f64],
        window: usize,
        horizon: usize,
        starts: std::ops::Range<usize>,
    ) -> Self {
        let columns = logarithmic.len();
        let (mut squares, mut sums, mut sums_of_squares) =
            (vec![0.0; columns], vec![0.0; horizon * columns], vec![0.0; horizon * columns]);
        let count = starts.len().max(1) as f64;
        for at in starts {
            let anchor = &series[(at - 1) * columns..at * columns];
            for (i, x) in series[(at - window) * columns..at * columns].iter().enumerate() {
                squares[i % columns] += (x - anchor[i % columns]).powi(2);
            }
            for (i, x) in series[at * columns..(at + horizon) * columns].iter().enumerate() {
                let change = x - anchor[i % columns];
                sums[i] += change;
                sums_of_squares[i] += change * change;
            }
        }
        let or_one = |deviation: f64| if deviation > 1e-12 { deviation } else { 1.0 };
        let means: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        let variance = |(square, mean): (&f64, &f64)| (square / count - mean * mean).max(0.0);
        Self {
            logarithmic,
            spreads: squares.iter().map(|square| or_one((square / (count * window as f64)).sqrt())).collect(),
            deviations: sums_of_squares
                .iter()
                .zip(&means)
                .map(|pair| or_one(variance(pair).sqrt()))
                .collect(),
            means,
        }
    }

    /// `C`.
    pub(super) fn columns(&self) -> usize {
        self.logarithmic.len()
    }

    /// Whether it can belong to forecasts of so many steps of so many columns.
    pub(super) fn fits(&self, horizon: usize, columns: usize) -> bool {
        let wide = horizon.saturating_mul(columns);
        let positive = |xs: &[f64]| xs.iter().all(|&x| x.is_finite() && x > 0.0);
        [self.logarithmic.len(), self.spreads.len()] == [columns; 2]
            && [self.means.len(), self.deviations.len()] == [wide; 2]
            && positive(&self.spreads)
            && positive(&self.deviations)
            && self.means.iter().all(|mean| mean.is_finite())
    }

    /// A series `[T, C]` with the logarithms taken.
    ///
    /// # Errors
    /// The first step, from 0, and column where there is no logarithm.
    pub(super) fn transform(&self, values: &[f64]) -> Result<Vec<f64>, (usize, usize)> {
        let columns = self.columns();
        let transformed = values.iter().enumerate().map(|(i, &x)| match self.logarithmic[i % columns] {
            true if x > 0.0 => Ok(x.ln()),
            true => Err((i / columns, i % columns)),
            false => Ok(x),
        });
        transformed.collect()
    }

    /// The `window` steps of a transformed series before step `at`, as differences to the last of them.
    pub(super) fn window(&self, series: &[f64], at: usize, window: usize) -> Vec<f32> {
        let columns = self.columns();
        let anchor = &series[(at - 1) * columns..at * columns];
        let values = series[(at - window) * columns..at * columns].iter().enumerate();
        values.map(|(i, x)| ((x - anchor[i % columns]) / self.spreads[i % columns]) as f32).collect()
    }

    /// The steps of a transformed series from `at` on, as many as a forecast has, as standardised changes.
    pub(super) fn targets(&self, series: &[f64], at: usize) -> Vec<f32> {
        let columns = self.columns();
        let anchor = &series[(at - 1) * columns..at * columns];
        let values = series[at * columns..].iter().zip(self.means.iter().zip(&self.deviations)).enumerate();
        let change = |(i, (x, (mean, deviation))): (usize, (&f64, (&f64, &f64)))| {
            ((x - anchor[i % columns] - mean) / deviation) as f32
        };
        values.map(change).collect()
    }

    /// A standardised change at place `i` of a forecast, `step * C + column`, as a transformed value.
    fn value(&self, anchor: &[f64], i: usize, change: f64) -> f64 {
        anchor[i % self.columns()] + self.means[i] + self.deviations[i] * change
    }

    /// The normal distributions that `outputs` say of what follows on the `anchor`, `[C]`, transformed: `[h, C]`.
    pub(super) fn normals<R: refrain_kernels::Real>(&self, outputs: &[R], anchor: &[f64]) -> Vec<Normal> {
        let normal = |i| {
            let (mean, deviation) = gaussian(outputs, i);
            Normal {
                mean: self.value(anchor, i, mean),
                deviation: self.deviations[i] * deviation,
                logarithmic: self.logarithmic[i % self.columns()],
            }
        };
        (0..self.means.len()).map(normal).collect()
    }

    /// The quantiles that `outputs` say likewise, in the unit of the series and in rising order: `[h, C, Q]`.
    pub(super) fn quantiles<R: refrain_kernels::Real>(
        &self,
        outputs: &[R],
        anchor: &[f64],
    ) -> Vec<Vec<f64>> {
        let levels = outputs.len() / self.means.len();
        let quantiles = |(i, outputs): (usize, &[R])| {
            let back = |output: &R| {
                let value = self.value(anchor, i, output.as_f64());
                if self.logarithmic[i % self.columns()] { value.exp() } else { value }
            };
            let mut quantiles: Vec<f64> = outputs.iter().map(back).collect();
            // Each is learned by itself; where they cross, order is the better forecast (Chernozhukov et al. 2010).
            quantiles.sort_by(f64::total_cmp);
            quantiles
        };
        outputs.chunks_exact(levels).enumerate().map(quantiles).collect()
    }
}

/// A normal distribution of a value, or of its logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// Of the value or its logarithm.
    pub mean: f64,
    /// Likewise.
    pub deviation: f64,
    /// Whether it is the logarithm's.
    pub logarithmic: bool,
}

impl Normal {
    /// The value's mean, in the unit of the series.
    pub fn value_mean(&self) -> f64 {
        match self.logarithmic {
            true => (self.mean + 0.5 * self.deviation * self.deviation).exp(),
            false => self.mean,
        }
    }

    /// The value's standard deviation, in the unit of the series.
    pub fn value_deviation(&self) -> f64 {
        match self.logarithmic {
            true => self.value_mean() * (self.deviation * self.deviation).exp_m1().sqrt(),
            false => self.deviation,
        }
    }

    /// The value so many standard deviations above the mean, in the unit of the series.
    pub fn at(&self, deviations: f64) -> f64 {
        let value = self.mean + deviations * self.deviation;
        if self.logarithmic { value.exp() } else { value }
    }

    /// The negative log-density of a value in the unit of the series, in nats.
    pub fn nll(&self, value: f64) -> f64 {
        let (x, stretched) = if self.logarithmic { (value.ln(), value.ln()) } else { (value, 0.0) };
        let error = (x - self.mean) / self.deviation;
        0.5 * error * error + self.deviation.ln() + 0.5 * std::f64::consts::TAU.ln() + stretched
    }
}

/// Pearson's correlation; 0 where one side never changes.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |xs: &[f64]| xs.iter().sum::<f64>() / xs.len().max(1) as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let sum = |f: fn(f64, f64) -> f64| a.iter().zip(b).map(|(x, y)| f(x - of_a, y - of_b)).sum::<f64>();
    let spread = (sum(|x, _| x * x) * sum(|_, y| y * y)).sqrt();
    if spread > 0.0 { sum(|x, y| x * y) / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_anchored_and_forecasts_come_back() {
        let values: Vec<f64> = (1..=20).flat_map(|t| [f64::from(t) * f64::from(t), f64::from(-t)]).collect();
        let column = |c: usize| values.iter().skip(c).step_by(2).copied().collect::<Vec<_>>();
        assert_eq!([0, 1].map(|c| Anchoring::is_logarithmic(&column(c))), [true, false]);
        let logarithmic = vec![true, false];
        let bare = Anchoring {
            logarithmic: logarithmic.clone(),
            spreads: vec![1.0; 2],
            means: vec![0.0; 6],
            deviations: vec![1.0; 6],
        };
        let series = bare.transform(&values).unwrap();
        assert_eq!(bare.transform(&[1.0, 2.0, 0.0, 3.0]), Err((1, 0)));
        let anchoring = Anchoring::fit(logarithmic, &series, 4, 3, 4..15);
        assert!(anchoring.fits(3, 2) && !anchoring.fits(2, 2));
        let window = anchoring.window(&series, 10, 4);
        assert_eq!((window.len(), &window[6..]), (8, &[0.0, 0.0][..]));
        let targets = anchoring.targets(&series, 10);
        assert_eq!(targets.len(), 6);
        let outputs: Vec<f64> = targets.iter().map(|&x| f64::from(x)).chain([-30.0; 6]).collect();
        for (i, normal) in anchoring.normals(&outputs, &series[18..20]).iter().enumerate() {
            let truth = values[20 + i];
            assert!((normal.at(0.0) - truth).abs() < 1e-4 * truth.abs(), "{i}: {normal:?} is not {truth}");
        }
        let quantiles = anchoring.quantiles(&outputs[..6], &series[18..20]);
        assert!((quantiles[4][0] - 169.0).abs() < 1e-2, "{quantiles:?}");
    }

    #[test]
    fn distributions_of_logarithms_are_those_of_values() {
        let plain = Normal { mean: 3.0, deviation: 2.0, logarithmic: false };
        assert_eq!((plain.value_mean(), plain.value_deviation(), plain.at(-1.0)), (3.0, 2.0, 1.0));
        assert!((plain.nll(1.0) - crate::metric::gaussian_nll(&[1.0], &[3.0], &[2.0])).abs() < 1e-12);
        let log = Normal { mean: 1.0, deviation: 0.5, logarithmic: true };
        assert!((log.value_mean() - 1.125f64.exp()).abs() < 1e-12);
        // Densities integrate to one.
        let density = (1..40_000).map(|i| (-log.nll(f64::from(i) * 1e-3)).exp() * 1e-3);
        assert!((density.sum::<f64>() - 1.0).abs() < 1e-4);
    }
}
