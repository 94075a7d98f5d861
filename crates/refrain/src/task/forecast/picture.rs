//! A picture of forecasts beside what came.

use super::ForecastEvaluation;
use crate::picture::{ACCENT, Chart, Figure, INK, Line, chart_figure};

/// Steps that are drawn at most: the last ones.
const MAX_STEPS: usize = 1_000;

impl ForecastEvaluation {
    /// The columns, one below the other: the truth, and what was said of each step right before it, with its
    /// interval; then the same as it was said `horizon` steps before.
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
        let place = ahead * columns + column;
        let line = |name: &str, colour, value: &dyn Fn(usize) -> f64| Line {
            name: name.to_owned(),
            colour,
            points: steps().map(|t| ((self.from + t) as f64, value(t))).collect(),
            ..Line::default()
        };
        let said = |t: usize| &self.forecasts[t - ahead];
        let forecast = match ahead {
            0 => "forecast, 1 step ahead".to_owned(),
            _ => format!("forecast, {} steps ahead", ahead + 1),
        };
        let forecast = Line {
            band: steps().map(|t| said(t).interval(place)).collect(),
            ..line(&forecast, ACCENT, &|t| said(t).point(place))
        };
        Chart {
            title: name.to_owned(),
            x_name: "step of the series".to_owned(),
            lines: vec![line("actual", INK, &|t| self.truths[t * columns + column]), forecast],
            ..Chart::default()
        }
    }
}
