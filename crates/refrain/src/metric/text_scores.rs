//! How good written texts are, by all measures that texts have.

use super::{Bleu, Chrf, ErrorRate};

/// Gathers exact matches, the character error rate, BLEU and chrF2 over the same texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextScores {
    /// Edits a character, and texts without any.
    pub characters: ErrorRate,
    /// As sacreBLEU counts it.
    pub bleu: Bleu,
    /// Likewise.
    pub chrf: Chrf,
}

impl TextScores {
    /// Counts one text, held against its references, any of which would do.
    pub fn add(&mut self, references: &[impl AsRef<str>], predicted: &str) {
        let truths: Vec<Vec<char>> = references.iter().map(|text| text.as_ref().chars().collect()).collect();
        self.characters.add(&truths, &predicted.chars().collect::<Vec<_>>());
        self.bleu.add(references, predicted);
        self.chrf.add(references, predicted);
    }

    /// The share of texts that are one of their references, 0..=1.
    pub fn exact(&self) -> f64 {
        self.characters.exact_rate()
    }

    /// Edits for each character of the references, see [`ErrorRate::rate`].
    pub fn cer(&self) -> f64 {
        self.characters.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_reference_will_do() {
        let mut scores = TextScores::default();
        scores.add(&["a dog", "a cat on a mat"], "a cat on a mat");
        assert_eq!((scores.exact(), scores.cer()), (1.0, 0.0));
        scores.add(&["dög"], "dig");
        assert_eq!((scores.exact(), scores.cer()), (0.5, 1.0 / 17.0));
        assert!(scores.bleu.score() > 50.0 && scores.chrf.score() > 50.0);
    }
}
