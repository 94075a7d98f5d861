//! Scales of a column: plain, square roots or logarithms.
//!
//! Columns whose variation grows with their level are easier to forecast on another scale: logarithms turn exponential growth
//! into linear growth; square roots stabilise the variance of counts, which may be 0.

use serde::{Deserialize, Serialize};

/// Transformation of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scale {
    /// No transformation.
    Plain,
    /// Square roots of shifted values, so that the density at 0 is finite.
    Root {
        /// The shift.
        shift: f64,
    },
    /// Natural logarithms.
    Logarithm,
}

/// Correlation between level and change above which a column is transformed.
const MIN_LEVEL_CORRELATION: f64 = 0.25;
/// Shift under the root, relative to the column's mean.
const ROOT_SHIFT: f64 = 0.01;

impl Scale {
    /// The scale of a column: plain unless its changes grow with its level; then logarithms if all values are positive, roots
    /// if some are 0.
    pub(super) fn of(column: &[f64]) -> Self {
        if !column.iter().all(|&x| x >= 0.0) {
            return Scale::Plain;
        }
        let steps: Vec<f64> = column.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        let levels: Vec<f64> = column.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
        if correlation(&levels, &steps) <= MIN_LEVEL_CORRELATION {
            Scale::Plain
        } else if column.contains(&0.0) {
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            Scale::Root { shift: ROOT_SHIFT * mean }
        } else {
            Scale::Logarithm
        }
    }

    /// Transforms a value; `None` if it is not allowed.
    pub(super) fn transform(self, value: f64) -> Option<f64> {
        match self {
            Scale::Plain => Some(value),
            Scale::Root { shift } => (value >= 0.0).then(|| (value + shift).sqrt()),
            Scale::Logarithm => (value > 0.0).then(|| value.ln()),
        }
    }

    /// Inverse of [`Scale::transform`]; values below the range of the scale become 0.
    pub(super) fn inverse(self, transformed: f64) -> f64 {
        match self {
            Scale::Plain => transformed,
            Scale::Root { shift } => (transformed.max(0.0).powi(2) - shift).max(0.0),
            Scale::Logarithm => transformed.exp(),
        }
    }

    /// Whether the parameters are valid.
    pub(super) fn is_valid(self) -> bool {
        match self {
            Scale::Root { shift } => shift.is_finite() && shift > 0.0,
            Scale::Plain | Scale::Logarithm => true,
        }
    }

    /// Name of the transformation, and the values that it allows; `None` for plain.
    pub(super) fn names(self) -> Option<(&'static str, &'static str)> {
        match self {
            Scale::Plain => None,
            Scale::Root { .. } => Some(("square roots", "never negative")),
            Scale::Logarithm => Some(("logarithms", "always positive")),
        }
    }
}

/// A value that is normally distributed on its scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// Mean on the scale.
    pub mean: f64,
    /// Standard deviation on the scale.
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

    /// The value `deviations` standard deviations above the mean on the scale, in the unit of the series.
    pub fn at(&self, deviations: f64) -> f64 {
        self.scale.inverse(self.mean + deviations * self.deviation)
    }

    /// The negative log-density of a value in the unit of the series, in nats; infinite outside the range of the scale.
    pub fn nll(&self, value: f64) -> f64 {
        let Some(transformed) = self.scale.transform(value) else { return f64::INFINITY };
        // Logarithm of the derivative of the inverse transformation.
        let stretched = match self.scale {
            Scale::Plain => 0.0,
            Scale::Root { .. } => (2.0 * transformed).ln(),
            Scale::Logarithm => transformed,
        };
        let error = (transformed - self.mean) / self.deviation;
        0.5 * error * error + self.deviation.ln() + 0.5 * std::f64::consts::TAU.ln() + stretched
    }
}

/// Pearson correlation; 0 if one side is constant.
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
    fn scales_depend_on_how_variation_grows_with_level() {
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
    fn inverse_restores_values() {
        for scale in [Scale::Plain, ROOT, Scale::Logarithm] {
            for value in [0.25, 1.0, 300.0] {
                let back = scale.inverse(scale.transform(value).unwrap());
                assert!((back - value).abs() < 1e-9 * value, "{scale:?}: {back} for {value}");
            }
        }
        assert_eq!((ROOT.transform(-0.05), Scale::Logarithm.transform(0.0)), (None, None));
        assert_eq!(ROOT.inverse(-2.0), 0.0);
    }

    #[test]
    fn densities_and_moments_are_in_the_unit_of_the_series() {
        let plain = Normal { mean: 3.0, deviation: 2.0, scale: Scale::Plain };
        assert_eq!((plain.value_mean(), plain.value_deviation(), plain.at(-1.0)), (3.0, 2.0, 1.0));
        assert!((plain.nll(1.0) - crate::metric::gaussian_nll(&[1.0], &[3.0], &[2.0])).abs() < 1e-12);
        // Densities integrate to one, and to the mean and deviation.
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
