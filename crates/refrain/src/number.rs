//! Formatting of numbers.

/// Formats a count in decimal with a comma between groups of three digits.
///
/// ```
/// assert_eq!(refrain::thousands(1_115_394), "1,115,394");
/// ```
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn digits_are_grouped_in_threes_from_the_right() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (65_536, "65,536"), (1_115_394, "1,115,394")];
        for (count, expected) in cases {
            assert_eq!(thousands(count), expected);
        }
    }
}
