//! In what the numbers of a column are taken: as they are, as roots or as logarithms.
//!
//! A column that varies the more the higher it stands is easier to forecast where it does not. Growth by shares becomes
//! growth by steps in logarithms; counts, which also come to nothing, scatter evenly as their roots.

use serde::{Deserialize, Serialize};

/// What is done to a column's values before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scale {
    /// They are taken as they are.
    Plain,
    /// Square roots, each of a value and a little: a density at the value 0 is finite.
    Root {
        /// The little.
        shift: f64,
    },
    /// Natural logarithms.
    Logarithm,
}

/// A share of the correlation between level and change from which on the scale is not plain.
const GROWS_WITH_LEVEL: f64 = 0.25;
/// What is added under a root, as a share of the column's mean.
const UNDER_ROOT: f64 = 0.01;

impl Scale {
    /// The one that suits a column: plain unless its steps are larger where it stands higher; then logarithms if all of
    /// it is positive, roots if some of it is 0.
    pub(super) fn of(column: &[f64]) -> Self {
        if !column.iter().all(|&x| x >= 0.0) {
            return Scale::Plain;
        }
        let steps: Vec<f64> = column.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        let levels: Vec<f64> = column.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
        if correlation(&levels, &steps) <= GROWS_WITH_LEVEL {
            Scale::Plain
        } else if column.contains(&0.0) {
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            Scale::Root { shift: UNDER_ROOT * mean }
        } else {
            Scale::Logarithm
        }
    }

    /// A value on this scale; none if it has no place there.
    pub(super) fn take(self, value: f64) -> Option<f64> {
        match self {
            Scale::Plain => Some(value),
            Scale::Root { shift } => (value >= 0.0).then(|| (value + shift).sqrt()),
            Scale::Logarithm => (value > 0.0).then(|| value.ln()),
        }
    }

    /// The value that stands at `taken` on this scale; below all of them stands 0.
    pub(super) fn back(self, taken: f64) -> f64 {
        match self {
            Scale::Plain => taken,
            Scale::Root { shift } => (taken.max(0.0).powi(2) - shift).max(0.0),
            Scale::Logarithm => taken.exp(),
        }
    }

    /// Whether a serialised one can be what it says.
    pub(super) fn is_valid(self) -> bool {
        match self {
            Scale::Root { shift } => shift.is_finite() && shift > 0.0,
            Scale::Plain | Scale::Logarithm => true,
        }
    }

    /// What it is called, where it is more than the values; and which ones it takes.
    pub(super) fn names(self) -> Option<(&'static str, &'static str)> {
        match self {
            Scale::Plain => None,
            Scale::Root { .. } => Some(("square roots", "never negative")),
            Scale::Logarithm => Some(("logarithms", "always positive")),
        }
    }
}

/// A value whose place on a scale is normally distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// On the scale.
    pub mean: f64,
    /// On the scale.
    pub deviation: f64,
    /// The scale.
    pub scale: Scale,
}

impl Normal {
    /// The value's mean, in the unit of the series.
    pub fn value_mean(&self) -> f64 {
        let variance = self.deviation * self.deviation;
        match self.scale {
            Scale::Plain => self.mean,
            Scale::Root { shift } => (self.mean * self.mean + variance - shift).max(0.0),
            Scale::Logarithm => (self.mean + 0.5 * variance).exp(),
        }
    }

    /// The value's standard deviation, in the unit of the series.
    pub fn value_deviation(&self) -> f64 {
        let variance = self.deviation * self.deviation;
        match self.scale {
            Scale::Plain => self.deviation,
            Scale::Root { .. } => (4.0 * self.mean * self.mean * variance + 2.0 * variance * variance).sqrt(),
            Scale::Logarithm => self.value_mean() * variance.exp_m1().sqrt(),
        }
    }

    /// The value so many standard deviations above the mean on the scale, in the unit of the series.
    pub fn at(&self, deviations: f64) -> f64 {
        self.scale.back(self.mean + deviations * self.deviation)
    }

    /// The negative log-density of a value in the unit of the series, in nats; infinite for a value that cannot be.
    pub fn nll(&self, value: f64) -> f64 {
        let Some(taken) = self.scale.take(value) else { return f64::INFINITY };
        // How much the scale is stretched there: the logarithm of the derivative of the value by its place.
        let stretched = match self.scale {
            Scale::Plain => 0.0,
            Scale::Root { .. } => (2.0 * taken).ln(),
            Scale::Logarithm => taken,
        };
        let error = (taken - self.mean) / self.deviation;
        0.5 * error * error + self.deviation.ln() + 0.5 * std::f64::consts::TAU.ln() + stretched
    }
}

/// Pearson's correlation; 0 where one side never changes.
pub(super) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |xs: &[f64]| xs.iter().sum::<f64>() / xs.len().max(1) as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let sum = |f: fn(f64, f64) -> f64| a.iter().zip(b).map(|(x, y)| f(x - of_a, y - of_b)).sum::<f64>();
    let spread = (sum(|x, _| x * x) * sum(|_, y| y * y)).sqrt();
    if spread > 0.0 { sum(|x, y| x * y) / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Scale = Scale::Root { shift: 0.1 };

    #[test]
    fn a_scale_suits_its_column() {
        let squares: Vec<f64> = (1..20).map(|t| f64::from(t * t)).collect();
        assert_eq!(Scale::of(&squares), Scale::Logarithm);
        let with_zero: Vec<f64> = (0..20).map(|t| f64::from(t * t)).collect();
        assert!(matches!(Scale::of(&with_zero), Scale::Root { shift } if shift > 0.0));
        let with_negative: Vec<f64> = with_zero.iter().map(|x| x - 1.0).collect();
        assert_eq!(Scale::of(&with_negative), Scale::Plain);
        assert_eq!(Scale::of(&(0..20).map(f64::from).collect::<Vec<_>>()), Scale::Plain);
        assert_eq!(Scale::of(&[]), Scale::Plain);
    }

    #[test]
    fn values_come_back() {
        for scale in [Scale::Plain, ROOT, Scale::Logarithm] {
            for value in [0.25, 1.0, 300.0] {
                let back = scale.back(scale.take(value).unwrap());
                assert!((back - value).abs() < 1e-9 * value, "{scale:?}: {back} for {value}");
            }
        }
        assert_eq!((ROOT.take(-0.05), Scale::Logarithm.take(0.0)), (None, None));
        assert_eq!(ROOT.back(-2.0), 0.0);
    }

    #[test]
    fn distributions_on_a_scale_are_those_of_values() {
        let plain = Normal { mean: 3.0, deviation: 2.0, scale: Scale::Plain };
        assert_eq!((plain.value_mean(), plain.value_deviation(), plain.at(-1.0)), (3.0, 2.0, 1.0));
        assert!((plain.nll(1.0) - crate::metric::gaussian_nll(&[1.0], &[3.0], &[2.0])).abs() < 1e-12);
        // Densities integrate to one, and to the mean and deviation that are said.
        for scale in [ROOT, Scale::Logarithm] {
            let normal = Normal { mean: 1.5, deviation: 0.3, scale };
            let moment = |f: &dyn Fn(f64) -> f64| -> f64 {
                (1..60_000).map(|i| f64::from(i) * 1e-3).map(|x| f(x) * (-normal.nll(x)).exp() * 1e-3).sum()
            };
            assert!((moment(&|_| 1.0) - 1.0).abs() < 1e-4, "{scale:?}");
            assert!((moment(&|x| x) - normal.value_mean()).abs() < 1e-3, "{scale:?}");
            let variance = moment(&|x| (x - normal.value_mean()).powi(2));
            assert!((variance.sqrt() - normal.value_deviation()).abs() < 1e-3, "{scale:?}");
        }
        assert_eq!(Normal { mean: 1.0, deviation: 1.0, scale: ROOT }.nll(-1.0), f64::INFINITY);
    }
}
