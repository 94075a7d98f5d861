//! Length of the season of a series.

/// Minimum autocorrelation of a season.
const MIN_AUTOCORRELATION: f64 = 0.2;

/// The lag of the highest autocorrelation of `values`, `[T, columns]`, after the first lag at which it is not positive; `None`
/// if it is not above [`MIN_AUTOCORRELATION`]. Linear trends are removed first, and the autocorrelations of the columns are
/// averaged. Lags go up to a third of the series.
pub(super) fn find_season(values: &[f64], columns: usize) -> Option<usize> {
    let steps = values.len() / columns.max(1);
    let max_lag = steps / 3;
    let mut correlations = vec![0.0; max_lag + 1];
    for column in 0..columns {
        let series: Vec<f64> = values.iter().skip(column).step_by(columns).copied().collect();
        let series = without_line(&series);
        let variance: f64 = series.iter().map(|x| x * x).sum();
        if variance <= 0.0 {
            continue;
        }
        for (lag, correlation) in correlations.iter_mut().enumerate() {
            let products: f64 = series.iter().zip(&series[lag..]).map(|(a, b)| a * b).sum();
            *correlation += products / variance / columns as f64;
        }
    }
    let first = correlations.iter().position(|&correlation| correlation <= 0.0)?;
    let best = (first..=max_lag).max_by(|&a, &b| correlations[a].total_cmp(&correlations[b]))?;
    (best > 1 && correlations[best] > MIN_AUTOCORRELATION).then_some(best)
}

/// A series without its mean and linear trend.
fn without_line(series: &[f64]) -> Vec<f64> {
    let middle = (series.len() as f64 - 1.0) / 2.0;
    let mean = series.iter().sum::<f64>() / series.len() as f64;
    let times = || (0..series.len()).map(|t| t as f64 - middle);
    let spread: f64 = times().map(|t| t * t).sum();
    let rise: f64 = times().zip(series).map(|(t, x)| t * (x - mean)).sum();
    let slope = if spread > 0.0 { rise / spread } else { 0.0 };
    times().zip(series).map(|(t, x)| x - mean - slope * t).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_found_under_a_trend() {
        let series: Vec<f64> = (0..120)
            .map(|t| f64::from(t) * 0.3 + (f64::from(t) * std::f64::consts::TAU / 12.0).sin())
            .collect();
        assert_eq!(find_season(&series, 1), Some(12));
        let doubled: Vec<f64> = series.iter().flat_map(|&x| [x, -2.0 * x]).collect();
        assert_eq!(find_season(&doubled, 2), Some(12));
    }

    #[test]
    fn series_without_repetition_have_no_season() {
        assert_eq!(find_season(&[], 1), None);
        assert_eq!(find_season(&[1.0], 1), None);
        assert_eq!(find_season(&[3.0; 50], 1), None);
        assert_eq!(find_season(&(0..60).map(f64::from).collect::<Vec<_>>(), 1), None);
        let mut state = 1_u32;
        let noise = (0..400).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8)
        });
        assert_eq!(find_season(&noise.collect::<Vec<_>>(), 1), None);
    }
}
