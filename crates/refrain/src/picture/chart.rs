//! Lines over an axis: losses over updates, forecasts over time, gradients over distance.

use std::fmt::Write;

use super::{Axis, INK, escaped};

/// Pixels of a panel and of its margins.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const ABOVE: f64 = 28.0;
const BELOW: f64 = 40.0;

/// A line, and what it is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Named beside the title.
    pub name: String,
    /// As CSS has it.
    pub colour: &'static str,
    /// The points, from left to right; a value that is not finite interrupts the line.
    pub points: Vec<(f64, f64)>,
    /// A shaded band around it, its lower and upper edge at each point; or empty.
    pub band: Vec<(f64, f64)>,
}

/// Lines over the same axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// Above the chart.
    pub title: String,
    /// What is to the right.
    pub x_name: String,
    /// What is upwards.
    pub y_name: String,
    /// Whether equal ratios are equally high.
    pub logarithmic: bool,
    /// Those drawn last lie above the others.
    pub lines: Vec<Line>,
}

/// An SVG of charts, one below the other, legible on light and dark ground.
pub fn chart_picture(charts: &[Chart]) -> String {
    let panel = ABOVE + HEIGHT + BELOW;
    let (width, height) = (LEFT + WIDTH + RIGHT, panel * charts.len() as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n"
    );
    for (i, chart) in charts.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = chart.write_svg(&mut svg, panel * i as f64 + ABOVE);
    }
    svg.push_str("</svg>\n");
    svg
}

impl Chart {
    /// From the least to the most of some values, if they are finite and have a place on the axis.
    fn extent(values: impl Iterator<Item = f64>, positive: bool) -> (f64, f64) {
        let there = values.filter(|x| x.is_finite() && (!positive || *x > 0.0));
        there.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)))
    }

    fn write_svg(&self, svg: &mut String, top: f64) -> std::fmt::Result {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let edges = self.lines.iter().flat_map(|line| line.band.iter().flat_map(|&(low, high)| [low, high]));
        let across = Self::extent(points().map(|p| p.0), false);
        let upwards = Self::extent(points().map(|p| p.1).chain(edges), self.logarithmic);
        let (left, right, bottom) = (LEFT, LEFT + WIDTH, top + HEIGHT);
        let x = Axis::linear(across, (left, right));
        let y = if self.logarithmic { Axis::logarithmic } else { Axis::linear }(upwards, (bottom, top));
        let mut grid = String::new();
        for (value, name) in y.ticks(5) {
            let at = y.place(value);
            write!(grid, "M{left} {at:.1}H{right}")?;
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                left - 6.0,
                at + 4.0
            )?;
        }
        for (value, name) in x.ticks(10) {
            let at = x.place(value);
            write!(grid, "M{at:.1} {bottom}v4")?;
            writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
                bottom + 17.0
            )?;
        }
        writeln!(svg, "<path d=\"{grid}\" stroke=\"{INK}\" stroke-opacity=\".35\"/>")?;
        self.write_names(svg, top)?;
        for line in &self.lines {
            let place =
                |x_value: f64, y_value: f64| format!("{:.1},{:.1} ", x.place(x_value), y.place(y_value));
            let band = || line.points.iter().zip(&line.band);
            let upper = band().map(|(p, &(_, high))| place(p.0, high));
            let outline: String = upper.chain(band().rev().map(|(p, &(low, _))| place(p.0, low))).collect();
            if !outline.is_empty() {
                let points = outline.trim_end();
                writeln!(svg, "<polygon points=\"{points}\" fill=\"{}\" fill-opacity=\".2\"/>", line.colour)?;
            }
            let drawn = |p: &(f64, f64)| p.1.is_finite() && (!self.logarithmic || p.1 > 0.0);
            for stretch in line.points.split(|p| !drawn(p)).filter(|stretch| !stretch.is_empty()) {
                let points: String = stretch.iter().map(|p| place(p.0, p.1)).collect();
                writeln!(
                    svg,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" stroke-linejoin=\"round\"/>",
                    points.trim_end(),
                    line.colour
                )?;
            }
        }
        Ok(())
    }

    /// Title, names of the axes, and of the lines in their colours.
    fn write_names(&self, svg: &mut String, top: f64) -> std::fmt::Result {
        let title = [&self.title, &self.y_name].map(|name| escaped(name));
        let title = title.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ");
        write!(svg, "<text x=\"{LEFT}\" y=\"{}\">{title}", top - 10.0)?;
        for line in self.lines.iter().filter(|line| !line.name.is_empty()) {
            write!(svg, "<tspan dx=\"16\" fill=\"{}\">— {}</tspan>", line.colour, escaped(&line.name))?;
        }
        writeln!(svg, "</text>")?;
        let (middle, below) = (LEFT + WIDTH / 2.0, top + HEIGHT + 34.0);
        writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
            escaped(&self.x_name)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, f64)]) -> Line {
        Line { name: "a <b>".to_owned(), colour: "red", points: points.to_vec(), band: vec![] }
    }

    #[test]
    fn gaps_interrupt_lines_and_names_are_escaped() {
        let lines = vec![line(&[(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 1.5), (4.0, 0.5)])];
        let svg = chart_picture(&[Chart { title: "loss & more".to_owned(), lines, ..Chart::default() }]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("loss &amp; more") && svg.contains("— a &lt;b&gt;"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn a_chart_of_nothing_and_a_logarithm_of_zero_can_be_drawn() {
        for logarithmic in [false, true] {
            for points in [vec![], vec![(0.0, 0.0)], vec![(0.0, 0.0), (1.0, 1e-30)]] {
                let svg =
                    chart_picture(&[Chart { logarithmic, lines: vec![line(&points)], ..Chart::default() }]);
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
