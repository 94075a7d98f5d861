//! A vocabulary loses nothing, and refuses what it should in so many words.

use proptest::prelude::*;

use super::*;

fn of(text: &str) -> Vocabulary {
    Vocabulary::from_counts(Units::Char, &SymbolCounts::of(Units::Char, text), 1, false).unwrap()
}

#[test]
fn ids_follow_the_order_of_codes() {
    let vocabulary = of("caabé😀");
    assert_eq!(vocabulary.len(), 5);
    let ids: Vec<_> = "abcé😀x".chars().map(|character| vocabulary.id(character as u32)).collect();
    assert_eq!(ids, [Some(0), Some(1), Some(2), Some(3), Some(4), None]);
    assert_eq!(vocabulary.symbol(4), Some('😀' as u32));
    assert_eq!(vocabulary.symbol(5), None);
    assert_eq!(vocabulary.id_or_unknown('x' as u32), None);
}

#[test]
fn rare_symbols_become_the_unknown_one() {
    let counts = SymbolCounts::of(Units::Char, "aaabbc");
    let vocabulary = Vocabulary::from_counts(Units::Char, &counts, 2, true).unwrap();
    assert_eq!((vocabulary.len(), vocabulary.unknown()), (3, Some(0)));
    assert!(vocabulary.encode_prompt("abcx").is_err());
    assert_eq!(vocabulary.symbol(0), None);
    assert_eq!(vocabulary.decode(&[1, 0, 2]), "a\u{FFFD}b".as_bytes());
    assert_eq!(vocabulary.render(0), "<unknown>");
}

#[test]
fn a_vocabulary_that_cannot_be_is_refused() {
    let counts = SymbolCounts::of(Units::Char, "aab");
    let refusal = |min_count, unknown| {
        Vocabulary::from_counts(Units::Char, &counts, min_count, unknown).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(2, false),
        "a minimum count of 2 leaves out rare characters, which then need an unknown symbol to stand for them"
    );
    assert_eq!(
        refusal(3, true),
        "no characters occur 3 times or more: lower the minimum count, or give more text"
    );
}

#[test]
fn a_prompt_with_unseen_characters_is_refused_with_their_names() {
    let message = |prompt| of("abc").encode_prompt(prompt).unwrap_err().to_string();
    assert_eq!(
        message("aébé"),
        "the model has never seen 'é' (U+00E9): leave it out of the prompt (`refrain info MODEL` lists the \
         characters it knows)"
    );
    assert_eq!(
        message("q\nrstuv"),
        "the model has never seen 'q' (U+0071), '\\n' (U+000A), 'r' (U+0072), 's' (U+0073), 't' (U+0074) and \
         2 more: leave them out of the prompt (`refrain info MODEL` lists the characters it knows)"
    );
    assert!(of("abc").encode_prompt("").unwrap().is_empty());
}

#[test]
fn symbols_are_rendered_on_one_line() {
    let vocabulary = of("\n\t a'\u{FEFF}é");
    let rendered: Vec<_> = (0..vocabulary.len() as u32).map(|id| vocabulary.render(id)).collect();
    assert_eq!(rendered, ["\\t", "\\n", " ", "'", "a", "é", "\\u{feff}"]);
    let bytes = SymbolCounts::of(Units::Byte, "é\n");
    let bytes = Vocabulary::from_counts(Units::Byte, &bytes, 1, false).unwrap();
    assert_eq!([0, 1, 2].map(|id| bytes.render(id)), ["\\n", "\\xa9", "\\xc3"]);
    assert_eq!(bytes.decode(&[2, 1]), "é".as_bytes());
}

#[test]
fn the_stored_form_is_compact() {
    assert_eq!(
        serde_json::to_string(&of("b\naé")).unwrap(),
        r#"{"units":"char","unknown":false,"symbols":"\nabé"}"#
    );
    let bytes = SymbolCounts::of(Units::Byte, "ba");
    let bytes = Vocabulary::from_counts(Units::Byte, &bytes, 1, true).unwrap();
    assert_eq!(
        serde_json::to_string(&bytes).unwrap(),
        r#"{"units":"byte","unknown":true,"symbols":[97,98]}"#
    );
}

#[test]
fn a_malformed_stored_form_is_refused() {
    let cases = [
        (r#"{"units":"char","unknown":false,"symbols":""}"#, "the vocabulary has no symbols"),
        (r#"{"units":"char","unknown":false,"symbols":"aa"}"#, "the vocabulary has 'a' (U+0061) twice"),
        (
            r#"{"units":"char","unknown":false,"symbols":"ba"}"#,
            "the vocabulary is not in order of code: 'b' (U+0062) stands before 'a' (U+0061)",
        ),
        (
            r#"{"units":"byte","unknown":false,"symbols":[1,256]}"#,
            "the vocabulary is one of bytes, but contains 256",
        ),
        (
            r#"{"units":"byte","unknown":false,"symbols":"ab"}"#,
            "a vocabulary of bytes must be written as an array of numbers",
        ),
        (
            r#"{"units":"char","unknown":false,"symbols":[97]}"#,
            "a vocabulary of characters must be written as a string",
        ),
        (
            r#"{"units":"char","unknown":false,"symbols":7}"#,
            "the symbols of a vocabulary must be a string, or an array of byte values",
        ),
    ];
    for (json, expected) in cases {
        let message = serde_json::from_str::<Vocabulary>(json).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{json}: {message}");
    }
}

proptest! {
    #[test]
    fn encoding_and_storing_lose_nothing(text in "\\PC{1,40}", unknown: bool) {
        for units in [Units::Char, Units::Byte] {
            let counts = SymbolCounts::of(units, &text);
            let vocabulary = Vocabulary::from_counts(units, &counts, 1, unknown).unwrap();
            let ids = vocabulary.encode_prompt(&text).unwrap();
            prop_assert!(ids.iter().all(|&id| (id as usize) < vocabulary.len()));
            prop_assert_eq!(vocabulary.decode(&ids), text.as_bytes());
            let stored = serde_json::to_string(&vocabulary).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vocabulary>(&stored).unwrap(), vocabulary);
        }
    }
}
