//! Encoding and storing an alphabet lose nothing, and invalid ones are refused.

use proptest::prelude::*;

use super::*;

fn of(text: &str) -> Alphabet {
    Alphabet::from_counts(Units::Char, &SymbolCounts::of(Units::Char, text), 1, false).unwrap()
}

fn decoded(alphabet: &Alphabet, ids: &[u32]) -> Vec<u8> {
    ids.iter().flat_map(|&id| alphabet.text_of(id, &mut [0; 4]).to_vec()).collect()
}

#[test]
fn ids_are_sorted_by_code() {
    let alphabet = of("caabé😀");
    assert_eq!(alphabet.len(), 5);
    let ids: Vec<_> = "abcé😀x".chars().map(|character| alphabet.id(character as u32)).collect();
    assert_eq!(ids, [Some(0), Some(1), Some(2), Some(3), Some(4), None]);
    assert_eq!(alphabet.symbol(4), Some('😀' as u32));
    assert_eq!(alphabet.symbol(5), None);
    assert_eq!(alphabet.id_or_unknown('x' as u32), None);
}

#[test]
fn rare_symbols_become_the_unknown_token() {
    let counts = SymbolCounts::of(Units::Char, "aaabbc");
    let alphabet = Alphabet::from_counts(Units::Char, &counts, 2, true).unwrap();
    assert_eq!((alphabet.len(), alphabet.unknown()), (3, Some(0)));
    assert!(alphabet.encode_prompt("abcx").is_err());
    assert_eq!(alphabet.symbol(0), None);
    assert_eq!(decoded(&alphabet, &[1, 0, 2]), "a\u{FFFD}b".as_bytes());
    assert_eq!(alphabet.render(0), "<unknown>");
}

#[test]
fn an_invalid_min_count_is_refused() {
    let counts = SymbolCounts::of(Units::Char, "aab");
    let refusal = |min_count, unknown| {
        Alphabet::from_counts(Units::Char, &counts, min_count, unknown).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(2, false),
        "`min_count` is 2: give 1, because there is no unknown token for rare characters"
    );
    assert_eq!(
        refusal(3, true),
        "`min_count` is 3, but no characters occur that often: lower it, or use more text"
    );
}

#[test]
fn a_prompt_with_unknown_characters_is_refused_with_their_names() {
    let message = |prompt| of("abc").encode_prompt(prompt).unwrap_err().to_string();
    assert_eq!(
        message("aébé"),
        "prompt: the vocabulary does not contain 'é' (U+00E9): remove it, or use only the characters of the vocabulary"
    );
    assert_eq!(
        message("q\nrstuv"),
        "prompt: the vocabulary does not contain 'q' (U+0071), '\\n' (U+000A), 'r' (U+0072), 's' (U+0073), \
         't' (U+0074) and 2 more: remove them, or use only the characters of the vocabulary"
    );
    assert!(of("abc").encode_prompt("").unwrap().is_empty());
}

#[test]
fn symbols_are_rendered_on_one_line() {
    let alphabet = of("\n\t a'\u{FEFF}é");
    let rendered: Vec<_> = (0..alphabet.len() as u32).map(|id| alphabet.render(id)).collect();
    assert_eq!(rendered, ["\\t", "\\n", " ", "'", "a", "é", "\\u{feff}"]);
    let bytes = SymbolCounts::of(Units::Byte, "é\n");
    let bytes = Alphabet::from_counts(Units::Byte, &bytes, 1, false).unwrap();
    assert_eq!([0, 1, 2].map(|id| bytes.render(id)), ["\\n", "\\xa9", "\\xc3"]);
    assert_eq!(decoded(&bytes, &[2, 1]), "é".as_bytes());
}

#[test]
fn the_stored_format_is_compact() {
    assert_eq!(
        serde_json::to_string(&of("b\naé")).unwrap(),
        r#"{"units":"char","unknown":false,"symbols":"\nabé"}"#
    );
    let bytes = SymbolCounts::of(Units::Byte, "ba");
    let bytes = Alphabet::from_counts(Units::Byte, &bytes, 1, true).unwrap();
    assert_eq!(
        serde_json::to_string(&bytes).unwrap(),
        r#"{"units":"byte","unknown":true,"symbols":[97,98]}"#
    );
}

#[test]
fn a_malformed_stored_alphabet_is_refused() {
    let cases = [
        (r#"{"units":"char","unknown":false,"symbols":""}"#, "the vocabulary has no symbols"),
        (r#"{"units":"char","unknown":false,"symbols":"aa"}"#, "the vocabulary has 'a' (U+0061) twice"),
        (
            r#"{"units":"char","unknown":false,"symbols":"ba"}"#,
            "the vocabulary is not in order of code: 'b' (U+0062) comes before 'a' (U+0061)",
        ),
        (r#"{"units":"byte","unknown":false,"symbols":[1,256]}"#, "the vocabulary of bytes contains 256"),
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
        let message = serde_json::from_str::<Alphabet>(json).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{json}: {message}");
    }
}

proptest! {
    #[test]
    fn encoding_and_storing_are_lossless(text in "\\PC{1,40}", unknown: bool) {
        for units in [Units::Char, Units::Byte] {
            let counts = SymbolCounts::of(units, &text);
            let alphabet = Alphabet::from_counts(units, &counts, 1, unknown).unwrap();
            let ids = alphabet.encode_prompt(&text).unwrap();
            prop_assert!(ids.iter().all(|&id| (id as usize) < alphabet.len()));
            prop_assert_eq!(decoded(&alphabet, &ids), text.as_bytes());
            let stored = serde_json::to_string(&alphabet).unwrap();
            prop_assert_eq!(serde_json::from_str::<Alphabet>(&stored).unwrap(), alphabet);
        }
    }
}
