//! A text to words, words to a text; and a text to the chunks that pieces of words are found in.

use unicode_segmentation::UnicodeSegmentation;

/// Closing punctuation: no blank before it.
const CLOSING: &str = ".,;:!?%)]}…’”»'、。，；：！？）】」』";
/// Opening punctuation: no blank behind it.
const OPENING: &str = "([{¿¡‘“«（【「『";
/// Hyphens that join two words to one: the one of ASCII, Unicode's, and the one that lines do not break at.
const HYPHENS: &str = "-\u{2010}\u{2011}";

/// The words of a text. White space separates them and is dropped; between, words end where Unicode's annex 29
/// says so (<https://www.unicode.org/reports/tr29/#Word_Boundaries>), which keeps together letters, digits and their
/// marks, apostrophes inside (`don't`) and the points of numbers and names (`3.14`, `U.S`), and leaves alone
/// every other character, and each ideograph. Unlike there, hyphens inside a word belong to it: `well-known`.
pub(super) fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|part| cut(part, first_word))
}

/// The chunks of a text, which together are the text: no piece of a word reaches from one to the next. As in GPT-2 a
/// chunk is a run of letters, of digits or of others, with the blank before it, or a run of white space; an
/// apostrophe goes with the letters behind it. Unlike there, a line end is a chunk of its own.
pub(super) fn split_chunks(text: &str) -> impl Iterator<Item = &str> {
    cut(text, first_chunk)
}

/// Cuts a text where `first` says that its first part ends, again and again.
fn cut(mut rest: &str, first: fn(&str) -> Option<usize>) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (part, behind) = rest.split_at(first(rest)?);
        rest = behind;
        Some(part)
    })
}

/// The length in bytes of the word that `chunk` starts with; none at its end.
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

    /// The length in bytes of the run of this kind that `text` starts with.
    fn run(self, text: &str) -> usize {
        text.find(|character| Kind::of(character) != self).unwrap_or(text.len())
    }
}

/// The length in bytes of the chunk that `text` starts with; none at its end.
fn first_chunk(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let joins = if matches!(first, ' ' | '\'' | '’') { first.len_utf8() } else { 0 };
    let behind = &text[joins..];
    match behind.chars().next().map(Kind::of) {
        Some(kind) if kind != Kind::White => Some(joins + kind.run(behind)),
        _ if first == '\n' => Some(1),
        _ => {
            let run = Kind::of(first).run(text);
            let run = text[..run].find('\n').unwrap_or(run);
            // The last blank is that of the word behind it.
            let word_follows = text[run..].starts_with(|next| next != '\n');
            Some(run - usize::from(word_follows && text[..run].ends_with(' ')))
        }
    }
}

/// Words in a row as a text: with a blank between them, but not before closing punctuation, nor behind what
/// opens. Straight quotation marks open and close in turn.
///
/// This is how a text usually looks, not how it looked: what white space there was is not to be known.
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
    fn words_are_cut_as_a_reader_would() {
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
    fn words_are_joined_as_they_usually_are() {
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
    fn chunks_take_the_blank_before_them() {
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
        fn chunks_are_the_text(text in "\\PC*|[ a1'\u{301}.’\n]{0,40}") {
            prop_assert!(split_chunks(&text).all(|chunk| !chunk.is_empty()));
            prop_assert_eq!(split_chunks(&text).collect::<String>(), text);
        }

        #[test]
        fn words_hold_all_that_is_not_white_space(text in "\\PC*|[ a-z'\u{301}.\\-\"\n]{0,40}") {
            let words = split(&text);
            prop_assert!(words.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace)));
            prop_assert_eq!(words.concat(), text.split_whitespace().collect::<String>());
        }

        #[test]
        fn joining_and_cutting_again_loses_no_character(text in "\\PC*|[ a-z'.\\-\"\n]{0,40}") {
            let joined = join_words(split_words(&text));
            prop_assert_eq!(split(&joined).concat(), split(&text).concat());
        }
    }
}
