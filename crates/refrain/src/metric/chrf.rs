//! chrF2: overlap of character n-grams between a translation and its reference (Popović 2015).

use super::ngrams::{is_space, matches, ngrams};

/// Maximum n of the n-grams.
const ORDER: usize = 6;
/// Weight of recall relative to precision.
const BETA: f64 = 2.0;

/// Corpus chrF2 as sacreBLEU's `CHRF()`: case-sensitive, without white space, without word n-grams; the mean leaves out
/// orders too long for the text.
///
/// Of several references each prediction is compared with the one of the highest score, the first of equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chrf {
    orders: [Counts; ORDER],
}

/// N-grams of one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    predicted: u64,
    reference: u64,
    matched: u64,
}

impl Chrf {
    /// Adds one sentence. Without references the score does not change.
    pub fn add(&mut self, references: &[impl AsRef<str>], predicted: &str) {
        let predicted = characters(predicted);
        let mut best: Option<(f64, Chrf)> = None;
        for reference in references {
            let one = Chrf::of(&characters(reference.as_ref()), &predicted);
            let score = one.score();
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, one));
            }
        }
        let Some((_, best)) = best else { return };
        for (sum, counts) in self.orders.iter_mut().zip(best.orders) {
            sum.predicted += counts.predicted;
            sum.reference += counts.reference;
            sum.matched += counts.matched;
        }
    }

    fn of(reference: &[char], predicted: &[char]) -> Self {
        let count = |text: &[char], order| (text.len() + 1).saturating_sub(order) as u64;
        Self {
            orders: std::array::from_fn(|index| {
                let order = index + 1;
                let of_reference = count(reference, order);
                Counts {
                    // Orders that the reference is too short for do not count.
                    predicted: if of_reference > 0 { count(predicted, order) } else { 0 },
                    reference: of_reference,
                    matched: matches(&ngrams(predicted, order), &ngrams(reference, order)),
                }
            }),
        }
    }

    /// The score so far, 0..=100.
    pub fn score(&self) -> f64 {
        let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0u64);
        for counts in self.orders.iter().filter(|counts| counts.predicted > 0 && counts.reference > 0) {
            precision += counts.matched as f64 / counts.predicted as f64;
            recall += counts.matched as f64 / counts.reference as f64;
            orders += 1;
        }
        if precision + recall == 0.0 {
            return 0.0;
        }
        let (precision, recall) = (precision / orders as f64, recall / orders as f64);
        let weight = BETA * BETA;
        100.0 * ((1.0 + weight) * precision * recall / (weight * precision + recall))
    }
}

fn characters(text: &str) -> Vec<char> {
    text.chars().filter(|&character| !is_space(character)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chrf(references: &[&str], predicted: &str) -> Chrf {
        let mut chrf = Chrf::default();
        chrf.add(references, predicted);
        chrf
    }

    #[test]
    fn orders_too_long_for_the_text_are_left_out() {
        // Precision (2/2 + 1/1) / 2, recall (2/3 + 1/2) / 2; only the reference has an n-gram of order three.
        let (precision, recall) = (1.0, 7.0 / 12.0);
        let expected = 100.0 * 5.0 * precision * recall / (4.0 * precision + recall);
        assert!((chrf(&["a\tb\u{1c}c"], "ab").score() - expected).abs() < 1e-12);
    }

    #[test]
    fn the_reference_with_the_highest_score_counts() {
        assert_eq!(chrf(&["Straße", "street"], "street"), chrf(&["street"], "street"));
        assert_eq!(chrf(&[], "street"), Chrf::default());
        assert_eq!(Chrf::default().score(), 0.0);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_score_from_0_to_100(references: Vec<String>, predicted: String) {
            let mut chrf = Chrf::default();
            chrf.add(&references, &predicted);
            prop_assert!((0.0..=100.0 + 1e-9).contains(&chrf.score()));
        }

        #[test]
        fn a_text_equal_to_its_reference_scores_100(text in "[a-zß-ω].{0,20}") {
            prop_assert!((chrf(&[&text], &text).score() - 100.0).abs() < 1e-9);
        }
    }
}
