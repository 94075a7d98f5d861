//! Lines over an axis: losses over updates, forecasts over time, gradients over distance.

use super::figure::{Anchor, Colour, Figure};
use super::{Axis, INK, faint};

/// Pixels of a panel and of its margins.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const ABOVE: f64 = 28.0;
const BELOW: f64 = 40.0;
/// Approximate width of a letter.
const LETTER: f64 = 7.0;
const DOT: f32 = 3.0;

/// A line of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Name in the legend, next to the title.
    pub name: String,
    /// Of the line, its name and its band.
    pub colour: Colour,
    /// The points, from left to right; a value that is not finite interrupts the line.
    pub points: Vec<(f64, f64)>,
    /// Lower and upper edge of a shaded band at each point; or empty.
    pub band: Vec<(f64, f64)>,
    /// Whether points are drawn instead of a line.
    pub dots: bool,
}

/// Lines over the same axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// Above the chart.
    pub title: String,
    /// Label of the x axis.
    pub x_name: String,
    /// Whether the y axis is logarithmic.
    pub logarithmic: bool,
    /// Later lines are drawn above earlier ones.
    pub lines: Vec<Line>,
}

/// Charts, one below the other, legible on light and dark backgrounds.
pub fn chart_figure(charts: &[Chart]) -> Figure {
    let panel = ABOVE + HEIGHT + BELOW;
    let title = charts.first().map_or("", |chart| &chart.title);
    let mut figure = Figure::new(title, (LEFT + WIDTH + RIGHT) as f32, (panel * charts.len() as f64) as f32);
    for (i, chart) in charts.iter().enumerate() {
        chart.draw(&mut figure, panel * i as f64 + ABOVE);
    }
    figure
}

impl Chart {
    /// Minimum and maximum of the values that are finite and, if required, positive.
    fn extent(values: impl Iterator<Item = f64>, positive: bool) -> (f64, f64) {
        let there = values.filter(|x| x.is_finite() && (!positive || *x > 0.0));
        there.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)))
    }

    fn draw(&self, figure: &mut Figure, top: f64) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let edges = self.lines.iter().flat_map(|line| line.band.iter().flat_map(|&(low, high)| [low, high]));
        let across = Self::extent(points().map(|p| p.0), false);
        let upwards = Self::extent(points().map(|p| p.1).chain(edges), self.logarithmic);
        let (left, right, bottom) = (LEFT, LEFT + WIDTH, top + HEIGHT);
        let x = Axis::linear(across, (left, right));
        let y = if self.logarithmic { Axis::logarithmic } else { Axis::linear }(upwards, (bottom, top));
        for (value, name) in y.ticks(5) {
            let at = y.place(value) as f32;
            figure.line(vec![(left as f32, at), (right as f32, at)], faint(INK), 1.0);
            figure.text((left as f32 - 6.0, at + 4.0), name, Anchor::End, INK);
        }
        for (value, name) in x.ticks(10) {
            let at = x.place(value) as f32;
            figure.line(vec![(at, bottom as f32), (at, bottom as f32 + 4.0)], faint(INK), 1.0);
            figure.text((at, bottom as f32 + 17.0), name, Anchor::Middle, INK);
        }
        self.draw_names(figure, top);
        let drawn = |y_value: f64| y_value.is_finite() && (!self.logarithmic || y_value > 0.0);
        for line in &self.lines {
            let place = |x_value: f64, y_value: f64| (x.place(x_value) as f32, y.place(y_value) as f32);
            let band =
                || line.points.iter().zip(&line.band).filter(|(_, (low, high))| drawn(*low) && drawn(*high));
            let upper = band().map(|(p, &(_, high))| place(p.0, high));
            let lower: Vec<_> = band().map(|(p, &(low, _))| place(p.0, low)).collect();
            figure.area(upper.chain(lower.into_iter().rev()).collect(), faint(line.colour));
            if line.dots {
                for (x, y) in line.points.iter().filter(|p| drawn(p.1)).map(|p| place(p.0, p.1)) {
                    figure.rectangle([x - DOT / 2.0, y - DOT / 2.0, DOT, DOT], line.colour);
                }
                continue;
            }
            for stretch in line.points.split(|p| !drawn(p.1)) {
                figure.line(stretch.iter().map(|p| place(p.0, p.1)).collect(), line.colour, 1.5);
            }
        }
    }

    /// The title, the names of the lines in their colours, and the label of the axis.
    fn draw_names(&self, figure: &mut Figure, top: f64) {
        let (mut x, y) = (LEFT, (top - 10.0) as f32);
        let lines = self.lines.iter().filter(|line| !line.name.is_empty());
        let lines = lines.map(|line| (format!("\u{2014} {}", line.name), line.colour));
        for (name, colour) in [(self.title.clone(), INK)].into_iter().chain(lines) {
            let length = name.chars().count() as f64;
            figure.text((x as f32, y), name, Anchor::Start, colour);
            x += LETTER * length + 20.0;
        }
        let below = ((LEFT + WIDTH / 2.0) as f32, (top + HEIGHT + 34.0) as f32);
        figure.text(below, &*self.x_name, Anchor::Middle, INK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, f64)]) -> Line {
        Line {
            name: "a <b>".to_owned(),
            colour: [255, 0, 0, 255],
            points: points.to_vec(),
            ..Line::default()
        }
    }

    #[test]
    fn gaps_interrupt_lines_and_names_are_escaped() {
        let lines = vec![line(&[(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 1.5), (4.0, 0.5)])];
        let chart = Chart { title: "loss & more".to_owned(), lines, ..Chart::default() };
        let svg = chart_figure(&[chart]).svg();
        assert_eq!(svg.matches("stroke=\"#ff0000\"").count(), 2);
        assert!(svg.contains("loss &amp; more") && svg.contains("\u{2014} a &lt;b&gt;"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn empty_charts_and_logarithms_of_zero_can_be_drawn() {
        for logarithmic in [false, true] {
            for points in [vec![], vec![(0.0, 0.0)], vec![(0.0, 0.0), (1.0, 1e-30)]] {
                let svg =
                    chart_figure(&[Chart { logarithmic, lines: vec![line(&points)], ..Chart::default() }])
                        .svg();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
