//! chrF2: how many runs of up to six characters a translation shares with its reference (Popović 2015).

use super::ngrams::{is_space, matches, ngrams};

/// The longest runs.
const ORDER: usize = 6;
/// How much more recall weighs than precision.
const BETA: f64 = 2.0;

/// Gathers chrF2 over a corpus as sacreBLEU's `CHRF()` does: upper and lower case apart, white space left out, no runs
/// of words, orders too long for the text left out of the mean.
///
/// Of several references each prediction is held against the one that it scores highest with, the first of several such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chrf {
    orders: [Counts; ORDER],
}

/// Runs of one length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    predicted: u64,
    reference: u64,
    matched: u64,
}

impl Chrf {
    /// Counts one sentence. Without references it is held against an empty one, which leaves the score as it is.
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
        let runs = |text: &[char], order| (text.len() + 1).saturating_sub(order) as u64;
        Self {
            orders: std::array::from_fn(|index| {
                let order = index + 1;
                let of_reference = runs(reference, order);
                Counts {
                    // Where the reference has no runs, there is nothing to miss.
                    predicted: if of_reference > 0 { runs(predicted, order) } else { 0 },
                    reference: of_reference,
                    matched: matches(&ngrams(predicted, order), &ngrams(reference, order)),
                }
            }),
        }
    }

    /// The score of everything so far, 0..=100.
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
    fn orders_that_the_text_is_too_short_for_are_left_out() {
        // Precision (2/2 + 1/1) / 2, recall (2/3 + 1/2) / 2; the reference alone has a run of three.
        let (precision, recall) = (1.0, 7.0 / 12.0);
        let expected = 100.0 * 5.0 * precision * recall / (4.0 * precision + recall);
        assert!((chrf(&["a\tb\u{1c}c"], "ab").score() - expected).abs() < 1e-12);
    }

    #[test]
    fn the_reference_of_the_highest_score_counts() {
        assert_eq!(chrf(&["Straße", "street"], "street"), chrf(&["street"], "street"));
        assert_eq!(chrf(&[], "street"), Chrf::default());
        assert_eq!(Chrf::default().score(), 0.0);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(references: Vec<String>, predicted: String) {
            let mut chrf = Chrf::default();
            chrf.add(&references, &predicted);
            prop_assert!((0.0..=100.0 + 1e-9).contains(&chrf.score()));
        }

        #[test]
        fn a_text_is_its_own_best_translation(text in "[a-zß-ω].{0,20}") {
            prop_assert!((chrf(&[&text], &text).score() - 100.0).abs() < 1e-9);
        }
    }
}
