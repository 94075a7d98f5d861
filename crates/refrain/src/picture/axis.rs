//! Axes: from values to pixels, and ticks.

/// An axis of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    values: (f64, f64),
    pixels: (f64, f64),
    logarithmic: bool,
}

impl Axis {
    /// Maps `values` (minimum, maximum) linearly to `pixels`.
    pub fn linear(values: (f64, f64), pixels: (f64, f64)) -> Self {
        Self { values: widened(values), pixels, logarithmic: false }
    }

    /// Maps `values` logarithmically to `pixels`. Values that are not positive are outside.
    pub fn logarithmic((min, max): (f64, f64), pixels: (f64, f64)) -> Self {
        let values = match (min.log10(), max.log10()) {
            (low, high) if low < high => (low, high),
            (low, high) if low == high && low.is_finite() => (low - 0.5, high + 0.5),
            // There are no positive values.
            _ => (0.0, 1.0),
        };
        Self { values, pixels, logarithmic: true }
    }

    /// The position of a value in pixels.
    pub fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let ((min, max), (from, to)) = (self.values, self.pixels);
        from + (value - min) / (max - min) * (to - from)
    }

    /// About `count` round values within the axis, in increasing order, each with its label.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let (min, max) = self.values;
        let step = round_step((max - min) / count.max(1) as f64);
        if self.logarithmic {
            // Whole powers of ten, if there are at least two.
            let step = step.max(1.0).round();
            let powers: Vec<_> = multiples((min, max), step).map(|p| (10.0_f64.powf(p), power(p))).collect();
            if powers.len() > 1 {
                return powers;
            }
            let values = (10.0_f64.powf(min), 10.0_f64.powf(max));
            return Self { values, logarithmic: false, ..*self }.ticks(count);
        }
        let digits = (-step.log10().floor()).max(0.0) as usize;
        multiples((min, max), step).map(|x| (x, decimal(x, digits))).collect()
    }
}

/// The range, widened if it is empty.
fn widened((min, max): (f64, f64)) -> (f64, f64) {
    match max - min {
        width if width > 0.0 && width.is_finite() => (min, max),
        0.0 => {
            let margin = (0.1 * min.abs()).max(0.5);
            (min - margin, min + margin)
        }
        _ => (0.0, 1.0),
    }
}

/// 1, 2 or 5 times a power of ten, and at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10.0_f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| round * power >= step * 0.999_999);
    round.unwrap_or(10.0) * power
}

fn multiples((min, max): (f64, f64), step: f64) -> impl Iterator<Item = f64> {
    // Includes values on the edge despite rounding.
    let (first, last) = ((min / step - 1e-9).ceil(), (max / step + 1e-9).floor());
    (0..=(last - first).max(-1.0) as i64)
        .filter(move |_| last >= first)
        .map(move |i| (first + i as f64) * step)
}

fn decimal(x: f64, digits: usize) -> String {
    let x = if x == 0.0 { 0.0 } else { x };
    match x.abs() {
        size if size >= 1e7 || digits > 6 => format!("{x:.1e}"),
        _ => format!("{x:.digits$}").replace('-', "\u{2212}"),
    }
}

/// A power of ten with a superscript exponent.
fn power(exponent: f64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |c: char| c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]);
    match exponent as i64 {
        0 => "1".to_owned(),
        1 => "10".to_owned(),
        exponent => format!("10{}", exponent.to_string().chars().map(raised).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis, count: usize) -> Vec<String> {
        axis.ticks(count).into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        assert_eq!(
            names(&Axis::linear((0.0, 1.0), (0.0, 100.0)), 5),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(names(&Axis::linear((301.3, 567.6), (0.0, 100.0)), 4), ["400", "500"]);
        assert_eq!(names(&Axis::linear((-3.0, 4.0), (0.0, 100.0)), 4), ["−2", "0", "2", "4"]);
        assert_eq!(names(&Axis::linear((0.0, 2e8), (0.0, 100.0)), 2), ["0", "1.0e8", "2.0e8"]);
    }

    #[test]
    fn powers_of_ten_are_equally_spaced() {
        let axis = Axis::logarithmic((1e-6, 10.0), (0.0, 70.0));
        assert_eq!(names(&axis, 7), ["10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "1", "10"]);
        assert!((axis.place(1e-3) - 30.0).abs() < 1e-9);
        assert_eq!(names(&Axis::logarithmic((2.0, 8.0), (0.0, 1.0)), 4), ["2", "4", "6", "8"]);
    }

    #[test]
    fn an_axis_of_one_value_or_none_gives_finite_positions() {
        assert_eq!(Axis::linear((3.0, 3.0), (0.0, 10.0)).place(3.0), 5.0);
        assert!(Axis::linear((f64::MAX, f64::MIN), (0.0, 10.0)).place(0.5).is_finite());
        assert!(Axis::logarithmic((0.0, 0.0), (0.0, 10.0)).place(0.0).is_finite());
    }
}
