//! Parses the numbers of data files.

use std::str::FromStr;

use crate::InputProblem;

/// Representations of a missing value, in lower case.
const MISSING: [&str; 8] = ["", "?", "nan", "na", "n/a", "null", "none", "-"];

/// Whether `text` represents a missing value.
pub(super) fn is_missing(text: &str) -> bool {
    MISSING.iter().any(|missing| text.trim().eq_ignore_ascii_case(missing))
}

/// Whether `text` is a number, finite or not.
pub(super) fn is_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok()
}

/// Parses a finite number; otherwise returns the problem, with `hint` as a further remedy if `text` is not a
/// number.
pub(super) fn number<N: FromStr + Copy + Into<f64>>(
    text: &str,
    hint: &'static str,
) -> Result<N, InputProblem> {
    let value = text.trim();
    if is_missing(value) {
        return Err(InputProblem::MissingValue { value: value.to_owned() });
    }
    match value.parse::<N>() {
        Ok(number) if number.into().is_finite() => Ok(number),
        Ok(_) => Err(InputProblem::NonFinite { value: value.to_owned() }),
        Err(_) => Err(InputProblem::NotANumber { value: value.to_owned(), hint }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_are_accepted() {
        assert_eq!(number::<f32>(" -1.5e2 ", ""), Ok(-150.0));
        for (text, expected) in [
            ("", "a value is missing (\"\")"),
            ("?", "a value is missing (\"?\")"),
            ("NaN", "a value is missing (\"NaN\")"),
            ("1e39", "\"1e39\" is too large"),
            ("-inf", "\"-inf\" is too large or infinite"),
            ("20,7", "\"20,7\" is not a number"),
        ] {
            let message = number::<f32>(text, "").unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
        assert_eq!(number::<f64>("1e39", ""), Ok(1e39));
        assert!(number::<f64>(&"é".repeat(999), "").unwrap_err().to_string().len() < 200);
    }
}
