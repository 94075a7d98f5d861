//! A series as the network sees it: free of its unit and its level.
//!
//! Each column is taken on its scale. A window of history is then read as differences to its last value, and what
//! comes after it is predicted as the change from an anchor: that last value or, for the steps where this scatters less in
//! training, what came one season before and the change since. So a level never seen before is nothing new.
//!
//! Two things join the differences where they are of use: the level, of a column without a trend; and of a season longer
//! than the window what was one season before, and what followed.

use serde::{Deserialize, Serialize};

use super::scale::{Normal, Scale, correlation};
use crate::layer::gaussian;

/// What turns a series `[T, C]` into windows, and forecasts back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchoring {
    /// Steps of a window.
    pub window: usize,
    /// Steps after which the series repeats itself.
    pub season: Option<usize>,
    /// `[C]`: in what a column is taken.
    pub scales: Vec<Scale>,
    /// `[C]`: of a column whose level is read, the mean.
    pub centres: Vec<Option<f64>>,
    /// `[I]`: what the numbers of a step that is read are divided by, their root mean square.
    pub spreads: Vec<f64>,
    /// `[h, C]`: whether the anchor is the seasonal one.
    pub seasonal: Vec<bool>,
    /// `[h, C]`: mean of the changes from the anchor.
    pub means: Vec<f64>,
    /// `[h, C]`: their standard deviation.
    pub deviations: Vec<f64>,
}

/// A correlation between time and level from which on a column has a trend.
const TREND: f64 = 0.7;

impl Anchoring {
    /// Nothing but scales, for a start.
    pub(super) fn new(scales: Vec<Scale>, window: usize, season: Option<usize>) -> Self {
        let centres = vec![None; scales.len()];
        let (spreads, seasonal, means, deviations) = (vec![], vec![], vec![], vec![]);
        Self { window, season, scales, centres, spreads, seasonal, means, deviations }
    }

    /// Fits it to forecasts of `horizon` steps that begin at the steps `starts` of a transformed series.
    pub(super) fn fit(mut self, series: &[f64], horizon: usize, starts: std::ops::Range<usize>) -> Self {
        let columns = self.columns();
        let known = &series[..starts.end * columns];
        for (c, centre) in self.centres.iter_mut().enumerate() {
            let column: Vec<f64> = known.iter().skip(c).step_by(columns).copied().collect();
            let times: Vec<f64> = (0..column.len()).map(|t| t as f64).collect();
            let mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
            *centre = (correlation(&times, &column).abs() < TREND).then_some(mean);
        }
        self.seasonal = vec![false; horizon * columns];
        let mut squares = vec![0.0; self.width()];
        let (mut last, mut seasonal) =
            (vec![Moments::default(); horizon * columns], vec![Moments::default(); horizon * columns]);
        for at in starts {
            for (i, x) in self.readings(series, at, horizon).into_iter().enumerate() {
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
        let chosen = last.iter().zip(&seasonal).map(|(last, seasonal)| {
            let scatters_less = seasonal.deviation() < last.deviation();
            (scatters_less, if scatters_less { *seasonal } else { *last })
        });
        let chosen: Vec<(bool, Moments)> = chosen.collect();
        self.seasonal = chosen.iter().map(|&(seasonal, _)| seasonal).collect();
        self.means = chosen.iter().map(|(_, moments)| moments.mean()).collect();
        self.deviations = chosen.iter().map(|(_, moments)| or_one(moments.deviation())).collect();
        self
    }

    /// A season that the window does not hold.
    fn long_season(&self) -> Option<usize> {
        self.season.filter(|&season| season >= self.window)
    }

    /// Steps of history that a forecast needs: the window, and the season before it or in it.
    pub(super) fn reach(&self) -> usize {
        match (self.long_season(), self.season) {
            (Some(season), _) => self.window + season,
            (None, Some(season)) => self.window.max(season + 1),
            (None, None) => self.window,
        }
    }

    /// `I`: numbers of a step that is read.
    pub(super) fn width(&self) -> usize {
        let more = if self.long_season().is_some() { 2 } else { 0 };
        self.centres.iter().map(|centre| 1 + usize::from(centre.is_some()) + more).sum()
    }

    /// `C`.
    pub(super) fn columns(&self) -> usize {
        self.scales.len()
    }

    /// Whether it can belong to forecasts of so many steps of so many columns.
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

    /// A series `[T, C]` on the scales of its columns.
    ///
    /// # Errors
    /// The first step, from 0, and column of a value that has no place there.
    pub(super) fn transform(&self, values: &[f64]) -> Result<Vec<f64>, (usize, usize)> {
        let columns = self.columns();
        let place =
            |(i, &x): (usize, &f64)| self.scales[i % columns].take(x).ok_or((i / columns, i % columns));
        values.iter().enumerate().map(place).collect()
    }

    /// What number `i` of a forecast from step `at` on, `step * C + column`, is a change from.
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

    /// What is read of the steps before `at`, `[window, I]`, unscaled.
    fn readings(&self, series: &[f64], at: usize, horizon: usize) -> Vec<f64> {
        let columns = self.columns();
        let value = |t: usize, c: usize| series[t * columns + c];
        let mut readings = Vec::with_capacity(self.window * self.width());
        for t in at - self.window..at {
            for (c, centre) in self.centres.iter().enumerate() {
                readings.push(value(t, c) - value(at - 1, c));
                readings.extend(centre.map(|centre| value(t, c) - centre));
                if let Some(season) = self.long_season() {
                    readings.push(value(t, c) - value(t - season, c));
                    readings.push(value(t + horizon.min(season) - season, c) - value(at - 1, c));
                }
            }
        }
        readings
    }

    /// What is read of the steps of a transformed series before step `at`, `[window, I]`.
    pub(super) fn window(&self, series: &[f64], at: usize) -> Vec<f32> {
        let horizon = self.means.len() / self.columns();
        let readings = self.readings(series, at, horizon).into_iter();
        readings.enumerate().map(|(i, x)| (x / self.spreads[i % self.spreads.len()]) as f32).collect()
    }

    /// The anchors of a forecast from step `at` on, `[h, C]`.
    pub(super) fn anchors(&self, series: &[f64], at: usize) -> Vec<f64> {
        let anchor = |(i, &seasonal)| self.anchor(series, at, i, seasonal);
        self.seasonal.iter().enumerate().map(anchor).collect()
    }

    /// The steps of a transformed series from `at` on, as many as a forecast has, as standardised changes.
    pub(super) fn targets(&self, series: &[f64], at: usize) -> Vec<f32> {
        let values = series[at * self.columns()..].iter().zip(self.anchors(series, at)).enumerate();
        let change = |(i, (x, anchor)): (usize, (&f64, f64))| {
            ((x - anchor - self.means[i]) / self.deviations[i]) as f32
        };
        values.map(change).collect()
    }

    /// A standardised change as a transformed value.
    fn value(&self, anchors: &[f64], i: usize, change: f64) -> f64 {
        anchors[i] + self.means[i] + self.deviations[i] * change
    }

    /// The normal distributions that `outputs` say of what follows on the `anchors`: `[h, C]`.
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

    /// The quantiles that `outputs` say likewise, in the unit of the series and in rising order: `[h, C, Q]`.
    pub(super) fn quantiles<R: refrain_kernels::Real>(
        &self,
        outputs: &[R],
        anchors: &[f64],
    ) -> Vec<Vec<f64>> {
        let levels = outputs.len() / self.means.len();
        let quantiles = |(i, outputs): (usize, &[R])| {
            let back =
                |output: &R| self.scales[i % self.columns()].back(self.value(anchors, i, output.as_f64()));
            let mut quantiles: Vec<f64> = outputs.iter().map(back).collect();
            // Each is learned by itself; where they cross, order is the better forecast (Chernozhukov et al. 2010).
            quantiles.sort_by(f64::total_cmp);
            quantiles
        };
        outputs.chunks_exact(levels).enumerate().map(quantiles).collect()
    }
}

/// Sums of some numbers and of their squares.
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
    fn windows_are_anchored_and_forecasts_come_back() {
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
