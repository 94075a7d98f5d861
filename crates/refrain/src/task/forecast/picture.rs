//! A picture of forecasts beside what came.

use std::fmt::Write as _;

use super::ForecastEvaluation;

/// Pixels of a panel, and of its margins.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 60.0;
const ABOVE: f64 = 24.0;
/// Steps that are drawn at most: the last ones.
const MOST_STEPS: usize = 1_000;

impl ForecastEvaluation {
    /// An SVG of the columns, one below the other: the truth as a dark line, and in colour what was said of each step
    /// `ahead` steps before it (0 for the step right before), with its interval.
    pub fn picture(&self, ahead: usize, columns: &[String]) -> String {
        let height = (HEIGHT + ABOVE) * columns.len() as f64 + ABOVE;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"12\" \
             fill=\"none\">\n",
            LEFT + WIDTH + 10.0
        );
        for (column, name) in columns.iter().enumerate() {
            let top = ABOVE + (HEIGHT + ABOVE) * column as f64;
            // Writing to a string cannot fail.
            let _ = self.panel(&mut svg, (column, columns.len()), name, ahead, top);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn panel(
        &self,
        svg: &mut String,
        (column, columns): (usize, usize),
        name: &str,
        ahead: usize,
        top: f64,
    ) -> std::fmt::Result {
        let first = self.steps.saturating_sub(MOST_STEPS).max(ahead);
        let steps = first..self.steps;
        let place = ahead * columns + column;
        let truth = |t: usize| self.truths[t * columns + column];
        let said = |t: usize| &self.forecasts[t - ahead];
        let drawn =
            || steps.clone().flat_map(|t| [truth(t), said(t).interval(place).0, said(t).interval(place).1]);
        let (least, most) = drawn().fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
        let unit = if most > least { HEIGHT / (most - least) } else { 1.0 };
        let pace = WIDTH / steps.len().saturating_sub(1).max(1) as f64;
        let point = |t: usize, value: f64| {
            format!("{:.1},{:.1} ", LEFT + pace * (t - first) as f64, top + (most - value) * unit)
        };
        let line =
            |value: &dyn Fn(usize) -> f64| steps.clone().map(|t| point(t, value(t))).collect::<String>();
        let below: String = steps.clone().rev().map(|t| point(t, said(t).interval(place).0)).collect();
        let band = line(&|t| said(t).interval(place).1) + &below;
        let escaped = name.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\" fill=\"#7a828c\">{escaped}</text>", top - 8.0)?;
        for (value, y) in [(most, top + 10.0), (least, top + HEIGHT)] {
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{y}\" fill=\"#7a828c\" text-anchor=\"end\">{value:.4}</text>",
                LEFT - 6.0
            )?;
        }
        writeln!(svg, "<polygon points=\"{}\" fill=\"#e0703a\" fill-opacity=\".2\"/>", band.trim_end())?;
        let forecast = line(&|t| said(t).point(place));
        for (points, colour) in [(line(&truth), "#7a828c"), (forecast, "#e0703a")] {
            writeln!(
                svg,
                "<polyline points=\"{}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
                points.trim_end()
            )?;
        }
        Ok(())
    }
}
