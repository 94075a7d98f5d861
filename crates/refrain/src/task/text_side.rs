//! One side (source or target) of pairs of texts: its tokens, encoding and decoding.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::text::{TokenUnits, Tokenizer, TokenizerOptions};

/// Kinds of texts, by their average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextKind {
    /// Single words, such as `abandon`.
    Words,
    /// Few different symbols separated by spaces, such as the phones `AH B AE N D AH N`.
    Symbols,
    /// Anything else.
    Sentences,
}

/// Maximum number of different symbols, and their maximum mean length.
const MAX_SYMBOLS: usize = 200;
const SYMBOL_LENGTH: f64 = 3.5;

impl TextKind {
    /// The kind of these texts.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Self {
        let lines = texts.clone().count().max(1) as f64;
        let tokens = || texts.clone().flat_map(str::split_whitespace);
        let count = tokens().count().max(1) as f64;
        if count / lines < 1.5 {
            return TextKind::Words;
        }
        let length = tokens().map(|token| token.chars().count()).sum::<usize>() as f64 / count;
        let mut different = HashSet::new();
        let few = tokens().all(|token| different.insert(token) || different.len() <= MAX_SYMBOLS)
            && different.len() <= MAX_SYMBOLS;
        if few && length <= SYMBOL_LENGTH { TextKind::Symbols } else { TextKind::Sentences }
    }

    /// The default units of tokens.
    pub(super) fn units(self) -> TokenUnits {
        match self {
            TextKind::Words => TokenUnits::Char,
            TextKind::Symbols => TokenUnits::Word,
            TextKind::Sentences => TokenUnits::Bpe,
        }
    }
}

impl fmt::Display for TextKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TextKind::Words => "single words",
            TextKind::Symbols => "symbols separated by spaces",
            TextKind::Sentences => "sentences",
        })
    }
}

/// Tokenizer of one side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSide {
    tokenizer: Tokenizer,
    /// Whether tokens are separated by spaces only.
    spaced: bool,
}

impl TextSide {
    /// Trains the tokenizer on these texts. Words of a side of kind `Symbols` are split at spaces only, so that decoding
    /// restores the text.
    ///
    /// # Errors
    /// As [`Tokenizer::train`].
    pub(super) fn train<'a>(
        texts: impl Iterator<Item = &'a str> + Clone,
        kind: TextKind,
        options: &TokenizerOptions,
    ) -> Result<Self> {
        let spaced = kind == TextKind::Symbols && options.units == TokenUnits::Word;
        let tokenizer = if spaced {
            Tokenizer::of_tokens(texts.flat_map(str::split_whitespace), options)?
        } else {
            Tokenizer::train(texts, options)?
        };
        Ok(Self { tokenizer, spaced })
    }

    /// Number and kind of tokens, for display.
    pub fn about(&self) -> String {
        let how = if self.spaced { ", separated by spaces" } else { "" };
        format!("{}{how}", self.tokenizer.about())
    }

    /// The ids of a text, without start and end tokens.
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

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether tokens are separated by spaces only.
    pub fn is_spaced(&self) -> bool {
        self.spaced
    }

    /// Term for the tokens.
    pub fn plural(&self) -> &'static str {
        if self.spaced { "symbols" } else { self.tokenizer.units().plural() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_kinds_are_detected() {
        let of = |texts: &[&str]| TextKind::of(texts.iter().copied());
        assert_eq!(of(&["abandon", "abbey", "New York"]), TextKind::Words);
        assert_eq!(of(&["AH0 B AE1 N", "K'", "ˈ t͡ʃ iː"]), TextKind::Symbols);
        assert_eq!(of(&["Where is the station?", "I am here."]), TextKind::Sentences);
    }

    #[test]
    fn decoding_restores_texts_of_symbols() {
        let texts = ["AH0 B K' .", "ˈ t͡ʃ 1-2 ("];
        let options =
            TokenizerOptions { units: TokenUnits::Word, boundaries: true, ..TokenizerOptions::default() };
        let side = TextSide::train(texts.into_iter(), TextKind::Symbols, &options).unwrap();
        for text in texts {
            assert_eq!(side.encode(text).len(), text.split(' ').count());
            assert_eq!(side.decode(&side.encode(text)), text);
        }
    }
}
