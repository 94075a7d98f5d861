//! The range of a number.

use std::fmt;

use crate::error::{Error, Result};

/// The numbers that an option takes: all finite ones between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    min: f64,
    max: f64,
    /// Whether the lower bound itself is excluded.
    above_min: bool,
    /// Whether the upper bound itself is excluded.
    below_max: bool,
}

impl Range {
    /// Any number.
    pub const ANY: Range = Range::between(f64::NEG_INFINITY, f64::INFINITY);
    /// A fraction that may be 0 and not 1.
    pub const FRACTION: Range = Range { below_max: true, ..Range::between(0.0, 1.0) };
    /// Any number above 0.
    pub const POSITIVE: Range = Range { above_min: true, ..Range::at_least(0.0) };
    /// A fraction that is neither 0 nor 1.
    pub const OPEN_FRACTION: Range = Range { above_min: true, ..Range::FRACTION };

    /// A probability above 0.
    pub const PROBABILITY: Range = Range { above_min: true, ..Range::between(0.0, 1.0) };

    /// From `min` on.
    pub const fn at_least(min: f64) -> Range {
        Range::between(min, f64::INFINITY)
    }

    /// From `min` to `max`, both included.
    pub const fn between(min: f64, max: f64) -> Range {
        Range { min, max, above_min: false, below_max: false }
    }

    /// Whether a number is in the range. Infinities and NaN never are.
    pub fn contains(&self, number: f64) -> bool {
        let low = if self.above_min { number > self.min } else { number >= self.min };
        let high = if self.below_max { number < self.max } else { number <= self.max };
        number.is_finite() && low && high
    }

    /// Refuses a number outside the range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the range.
    pub fn check(&self, setting: &'static str, number: f64) -> Result<()> {
        match self.contains(number) {
            true => Ok(()),
            false => Err(Error::out_of_range(setting, number, self.to_string())),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { min, max, above_min, below_max } = *self;
        let (above, below) = (
            if above_min { "a number above" } else { "at least" },
            if below_max { "below" } else { "at most" },
        );
        match (min.is_finite(), max.is_finite()) {
            (false, false) => write!(f, "a number"),
            (true, false) => write!(f, "{above} {min}"),
            (false, true) => write!(f, "{below} {max}"),
            (true, true) if above_min || below_max => write!(f, "{above} {min} and {below} {max}"),
            (true, true) => write!(f, "{min} to {max}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_print_and_check_their_bounds() {
        for (range, text, inside, outside) in [
            (Range::at_least(1.0), "at least 1", [1.0, 1e9], [0.0, f64::INFINITY]),
            (Range::between(1.0, 65_536.0), "1 to 65536", [1.0, 65_536.0], [0.0, 65_537.0]),
            (Range::FRACTION, "at least 0 and below 1", [0.0, 0.99], [1.0, -0.1]),
            (Range::OPEN_FRACTION, "a number above 0 and below 1", [0.1, 0.99], [1.0, 0.0]),
            (Range::POSITIVE, "a number above 0", [1e-9, 3.0], [0.0, f64::NAN]),
            (Range::ANY, "a number", [-1.0, 1.0], [f64::NAN, f64::INFINITY]),
        ] {
            assert_eq!(range.to_string(), text);
            assert!(inside.iter().all(|number| range.contains(*number)), "{text}");
            assert!(!outside.iter().any(|number| range.contains(*number)), "{text}");
        }
        let error = Range::FRACTION.check("dropout", 1.0).unwrap_err();
        assert_eq!(error.to_string(), "`dropout` is 1: give at least 0 and below 1");
    }
}
