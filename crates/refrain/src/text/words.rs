//! Splits a text into words or into chunks for byte pair encoding, and joins words to a text.

use unicode_segmentation::UnicodeSegmentation;

/// Closing punctuation: no space before it.
const CLOSING: &str = ".,;:!?%)]}…’”»'、。，；：！？）】」』";
/// Opening punctuation: no space after it.
const OPENING: &str = "([{¿¡‘“«（【「『";
/// Hyphens inside a word: ASCII, Unicode, and non-breaking.
const HYPHENS: &str = "-\u{2010}\u{2011}";

/// The words of a text. White space separates words and is dropped; other boundaries are those of Unicode's annex 29
/// (<https://www.unicode.org/reports/tr29/#Word_Boundaries>), which keeps together letters, digits and their marks,
/// inner apostrophes (`don't`) and the points of numbers and names (`3.14`, `U.S`), and separates every other
/// character and each ideograph. Unlike annex 29, hyphens inside a word belong to it: `well-known`.
pub(super) fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|part| cut(part, first_word))
}

/// The chunks of a text, which concatenated are the text: no subword crosses a chunk boundary. As in GPT-2, a chunk is
/// a run of letters, of digits or of other characters, with the space before it, or a run of white space; an
/// apostrophe belongs to the letters after it. Unlike GPT-2, a newline is a separate chunk.
pub(super) fn split_chunks(text: &str) -> impl Iterator<Item = &str> {
    cut(text, first_chunk)
}

/// Repeatedly cuts off the first part of a text, up to the index that `first` returns.
fn cut(mut rest: &str, first: fn(&str) -> Option<usize>) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (part, after) = rest.split_at(first(rest)?);
        rest = after;
        Some(part)
    })
}

/// The length in bytes of the word at the start of `chunk`; none if it is empty.
fn first_word(chunk: &str) -> Option<usize> {
    let mut parts = chunk.split_word_bounds();
    let first = parts.next()?;
    let mut length = first.len();
    if is_word(first) {
        while let (Some(hyphen), Some(word)) = (parts.next(), parts.next()) {
            if !HYPHENS.contains(hyphen) || !is_word(word) {
                break;
            }
            length += hyphen.len() + word.len();
        }
    }
    Some(length)
}

fn is_word(part: &str) -> bool {
    part.starts_with(char::is_alphanumeric)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    White,
    Other,
}

impl Kind {
    fn of(character: char) -> Self {
        match character {
            _ if character.is_whitespace() => Kind::White,
            _ if character.is_alphabetic() => Kind::Letter,
            _ if character.is_numeric() => Kind::Digit,
            _ => Kind::Other,
        }
    }

    /// The length in bytes of the run of this kind at the start of `text`.
    fn run(self, text: &str) -> usize {
        text.find(|character| Kind::of(character) != self).unwrap_or(text.len())
    }
}

/// The length in bytes of the chunk at the start of `text`; none if it is empty.
fn first_chunk(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let joins = if matches!(first, ' ' | '\'' | '’') { first.len_utf8() } else { 0 };
    let after = &text[joins..];
    match after.chars().next().map(Kind::of) {
        Some(kind) if kind != Kind::White => Some(joins + kind.run(after)),
        _ if first == '\n' => Some(1),
        _ => {
            let run = Kind::of(first).run(text);
            let run = text[..run].find('\n').unwrap_or(run);
            // The last space belongs to the next word.
            let word_follows = text[run..].starts_with(|next| next != '\n');
            Some(run - usize::from(word_follows && text[..run].ends_with(' ')))
        }
    }
}

/// Joins words with spaces, except before closing and after opening punctuation. Straight quotation marks
/// alternately open and close.
///
/// This is usual spacing; the original white space is not known.
pub(super) fn join_words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let (mut text, mut opened, mut in_quotes) = (String::new(), true, false);
    for word in words {
        let quote = word == "\"";
        let closes = one_of(word, CLOSING) || (quote && in_quotes);
        if !opened && !closes {
            text.push(' ');
        }
        text.push_str(word);
        opened = one_of(word, OPENING) || (quote && !in_quotes);
        in_quotes ^= quote;
    }
    text
}

/// Whether the word is one of these characters.
fn one_of(word: &str, characters: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|first| characters.contains(first)) && letters.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<&str> {
        split_words(text).collect()
    }

    #[test]
    fn a_text_is_split_into_words() {
        assert_eq!(split("Don't panic, it's 3.14!"), ["Don't", "panic", ",", "it's", "3.14", "!"]);
        assert_eq!(
            split("a well-known\u{2011}ish fact -- or not-"),
            ["a", "well-known\u{2011}ish", "fact", "-", "-", "or", "not", "-"]
        );
        assert_eq!(split("«L’été»\u{202f}!\n\t(1990)"), ["«", "L’été", "»", "!", "(", "1990", ")"]);
        assert_eq!(split("e\u{301}te\u{301} 👩‍👩‍👧 ok"), ["e\u{301}te\u{301}", "👩‍👩‍👧", "ok"]);
        assert_eq!(split("我喜欢"), ["我", "喜", "欢"]);
        assert!(split(" \n").is_empty());
    }

    #[test]
    fn joined_words_have_the_usual_spacing() {
        for text in [
            "Don't panic (much), it's 3.14!",
            "He said, \"I am here.\" Then he left.",
            "«L’été», ¿qué?",
            "\"A\" and \"b\"",
        ] {
            assert_eq!(join_words(split_words(text)), text);
        }
        assert_eq!(join_words(split_words("wait  ...\nwhat ?")), "wait... what?");
        assert_eq!(join_words([].into_iter()), "");
    }

    #[test]
    fn chunks_include_the_space_before_them() {
        let chunks = |text| split_chunks(text).collect::<Vec<_>>();
        assert_eq!(
            chunks("It  isn't 1990's end.\n\n"),
            ["It", " ", " isn", "'t", " 1990", "'s", " end", ".", "\n", "\n"]
        );
        assert_eq!(chunks("' \n x  "), ["'", " ", "\n", " x", "  "]);
        assert_eq!(chunks("'' été…"), ["''", " été", "…"]);
        assert_eq!(chunks(" "), [" "]);
    }

    proptest! {
        #[test]
        fn concatenated_chunks_are_the_text(text in "\\PC*|[ a1'\u{301}.’\n]{0,40}") {
            prop_assert!(split_chunks(&text).all(|chunk| !chunk.is_empty()));
            prop_assert_eq!(split_chunks(&text).collect::<String>(), text);
        }

        #[test]
        fn words_contain_everything_but_white_space(text in "\\PC*|[ a-z'\u{301}.\\-\"\n]{0,40}") {
            let words = split(&text);
            prop_assert!(words.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace)));
            prop_assert_eq!(words.concat(), text.split_whitespace().collect::<String>());
        }

        #[test]
        fn joining_and_splitting_loses_no_character(text in "\\PC*|[ a-z'.\\-\"\n]{0,40}") {
            let joined = join_words(split_words(&text));
            prop_assert_eq!(split(&joined).concat(), split(&text).concat());
        }
    }
}
