//! Metrics of numerical forecasts: means over pairs of a truth and its prediction. Extra elements of the longer slice are
//! ignored; the mean of no pairs is NaN.

use std::f64::consts::TAU;

use refrain_kernels::Real;

/// The root mean squared error, in the unit of the values.
pub fn rmse<R: Real>(truths: &[R], predictions: &[R]) -> f64 {
    mean(errors(truths, predictions).map(|error| error * error)).sqrt()
}

/// The mean absolute error, in the unit of the values.
pub fn mae<R: Real>(truths: &[R], predictions: &[R]) -> f64 {
    mean(errors(truths, predictions).map(f64::abs))
}

/// The mean pinball loss of predictions of the `quantile` (0..=1), in the unit of the values (Koenker and Bassett
/// 1978): `quantile` times the error if the truth is above, `1 - quantile` times the error if it is below.
pub fn pinball<R: Real>(truths: &[R], predictions: &[R], quantile: f64) -> f64 {
    let losses = errors(truths, predictions).map(|error| (quantile * error).max((quantile - 1.0) * error));
    mean(losses)
}

/// The mean negative log-density of truths under normal distributions of these means and standard deviations, in
/// nats. A deviation of 0 gives infinity, or NaN if truth and mean are equal.
pub fn gaussian_nll<R: Real>(truths: &[R], means: &[R], deviations: &[R]) -> f64 {
    let losses = errors(truths, means).zip(deviations).map(|(error, deviation)| {
        let deviation = deviation.as_f64();
        0.5 * (error / deviation).powi(2) + deviation.ln() + 0.5 * TAU.ln()
    });
    mean(losses)
}

fn errors<R: Real>(truths: &[R], predictions: &[R]) -> impl Iterator<Item = f64> {
    truths.iter().zip(predictions).map(|(truth, prediction)| truth.as_f64() - prediction.as_f64())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    sum / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTHS: [f64; 4] = [1.0, 2.0, 3.0, 4.0];
    const PREDICTIONS: [f64; 4] = [1.0, 4.0, 2.0, 3.0];

    #[test]
    fn each_metric_matches_its_formula() {
        assert_eq!(rmse(&TRUTHS, &PREDICTIONS), 1.5f64.sqrt());
        assert_eq!(mae(&TRUTHS, &PREDICTIONS), 1.0);
        assert!((pinball(&TRUTHS, &PREDICTIONS, 0.9) - (0.2 + 0.9 + 0.9) / 4.0).abs() < 1e-15);
        assert_eq!(pinball(&TRUTHS, &PREDICTIONS, 0.5), 0.5);
        let nll = gaussian_nll(&[1.0f32, 3.0], &[1.0, 1.0], &[1.0, 2.0]);
        assert!((nll - (TAU.ln() + 2f64.ln() + 0.5) / 2.0).abs() < 1e-15);
    }

    #[test]
    fn metrics_of_no_pairs_are_nan() {
        assert!(rmse::<f32>(&[], &[]).is_nan());
        assert!(gaussian_nll(&TRUTHS, &PREDICTIONS, &[]).is_nan());
    }
}
