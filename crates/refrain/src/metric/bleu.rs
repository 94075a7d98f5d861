//! BLEU: overlap of word n-grams between a translation and its references (Papineni et al. 2002).

use std::collections::HashMap;

use super::ngrams::{is_space, matches, ngrams};

/// Maximum n of the n-grams.
const ORDER: usize = 4;

/// Corpus BLEU as sacreBLEU's `BLEU()` (Post 2018): tokenisation of mteval-v13a, case-sensitive, exponential smoothing.
/// Texts are not tokenised beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bleu {
    predicted_length: u64,
    reference_length: u64,
    matched: [u64; ORDER],
    total: [u64; ORDER],
}

impl Bleu {
    /// Adds one sentence. N-gram counts are clipped by their maximum over the references; the reference length is that of
    /// the reference closest in length, the shorter of two. Without references it is compared with an empty one.
    pub fn add(&mut self, references: &[impl AsRef<str>], predicted: &str) {
        let predicted = tokenised(predicted);
        let references: Vec<String> = references.iter().map(|text| tokenised(text.as_ref())).collect();
        let predicted = words(&predicted);
        let references: Vec<Vec<&str>> = references.iter().map(|text| words(text)).collect();

        let lengths = references.iter().map(Vec::len);
        let closest = lengths.min_by_key(|&length| (length.abs_diff(predicted.len()), length));
        self.predicted_length += predicted.len() as u64;
        self.reference_length += closest.unwrap_or(0) as u64;
        for index in 0..ORDER {
            let mut max = HashMap::new();
            for (ngram, count) in references.iter().flat_map(|words| ngrams(words, index + 1)) {
                let highest = max.entry(ngram).or_default();
                *highest = count.max(*highest);
            }
            self.matched[index] += matches(&ngrams(&predicted, index + 1), &max);
            self.total[index] += (predicted.len() as u64).saturating_sub(index as u64);
        }
    }

    /// Factor of the score if predictions are shorter than references, 0..=1.
    pub fn brevity_penalty(&self) -> f64 {
        let (predicted, reference) = (self.predicted_length, self.reference_length);
        if predicted >= reference { 1.0 } else { (1.0 - reference as f64 / predicted as f64).exp() }
    }

    /// The score so far, 0..=100; 0 if no word matches, or no prediction has four words.
    pub fn score(&self) -> f64 {
        if self.matched == [0; ORDER] || self.total.contains(&0) {
            return 0.0;
        }
        // Each order without a match counts half as much as the one before (Chen and Cherry 2014, method 3).
        let mut smoothed = 1.0;
        let logs = self.matched.iter().zip(&self.total).map(|(&matched, &total)| {
            let matched = if matched == 0 {
                smoothed /= 2.0;
                smoothed
            } else {
                matched as f64
            };
            (100.0 * matched / total as f64).ln()
        });
        self.brevity_penalty() * (logs.sum::<f64>() / ORDER as f64).exp()
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split(is_space).filter(|word| !word.is_empty()).collect()
}

/// The text with spaces between words and punctuation, by the rules of mteval-v13a.
fn tokenised(text: &str) -> String {
    let mut text =
        text.trim_end_matches(is_space).replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        text = text.replace(entity, character);
    }
    let mut spaced = String::from(" ");
    for character in text.chars() {
        // Of ASCII, everything but letters, digits, apostrophe, comma, hyphen and full stop.
        if matches!(character, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/') {
            spaced.extend([' ', character, ' ']);
        } else {
            spaced.push(character);
        }
    }
    spaced.push(' ');

    let digit = |character: char| character.is_ascii_digit();
    let point = |character: char| matches!(character, '.' | ',');
    // 3.14 and 1,000 are not split; a hyphen is split off only after a digit.
    let spaced = at_pairs(&spaced, |first, second| !digit(first) && point(second), ["", " ", " "]);
    let spaced = at_pairs(&spaced, |first, second| point(first) && !digit(second), [" ", " ", ""]);
    at_pairs(&spaced, |first, second| digit(first) && second == '-', ["", " ", " "])
}

/// The text with these put before, between and after every two characters that are `matched`, from left to right:
/// pairs do not overlap, as in the substitution of a regular expression.
fn at_pairs(text: &str, matched: impl Fn(char, char) -> bool, [before, between, after]: [&str; 3]) -> String {
    let mut spaced = String::with_capacity(text.len() + text.len() / 4);
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        match characters.next_if(|&second| matched(first, second)) {
            Some(second) => {
                spaced += before;
                spaced.push(first);
                spaced += between;
                spaced.push(second);
                spaced += after;
            }
            None => spaced.push(first),
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bleu(references: &[&str], predicted: &str) -> Bleu {
        let mut bleu = Bleu::default();
        bleu.add(references, predicted);
        bleu
    }

    #[test]
    fn numbers_are_not_split_and_punctuation_is_split_off() {
        let cut = |text| words(&tokenised(text)).join("|");
        assert_eq!(
            cut("It's 3.14, or 1,000-odd (well-known)."),
            "It's|3.14|,|or|1,000|-|odd|(|well-known|)|."
        );
        assert_eq!(cut("a &lt;b&gt; \"c\"...  "), "a|<|b|>|\"|c|\"|.|.|.");
        assert_eq!(cut("break-\ning\nlines\u{3000}«ok»，"), "breaking|lines|«ok»，");
    }

    #[test]
    fn the_reference_closest_in_length_gives_the_reference_length() {
        let of = |references| bleu(references, "a b c d").brevity_penalty();
        assert_eq!(of(&["a b c d e", "a b c"]), 1.0);
        assert_eq!(of(&["a b c d e", "a"]), (1.0f64 - 5.0 / 4.0).exp());
        assert_eq!(bleu(&["a b"], "").brevity_penalty(), 0.0);
    }

    #[test]
    fn ngram_counts_are_clipped_by_their_maximum_over_the_references() {
        let both = bleu(&["x x y z", "x w w w"], "x x w w");
        assert_eq!((both.matched, both.total), ([4, 3, 1, 0], [4, 3, 2, 1]));
    }

    #[test]
    fn the_score_is_zero_without_four_words_or_without_matches() {
        assert_eq!(bleu(&["one two three"], "one two three").score(), 0.0);
        assert_eq!(bleu(&["one two three four"], "five six seven eight").score(), 0.0);
        assert_eq!(Bleu::default().score(), 0.0);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_score_from_0_to_100(references: Vec<String>, predicted: String) {
            let mut bleu = Bleu::default();
            bleu.add(&references, &predicted);
            bleu.add(&[&predicted], &predicted);
            bleu.add(&[&predicted], "a b c d");
            prop_assert!((0.0..=100.0 + 1e-9).contains(&bleu.score()));
        }

        #[test]
        fn a_text_equal_to_its_reference_scores_100(text in "[a-z,.0-9-]{1,5}( [a-z,.0-9-]{1,5}){3,9}") {
            prop_assert!((bleu(&[&text], &text).score() - 100.0).abs() < 1e-9);
        }
    }
}
