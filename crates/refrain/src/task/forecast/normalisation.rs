//! Normalisation of a series: removes its unit and level.
//!
//! Each column is transformed by its scale. The network reads a window of history as differences to its last value, and
//! predicts changes from an anchor. The anchor is that last value or, for steps where it gives the smaller deviation in
//! training, the value one season before plus the change since. Forecasts therefore work at levels that do not occur in
//! training.
//!
//! Inputs are added where they help: the level of a column without a trend; for a season not shorter than the window the
//! change since one season before, and the values that followed then.

use serde::{Deserialize, Serialize};

use super::scale::{Normal, Scale, correlation};
use crate::layer::gaussian;

/// Converts a series `[T, C]` to windows, and outputs to forecasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchoring {
    /// Steps of a window.
    pub window: usize,
    /// Length of the season in steps.
    pub season: Option<usize>,
    /// `[C]`: scales of the columns.
    pub scales: Vec<Scale>,
    /// `[C]`: mean of a column whose level is an input.
    pub centres: Vec<Option<f64>>,
    /// `[I]`: root mean square of each input, its divisor.
    pub spreads: Vec<f64>,
    /// `[h, C]`: whether the anchor is the seasonal one.
    pub seasonal: Vec<bool>,
    /// `[h, C]`: means of the changes from the anchor.
    pub means: Vec<f64>,
    /// `[h, C]`: standard deviations of these changes.
    pub deviations: Vec<f64>,
}

/// Correlation between time and level above which a column has a trend.
const MIN_TREND: f64 = 0.7;

impl Anchoring {
    /// Without statistics; see [`Anchoring::fit`].
    pub(super) fn new(scales: Vec<Scale>, window: usize, season: Option<usize>) -> Self {
        let centres = vec![None; scales.len()];
        let (spreads, seasonal, means, deviations) = (vec![], vec![], vec![], vec![]);
        Self { window, season, scales, centres, spreads, seasonal, means, deviations }
    }

    /// Computes the statistics for forecasts of `horizon` steps from the steps `starts` of a transformed series.
    pub(super) fn fit(mut self, series: &[f64], horizon: usize, starts: std::ops::Range<usize>) -> Self {
        let columns = self.columns();
        let known = &series[..starts.end * columns];
        for (c, centre) in self.centres.iter_mut().enumerate() {
            let column: Vec<f64> = known.iter().skip(c).step_by(columns).copied().collect();
            let times: Vec<f64> = (0..column.len()).map(|t| t as f64).collect();
            let mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
            *centre = (correlation(&times, &column).abs() < MIN_TREND).then_some(mean);
        }
        self.seasonal = vec![false; horizon * columns];
        let mut squares = vec![0.0; self.width()];
        let (mut last, mut seasonal) =
            (vec![Moments::default(); horizon * columns], vec![Moments::default(); horizon * columns]);
        for at in starts {
            for (i, x) in self.inputs(series, at, horizon).into_iter().enumerate() {
                squares[i % self.width()] += x * x / self.window as f64;
            }
            for (i, x) in series[at * columns..(at + horizon) * columns].iter().enumerate() {
                last[i].add(x - self.anchor(series, at, i, false));
                seasonal[i].add(x - self.anchor(series, at, i, true));
            }
        }
        let or_one = |deviation: f64| if deviation > 1e-12 { deviation } else { 1.0 };
        let count = last.first().map_or(1.0, |moments| moments.count);
        self.spreads = squares.iter().map(|square| or_one((square / count).sqrt())).collect();
        let anchored = last.iter().zip(&seasonal).map(|(last, seasonal)| {
            let scatters_less = seasonal.deviation() < last.deviation();
            (scatters_less, if scatters_less { *seasonal } else { *last })
        });
        let anchored: Vec<(bool, Moments)> = anchored.collect();
        self.seasonal = anchored.iter().map(|&(seasonal, _)| seasonal).collect();
        self.means = anchored.iter().map(|(_, moments)| moments.mean()).collect();
        self.deviations = anchored.iter().map(|(_, moments)| or_one(moments.deviation())).collect();
        self
    }

    /// A season that is not shorter than the window.
    fn long_season(&self) -> Option<usize> {
        self.season.filter(|&season| season >= self.window)
    }

    /// Steps of history that a forecast needs: the window, and the season in or before it.
    pub(super) fn reach(&self) -> usize {
        match (self.long_season(), self.season) {
            (Some(season), _) => self.window + season,
            (None, Some(season)) => self.window.max(season + 1),
            (None, None) => self.window,
        }
    }

    /// `I`: inputs per step.
    pub(super) fn width(&self) -> usize {
        let more = if self.long_season().is_some() { 2 } else { 0 };
        self.centres.iter().map(|centre| 1 + usize::from(centre.is_some()) + more).sum()
    }

    /// `C`.
    pub(super) fn columns(&self) -> usize {
        self.scales.len()
    }

    /// Whether it matches forecasts with this horizon and number of columns.
    pub(super) fn fits(&self, horizon: usize, columns: usize) -> bool {
        let wide = horizon.saturating_mul(columns);
        let positive = |xs: &[f64]| xs.iter().all(|&x| x.is_finite() && x > 0.0);
        [self.scales.len(), self.centres.len()] == [columns; 2]
            && self.window > 0
            && self.season != Some(0)
            && self.season.is_none_or(|season| (season as u64) < 1 << 40)
            && self.spreads.len() == self.width()
            && [self.means.len(), self.deviations.len(), self.seasonal.len()] == [wide; 3]
            && (self.season.is_some() || !self.seasonal.contains(&true))
            && self.scales.iter().all(|scale| scale.is_valid())
            && positive(&self.spreads)
            && positive(&self.deviations)
            && self.means.iter().chain(self.centres.iter().flatten()).all(|x| x.is_finite())
    }

    /// Transforms a series `[T, C]` by the scales of its columns.
    ///
    /// # Errors
    /// The step, from 0, and the column of the first value that its scale does not allow.
    pub(super) fn transform(&self, values: &[f64]) -> Result<Vec<f64>, (usize, usize)> {
        let columns = self.columns();
        let transform =
            |(i, &x): (usize, &f64)| self.scales[i % columns].transform(x).ok_or((i / columns, i % columns));
        values.iter().enumerate().map(transform).collect()
    }

    /// The anchor of value `i`, `step * C + column`, of a forecast starting at step `at`.
    fn anchor(&self, series: &[f64], at: usize, i: usize, seasonal: bool) -> f64 {
        let columns = self.columns();
        let (step, column) = (i / columns, i % columns);
        let value = |t: usize| series[t * columns + column];
        match self.season.filter(|_| seasonal) {
            None => value(at - 1),
            Some(season) => {
                let seasons = step / season + 1;
                let since = value(at - 1) - value(at - 1 - season);
                value(at + step - seasons * season) + seasons as f64 * since
            }
        }
    }

    /// The inputs of the steps before `at`, `[window, I]`, unscaled.
    fn inputs(&self, series: &[f64], at: usize, horizon: usize) -> Vec<f64> {
        let columns = self.columns();
        let value = |t: usize, c: usize| series[t * columns + c];
        let mut inputs = Vec::with_capacity(self.window * self.width());
        for t in at - self.window..at {
            for (c, centre) in self.centres.iter().enumerate() {
                inputs.push(value(t, c) - value(at - 1, c));
                inputs.extend(centre.map(|centre| value(t, c) - centre));
                if let Some(season) = self.long_season() {
                    inputs.push(value(t, c) - value(t - season, c));
                    inputs.push(value(t + horizon.min(season) - season, c) - value(at - 1, c));
                }
            }
        }
        inputs
    }

    /// The scaled inputs of the steps before `at`, `[window, I]`, from a transformed series.
    pub(super) fn window(&self, series: &[f64], at: usize) -> Vec<f32> {
        let horizon = self.means.len() / self.columns();
        let inputs = self.inputs(series, at, horizon).into_iter();
        inputs.enumerate().map(|(i, x)| (x / self.spreads[i % self.spreads.len()]) as f32).collect()
    }

    /// The anchors of a forecast starting at step `at`, `[h, C]`.
    pub(super) fn anchors(&self, series: &[f64], at: usize) -> Vec<f64> {
        let anchor = |(i, &seasonal)| self.anchor(series, at, i, seasonal);
        self.seasonal.iter().enumerate().map(anchor).collect()
    }

    /// The standardised changes in the steps starting at `at`, of a transformed series.
    pub(super) fn targets(&self, series: &[f64], at: usize) -> Vec<f32> {
        let values = series[at * self.columns()..].iter().zip(self.anchors(series, at)).enumerate();
        let change = |(i, (x, anchor)): (usize, (&f64, f64))| {
            ((x - anchor - self.means[i]) / self.deviations[i]) as f32
        };
        values.map(change).collect()
    }

    /// The transformed value of a standardised change.
    fn value(&self, anchors: &[f64], i: usize, change: f64) -> f64 {
        anchors[i] + self.means[i] + self.deviations[i] * change
    }

    /// The normal distributions given by `outputs` relative to the `anchors`: `[h, C]`.
    pub(super) fn normals<R: refrain_kernels::Real>(&self, outputs: &[R], anchors: &[f64]) -> Vec<Normal> {
        let normal = |i| {
            let (mean, deviation) = gaussian(outputs, i);
            Normal {
                mean: self.value(anchors, i, mean),
                deviation: self.deviations[i] * deviation,
                scale: self.scales[i % self.columns()],
            }
        };
        (0..self.means.len()).map(normal).collect()
    }

    /// The quantiles given by `outputs` relative to the `anchors`, in the unit of the series and in rising order: `[h, C, Q]`.
    pub(super) fn quantiles<R: refrain_kernels::Real>(
        &self,
        outputs: &[R],
        anchors: &[f64],
    ) -> Vec<Vec<f64>> {
        let levels = outputs.len() / self.means.len();
        let quantiles = |(i, outputs): (usize, &[R])| {
            let inverse =
                |output: &R| self.scales[i % self.columns()].inverse(self.value(anchors, i, output.as_f64()));
            let mut quantiles: Vec<f64> = outputs.iter().map(inverse).collect();
            // Quantiles are predicted separately and may cross; sorting improves them (Chernozhukov et al. 2010).
            quantiles.sort_by(f64::total_cmp);
            quantiles
        };
        outputs.chunks_exact(levels).enumerate().map(quantiles).collect()
    }
}

/// Sums for mean and deviation.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        self.sum += x;
        self.squares += x * x;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    fn deviation(&self) -> f64 {
        (self.squares / self.count.max(1.0) - self.mean().powi(2)).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_invert_the_normalisation() {
        let values: Vec<f64> = (1..=20).flat_map(|t| [f64::from(t) * f64::from(t), f64::from(-t)]).collect();
        let bare = Anchoring::new(vec![Scale::Logarithm, Scale::Plain], 4, None);
        let series = bare.transform(&values).unwrap();
        assert_eq!(bare.transform(&[1.0, 2.0, 0.0, 3.0]), Err((1, 0)));
        for (season, wide) in [(None, 2), (Some(3), 2), (Some(5), 6)] {
            let anchoring = Anchoring { season, ..bare.clone() };
            let anchoring = anchoring.clone().fit(&series, 3, anchoring.reach()..16);
            assert!(anchoring.fits(3, 2) && !anchoring.fits(2, 2), "{anchoring:?}");
            let window = anchoring.window(&series, 10);
            assert_eq!((window.len(), window[3 * wide]), (4 * wide, 0.0));
            let (targets, anchors) = (anchoring.targets(&series, 10), anchoring.anchors(&series, 10));
            assert_eq!(targets.len(), 6);
            let outputs: Vec<f64> = targets.iter().map(|&x| f64::from(x)).chain([-30.0; 6]).collect();
            for (i, normal) in anchoring.normals(&outputs, &anchors).iter().enumerate() {
                let truth = values[20 + i];
                assert!(
                    (normal.at(0.0) - truth).abs() < 1e-4 * truth.abs(),
                    "{i}: {normal:?} is not {truth}"
                );
            }
            let quantiles = anchoring.quantiles(&outputs[..6], &anchors);
            assert!((quantiles[4][0] - 169.0).abs() < 1e-2, "{quantiles:?}");
        }
    }
}
