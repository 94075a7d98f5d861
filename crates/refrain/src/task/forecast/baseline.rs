//! Baseline forecasts without a network.

use serde::{Deserialize, Serialize};

/// `x[t] = constant + sum of weights[k] x[t - 1 - k]`, fitted by least squares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Autoregression {
    /// `[p]`, the weight of the latest value first.
    pub weights: Vec<f64>,
    /// Constant term.
    pub constant: f64,
}

/// Forecasts of a series from its past values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline<'a> {
    /// Repeats the last value.
    LastValue,
    /// Repeats the values of the last season.
    SeasonalNaive(usize),
    /// See [`Autoregression`]; forecasts replace values that are not known yet.
    Autoregression(&'a Autoregression),
}

impl Baseline<'_> {
    /// Name for users.
    pub fn name(&self) -> String {
        match self {
            Baseline::LastValue => "last value".to_owned(),
            Baseline::SeasonalNaive(season) => format!("seasonal ({season})"),
            Baseline::Autoregression(ar) => format!("AR({})", ar.weights.len()),
        }
    }

    /// Name in JSON.
    pub fn key(&self) -> &'static str {
        match self {
            Baseline::LastValue => "last_value",
            Baseline::SeasonalNaive(_) => "seasonal_naive",
            Baseline::Autoregression(_) => "autoregression",
        }
    }

    /// Number of past values that are used.
    pub fn reach(&self) -> usize {
        match self {
            Baseline::LastValue => 1,
            Baseline::SeasonalNaive(season) => *season,
            Baseline::Autoregression(ar) => ar.weights.len(),
        }
    }

    /// The next `horizon` values after a `past` of at least [`Baseline::reach`].
    pub fn forecast(&self, past: &[f64], horizon: usize) -> Vec<f64> {
        let mut values = past[past.len() - self.reach()..].to_vec();
        let known = values.len();
        for _ in 0..horizon {
            let back = |k: usize| values[values.len() - 1 - k];
            values.push(match self {
                Baseline::LastValue => back(0),
                Baseline::SeasonalNaive(season) => back(season - 1),
                Baseline::Autoregression(ar) => {
                    let parts = ar.weights.iter().enumerate().map(|(k, weight)| weight * back(k));
                    ar.constant + parts.sum::<f64>()
                }
            });
        }
        values.split_off(known)
    }
}

impl Autoregression {
    /// The best order by Akaike's criterion: about one or two seasons, without a season up to 24. `None` if the series is too
    /// short.
    pub(super) fn choose(series: &[f64], season: Option<usize>) -> Option<Self> {
        let orders = match season {
            Some(season) => vec![season, season + 1, 2 * season],
            None => vec![1, 2, 4, 8, 12, 24],
        };
        // At most a quarter as many weights as values, against overfitting.
        let max_order = (series.len() / 4).min(MAX_WEIGHTS);
        let mut orders: Vec<usize> = orders.into_iter().filter(|&order| order <= max_order).collect();
        if orders.is_empty() && max_order > 0 {
            orders.push(max_order.min(24));
        }
        // All orders are compared on the same steps.
        let first = orders.iter().copied().max()?;
        let scored = |order| {
            let ar = Self::fit(series, order)?;
            let errors = (first..series.len()).map(|t| {
                let error = series[t] - Baseline::Autoregression(&ar).forecast(&series[..t], 1)[0];
                error * error
            });
            let count = (series.len() - first) as f64;
            let mean = (errors.sum::<f64>() / count).max(f64::MIN_POSITIVE);
            Some((count * mean.ln() + 2.0 * order as f64, ar))
        };
        let scored = orders.into_iter().filter_map(scored);
        scored.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, ar)| ar)
    }

    /// The least-squares fit with `order` weights; `None` if there are fewer equations than unknowns.
    pub(super) fn fit(series: &[f64], order: usize) -> Option<Self> {
        if series.len() < 2 * order + 1 {
            return None;
        }
        // Centring improves the conditioning; the constant follows from the mean.
        let mean = series.iter().sum::<f64>() / series.len() as f64;
        let series: Vec<f64> = series.iter().map(|x| x - mean).collect();
        let size = order + 1;
        let (mut normal, mut right) = (vec![0.0; size * size], vec![0.0; size]);
        let mut row = vec![1.0; size];
        for t in order..series.len() {
            (0..order).for_each(|k| row[k] = series[t - 1 - k]);
            for (i, &x) in row.iter().enumerate() {
                right[i] += x * series[t];
                let sums = &mut normal[i * size..][..=i];
                sums.iter_mut().zip(&row).for_each(|(sum, y)| *sum += x * y);
            }
        }
        let trace: f64 = (0..size).map(|i| normal[i * size + i]).sum();
        (0..size).for_each(|i| normal[i * size + i] += RIDGE * trace / size as f64);
        let mut weights = solve(normal, right)?;
        let constant = weights.pop()? + mean * (1.0 - weights.iter().sum::<f64>());
        Some(Self { weights, constant })
    }
}

/// The normal equations of more weights would take longer than the network.
const MAX_WEIGHTS: usize = 1_000;
/// Added to the diagonal, relative to its mean: series of few different values have singular equations.
const RIDGE: f64 = 1e-9;

/// Solves `a x = b` for a symmetric positive definite `a`, whose lower triangle is read (Cholesky).
fn solve(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let rest = a[i * n + j] - sum;
            a[i * n + j] = if i == j { rest.sqrt() } else { rest / a[j * n + j] };
        }
        // Not positive definite: the root of a negative number is not a number.
        if a[i * n + i].is_nan() || a[i * n + i] <= 0.0 {
            return None;
        }
    }
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naive_forecasts_repeat_past_values() {
        let past = [9.0, 1.0, 2.0, 3.0];
        assert_eq!(Baseline::LastValue.forecast(&past, 2), [3.0, 3.0]);
        assert_eq!(Baseline::SeasonalNaive(3).forecast(&past, 5), [1.0, 2.0, 3.0, 1.0, 2.0]);
        let ar = Autoregression { weights: vec![0.5, -1.0], constant: 2.0 };
        // 2 + 1.5 - 2, then 2 + 0.75 - 3.
        assert_eq!(Baseline::Autoregression(&ar).forecast(&past, 2), [1.5, -0.25]);
    }

    #[test]
    fn least_squares_recover_the_coefficients_of_a_series() {
        let mut series = vec![1.0, 0.4];
        for t in 2..60 {
            let noise = ((t * t) as f64).sin();
            series.push(0.7 + 1.1 * series[t - 1] - 0.6 * series[t - 2] + 1e-7 * noise);
        }
        let ar = Autoregression::fit(&series, 2).unwrap();
        assert!((ar.weights[0] - 1.1).abs() < 1e-4 && (ar.weights[1] + 0.6).abs() < 1e-4, "{ar:?}");
        assert!((ar.constant - 0.7).abs() < 1e-4, "{ar:?}");
    }

    #[test]
    fn least_squares_match_a_fit_by_hand() {
        // Pairs (1, 2), (2, 4), (4, 5):
        // mean x 7/3, mean x' 11/3, slope = sum(xy) - n mx my over sum(xx) - n mx mx = (30 - 77/3) / (21 - 49/3).
        let ar = Autoregression::fit(&[1.0, 2.0, 4.0, 5.0], 1).unwrap();
        let slope = (30.0 - 77.0 / 3.0) / (21.0 - 49.0 / 3.0);
        assert!((ar.weights[0] - slope).abs() < 1e-6, "{ar:?} {slope}");
        assert!((ar.constant - (11.0 - 7.0 * slope) / 3.0).abs() < 1e-6, "{ar:?}");
    }

    #[test]
    fn series_that_cannot_be_fitted_give_no_autoregression() {
        assert_eq!(Autoregression::fit(&[1.0, 2.0], 1), None);
        assert!(Autoregression::choose(&[1.0], None).is_none());
        let flat = Autoregression::choose(&[2.0; 40], Some(4));
        assert!(flat.is_none_or(|ar| Baseline::Autoregression(&ar).forecast(&[2.0; 9], 1)[0].is_finite()));
    }
}
