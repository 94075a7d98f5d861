//! All metrics of generated texts.

use super::{Bleu, Chrf, ErrorRate};

/// Exact matches, character error rate, BLEU and chrF2 over the same texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextScores {
    /// Edits per character, and texts without edits.
    pub characters: ErrorRate,
    /// As computed by sacreBLEU.
    pub bleu: Bleu,
    /// As computed by sacreBLEU.
    pub chrf: Chrf,
}

impl TextScores {
    /// Adds one text with its references.
    pub fn add(&mut self, references: &[impl AsRef<str>], predicted: &str) {
        let truths: Vec<Vec<char>> = references.iter().map(|text| text.as_ref().chars().collect()).collect();
        self.characters.add(&truths, &predicted.chars().collect::<Vec<_>>());
        self.bleu.add(references, predicted);
        self.chrf.add(references, predicted);
    }

    /// The share of texts that equal one of their references, 0..=1.
    pub fn exact(&self) -> f64 {
        self.characters.exact_rate()
    }

    /// Edits per character of the references, see [`ErrorRate::rate`].
    pub fn cer(&self) -> f64 {
        self.characters.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_match_any_reference() {
        let mut scores = TextScores::default();
        scores.add(&["a dog", "a cat on a mat"], "a cat on a mat");
        assert_eq!((scores.exact(), scores.cer()), (1.0, 0.0));
        scores.add(&["dög"], "dig");
        assert_eq!((scores.exact(), scores.cer()), (0.5, 1.0 / 17.0));
        assert!(scores.bleu.score() > 50.0 && scores.chrf.score() > 50.0);
    }
}
