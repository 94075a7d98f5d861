//! Numbers as files write them.

use std::str::FromStr;

/// What stands for a value that nobody knows, in lower case.
const MISSING: [&str; 8] = ["", "?", "nan", "na", "n/a", "null", "none", "-"];

/// Whether `text` stands for a missing value.
pub(super) fn is_missing(text: &str) -> bool {
    MISSING.iter().any(|missing| text.trim().eq_ignore_ascii_case(missing))
}

/// Whether `text` is meant as a number, finite or not.
pub(super) fn is_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok()
}

/// The number that `text` writes; what is wrong with it, and what would help, if it is not a finite one.
pub(super) fn number<N: FromStr + Copy + Into<f64>>(text: &str) -> Result<N, String> {
    let text = text.trim();
    if is_missing(text) {
        return Err(format!("a value is missing (`{text}`): fill it in, or leave out what it belongs to"));
    }
    match text.parse::<N>() {
        Ok(value) if value.into().is_finite() => Ok(value),
        Ok(_) => Err(format!("`{}` is too large or infinite: clip it, or leave it out", excerpt(text))),
        Err(_) => Err(format!(
            "`{}` is not a number: numbers are written like -20.7, with a comma from one to the next",
            excerpt(text)
        )),
    }
}

/// As much of a field as a message can hold.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_pass() {
        assert_eq!(number::<f32>(" -1.5e2 "), Ok(-150.0));
        for (text, expected) in [
            ("", "a value is missing (``)"),
            ("?", "a value is missing (`?`)"),
            ("NaN", "a value is missing (`NaN`)"),
            ("1e39", "`1e39` is too large"),
            ("-inf", "`-inf` is too large or infinite"),
            ("20,7", "`20,7` is not a number"),
        ] {
            let message = number::<f32>(text).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
        assert_eq!(number::<f64>("1e39"), Ok(1e39));
        assert!(number::<f64>(&"é".repeat(999)).unwrap_err().len() < 200);
    }
}
