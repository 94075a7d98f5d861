//! A picture of forecasts and actual values.

use super::ForecastEvaluation;
use crate::picture::{ACCENT, Chart, Figure, INK, Line, chart_figure};

/// Maximum number of steps that are drawn: the last ones.
const MAX_STEPS: usize = 1_000;

impl ForecastEvaluation {
    /// One chart per column and lead time: the actual values, and the forecasts with intervals, 1 step ahead and `horizon`
    /// steps ahead.
    pub fn picture(&self, horizon: usize, columns: &[String]) -> Figure {
        let mut distances = vec![0, horizon.saturating_sub(1)];
        distances.dedup();
        let column = |(i, name): (usize, &String)| {
            distances.iter().map(|&ahead| self.chart((i, columns.len()), name, ahead)).collect::<Vec<_>>()
        };
        chart_figure(&columns.iter().enumerate().flat_map(column).collect::<Vec<_>>())
    }

    fn chart(&self, (column, columns): (usize, usize), name: &str, ahead: usize) -> Chart {
        let steps = || self.steps.saturating_sub(MAX_STEPS).max(ahead)..self.steps;
        let index = ahead * columns + column;
        let line = |name: &str, colour, value: &dyn Fn(usize) -> f64| Line {
            name: name.to_owned(),
            colour,
            points: steps().map(|t| ((self.from + t) as f64, value(t))).collect(),
            ..Line::default()
        };
        let forecast_at = |t: usize| &self.forecasts[t - ahead];
        let forecast = match ahead {
            0 => "forecast, 1 step ahead".to_owned(),
            _ => format!("forecast, {} steps ahead", ahead + 1),
        };
        let forecast = Line {
            band: steps().map(|t| forecast_at(t).interval(index)).collect(),
            ..line(&forecast, ACCENT, &|t| forecast_at(t).point(index))
        };
        Chart {
            title: name.to_owned(),
            x_name: "step of the series".to_owned(),
            lines: vec![line("actual", INK, &|t| self.truths[t * columns + column]), forecast],
            ..Chart::default()
        }
    }
}
