//! Splits a text into training set and validation set.

use std::ops::Range;

use super::encoded::EncodedText;
use crate::{Error, Result};

/// Splits `length` tokens: the validation set is the last `valid_fraction` of the text. A text is continuous, so
/// that any other choice would put both neighbours of validation data into the training set.
///
/// Returns (training, validation); training has `floor(length * (1 - valid_fraction))` tokens. A fraction of 0
/// leaves validation empty.
///
/// # Errors
/// [`Error::Setting`] for a fraction outside 0 to 0.9, or NaN.
pub fn split(length: u64, valid_fraction: f64) -> Result<(Range<u64>, Range<u64>)> {
    if !(0.0..=0.9).contains(&valid_fraction) {
        let allowed = "a fraction from 0 to 0.9, such as 0.1";
        return Err(Error::out_of_range("valid_fraction", valid_fraction, allowed));
    }
    // 1 - 0.8 is slightly below 0.2 in binary; the correction keeps 10 tokens at 2 + 8.
    let train = (length as f64 * (1.0 - valid_fraction) + 1e-6) as u64;
    let train = train.min(length);
    Ok((0..train, train..length))
}

/// Like [`split`], but at the next start of a line, so that no line is in both sets.
///
/// # Errors
/// As [`split`], and as [`EncodedText::next_line_start`].
pub fn split_at_line(text: &EncodedText, valid_fraction: f64) -> Result<(Range<u64>, Range<u64>)> {
    let (train, valid) = split(text.len(), valid_fraction)?;
    let cut = text.next_line_start(train.end)?;
    Ok((0..cut, cut..valid.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Corpus, Source, Units, Vocabulary};

    #[test]
    fn validation_is_the_last_part() {
        assert_eq!(split(1_115_394, 0.1).unwrap(), (0..1_003_854, 1_003_854..1_115_394));
        assert_eq!(split(10, 0.8).unwrap(), (0..2, 2..10));
        assert_eq!(split(10, 0.0).unwrap(), (0..10, 10..10));
        assert_eq!(split(1, 0.1).unwrap(), (0..0, 0..1));
    }

    #[test]
    fn a_fraction_out_of_range_is_refused() {
        for fraction in [-0.1, 0.91, f64::NAN, f64::INFINITY] {
            let expected =
                format!("`valid_fraction` is {fraction}: give a fraction from 0 to 0.9, such as 0.1");
            assert_eq!(split(100, fraction).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn lines_are_not_split() {
        let corpus =
            Corpus::scan(vec![Source::memory("text", "one\ntwo\nthree\n")], Units::Char, false).unwrap();
        let vocabulary = Vocabulary::from_counts(Units::Char, corpus.counts(), 1, false).unwrap();
        let text = EncodedText::new(&corpus, vocabulary.into()).unwrap();
        assert_eq!(split_at_line(&text, 0.5).unwrap(), (0..8, 8..14));
        assert_eq!(split_at_line(&text, 0.4).unwrap(), (0..8, 8..14));
        assert_eq!(split_at_line(&text, 0.1).unwrap(), (0..14, 14..14));
        assert_eq!(split_at_line(&text, 0.0).unwrap(), (0..14, 14..14));
    }
}
