//! One side of pairs of texts: what its tokens are, and the way from a text to ids and back.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::text::{TokenUnits, Tokenizer, TokenizerOptions};

/// How the texts of a side look, on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SideForm {
    /// Single words, as `abandon`.
    Words,
    /// Few different symbols with spaces between, as the phones `AH B AE N D AH N`.
    Symbols,
    /// Anything else.
    Sentences,
}

/// The most symbols that there are different ones of, and their longest mean length.
const MAX_SYMBOLS: usize = 200;
const SYMBOL_LENGTH: f64 = 3.5;

impl SideForm {
    /// The form of these texts.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Self {
        let lines = texts.clone().count().max(1) as f64;
        let tokens = || texts.clone().flat_map(str::split_whitespace);
        let count = tokens().count().max(1) as f64;
        if count / lines < 1.5 {
            return SideForm::Words;
        }
        let length = tokens().map(|token| token.chars().count()).sum::<usize>() as f64 / count;
        let mut different = HashSet::new();
        let few = tokens().all(|token| different.insert(token) || different.len() <= MAX_SYMBOLS)
            && different.len() <= MAX_SYMBOLS;
        if few && length <= SYMBOL_LENGTH { SideForm::Symbols } else { SideForm::Sentences }
    }

    /// The units that suit it.
    pub(super) fn units(self) -> TokenUnits {
        match self {
            SideForm::Words => TokenUnits::Char,
            SideForm::Symbols => TokenUnits::Word,
            SideForm::Sentences => TokenUnits::Bpe,
        }
    }
}

impl fmt::Display for SideForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SideForm::Words => "single words",
            SideForm::Symbols => "symbols with spaces between",
            SideForm::Sentences => "sentences",
        })
    }
}

/// How one side of pairs becomes ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSide {
    tokenizer: Tokenizer,
    /// Whether tokens are whatever stands between spaces, and nothing else.
    spaced: bool,
}

impl TextSide {
    /// A side of these texts. Words of a side that has the form of symbols are what stands between its spaces, so
    /// that no symbol is torn apart, and a target comes out as it went in.
    ///
    /// # Errors
    /// As [`Tokenizer::train`].
    pub(super) fn train<'a>(
        texts: impl Iterator<Item = &'a str> + Clone,
        form: SideForm,
        options: &TokenizerOptions,
    ) -> Result<Self> {
        let spaced = form == SideForm::Symbols && options.units == TokenUnits::Word;
        let tokenizer = if spaced {
            Tokenizer::of_tokens(texts.flat_map(str::split_whitespace), options)?
        } else {
            Tokenizer::train(texts, options)?
        };
        Ok(Self { tokenizer, spaced })
    }

    /// In words: how many of which tokens it has.
    pub fn about(&self) -> String {
        let how = if self.spaced { ", apart by spaces" } else { "" };
        format!("{}{how}", self.tokenizer.about())
    }

    /// The ids of a text, without boundaries.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        if self.spaced {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            self.tokenizer.encode_words(&words)
        } else {
            self.tokenizer.encode(text)
        }
    }

    /// The text of these ids.
    pub fn decode(&self, ids: &[u32]) -> String {
        if self.spaced {
            let words: Vec<String> = ids.iter().map(|&id| self.tokenizer.decode(&[id])).collect();
            words.join(" ")
        } else {
            self.tokenizer.decode(ids)
        }
    }

    /// What gives ids.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether tokens are what stands between spaces.
    pub fn is_spaced(&self) -> bool {
        self.spaced
    }

    /// What tokens are called.
    pub fn plural(&self) -> &'static str {
        if self.spaced { "symbols" } else { self.tokenizer.units().plural() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_known_by_their_form() {
        let of = |texts: &[&str]| SideForm::of(texts.iter().copied());
        assert_eq!(of(&["abandon", "abbey", "New York"]), SideForm::Words);
        assert_eq!(of(&["AH0 B AE1 N", "K'", "ˈ t͡ʃ iː"]), SideForm::Symbols);
        assert_eq!(of(&["Where is the station?", "I am here."]), SideForm::Sentences);
    }

    #[test]
    fn symbols_stay_whole_and_come_back_as_they_were() {
        let texts = ["AH0 B K' .", "ˈ t͡ʃ 1-2 ("];
        let options =
            TokenizerOptions { units: TokenUnits::Word, boundaries: true, ..TokenizerOptions::default() };
        let side = TextSide::train(texts.into_iter(), SideForm::Symbols, &options).unwrap();
        for text in texts {
            assert_eq!(side.encode(text).len(), text.split(' ').count());
            assert_eq!(side.decode(&side.encode(text)), text);
        }
    }
}
