//! A tokenizer encodes every text, decodes it as documented, and refuses invalid files.

use proptest::prelude::*;

use super::*;

const TEXTS: [&str; 4] =
    ["The cat sat on the mat.", "The dog's bed, the cat's hat?", "Über den Wolken", "the end"];

fn options(units: TokenUnits) -> TokenizerOptions {
    TokenizerOptions { units, ..TokenizerOptions::default() }
}

fn train(options: &TokenizerOptions) -> Tokenizer {
    Tokenizer::train(TEXTS.into_iter(), options).unwrap()
}

fn refusal(options: &TokenizerOptions) -> String {
    Tokenizer::train(TEXTS.into_iter(), options).unwrap_err().to_string()
}

fn tokens(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    tokenizer.encode(text).into_iter().map(|id| tokenizer.token(id).into_owned()).collect()
}

#[test]
fn words_are_sorted_by_frequency_then_by_code() {
    let tokenizer = train(&TokenizerOptions { lowercase: true, ..options(TokenUnits::Word) });
    assert_eq!((tokenizer.units(), tokenizer.unknown()), (TokenUnits::Word, Some(0)));
    let first: Vec<_> = (0..5).map(|id| tokenizer.token(id).into_owned()).collect();
    assert_eq!(first, ["<unknown>", "the", ",", ".", "?"]);
    let ids = tokenizer.encode("THE zebra sat.");
    assert_eq!(tokenizer.unknown_among(&ids), 1);
    assert_eq!(tokenizer.decode(&ids), "the <unknown> sat.");
    assert_eq!(tokenizer.encode_words(&["The".into(), "the cat".into()]), [1, 0]);
}

#[test]
fn rare_words_are_left_out() {
    let two = train(&TokenizerOptions { min_count: 2, ..options(TokenUnits::Word) });
    assert_eq!(
        (0..two.len() as u32).map(|id| two.token(id)).collect::<Vec<_>>(),
        ["<unknown>", "the", "The"]
    );
    let one = train(&TokenizerOptions { max_size: Some(4), boundaries: true, ..options(TokenUnits::Word) });
    assert_eq!(
        (0..5).map(|id| one.token(id)).collect::<Vec<_>>(),
        ["<unknown>", "the", "<start>", "<end>", "<unknown>"]
    );
}

#[test]
fn texts_already_split_into_words_are_not_split_further() {
    let words = ["New York", "don't", "New York"].map(String::from);
    let tokenizer =
        Tokenizer::of_tokens(words.iter().map(String::as_str), &options(TokenUnits::Word)).unwrap();
    assert_eq!(tokenizer.encode_words(&words), [1, 2, 1]);
    let error = Tokenizer::of_tokens(["a"].into_iter(), &options(TokenUnits::Bpe)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`units` is bpe: give word, because the texts are already split into words"
    );
}

#[test]
fn start_and_end_tokens_are_the_last_ids_and_have_no_text() {
    for units in TokenUnits::ALL {
        let tokenizer = train(&TokenizerOptions { boundaries: true, ..options(units) });
        let (start, end) = (tokenizer.start().unwrap(), tokenizer.end().unwrap());
        assert_eq!((start as usize + 2, end as usize + 1), (tokenizer.len(), tokenizer.len()));
        assert_eq!([tokenizer.token(start), tokenizer.token(end)], ["<start>", "<end>"]);
        let ids = [&[start], tokenizer.encode("the cat").as_slice(), &[end]].concat();
        assert_eq!(tokenizer.decode(&ids), "the cat");
        let bare = train(&options(units));
        assert_eq!((bare.start(), bare.end(), bare.len()), (None, None, tokenizer.len() - 2));
        assert_eq!(bare.encode("the cat"), tokenizer.encode("the cat"));
    }
}

#[test]
fn characters_have_an_unknown_token_and_bytes_have_none() {
    let characters = train(&options(TokenUnits::Char));
    assert_eq!(characters.decode(&characters.encode("the Ü語")), "the Ü\u{FFFD}");
    let bytes = train(&options(TokenUnits::Byte));
    assert_eq!((bytes.len(), bytes.unknown()), (256, None));
    assert_eq!(bytes.encode("aé"), [0x61, 0xC3, 0xA9]);
}

#[test]
fn subwords_are_displayed_with_escapes() {
    let tokenizer = train(&TokenizerOptions { min_count: 2, ..options(TokenUnits::Bpe) });
    assert_eq!(tokens(&tokenizer, "the hat é\n"), ["the", " ", "h", "at", " ", "\\xc3", "\\xa9", "\\n"]);
    assert_eq!(tokenizer.token(u32::MAX), "<unknown>");
}

#[test]
fn a_size_that_is_too_small_is_refused() {
    let sized = |units, size| TokenizerOptions { max_size: Some(size), boundaries: true, ..options(units) };
    assert_eq!(
        refusal(&sized(TokenUnits::Word, 3)),
        "`vocab_size` is 3: give at least 4: the special tokens and one word"
    );
    assert_eq!(
        refusal(&sized(TokenUnits::Bpe, 257)),
        "`vocab_size` is 257: give at least 258: every byte is a subword"
    );
    assert_eq!(
        refusal(&sized(TokenUnits::Char, 300)),
        "`vocab_size` is not used by a vocabulary of characters, whose size is fixed: leave it out"
    );
    assert_eq!(
        refusal(&TokenizerOptions { min_count: 9, ..options(TokenUnits::Word) }),
        "`min_count` is 9, but no words occur that often: lower it, or use more text"
    );
    let subwords = train(&sized(TokenUnits::Bpe, 262));
    assert_eq!(subwords.len(), 262);
}

#[test]
fn a_tokenizer_is_stored_and_loaded() {
    for units in TokenUnits::ALL {
        let tokenizer = train(&TokenizerOptions { lowercase: true, boundaries: true, ..options(units) });
        let stored = serde_json::to_string(&tokenizer).unwrap();
        let back: Tokenizer = serde_json::from_str(&stored).unwrap();
        assert_eq!(back, tokenizer);
        for text in TEXTS {
            assert_eq!(back.encode(text), tokenizer.encode(text));
        }
    }
    let words = Tokenizer::of_tokens(["b", "a"].into_iter(), &options(TokenUnits::Word)).unwrap();
    assert_eq!(
        serde_json::to_string(&words).unwrap(),
        r#"{"lowercase":false,"boundaries":false,"vocabulary":{"words":["a","b"]}}"#
    );
}

#[test]
fn a_damaged_file_is_refused() {
    let refusal = |vocabulary: &str| {
        let stored = format!(r#"{{"lowercase":false,"boundaries":false,"vocabulary":{vocabulary}}}"#);
        let mut message = serde_json::from_str::<Tokenizer>(&stored).unwrap_err().to_string();
        message.truncate(message.find(" at line").unwrap());
        message
    };
    for (vocabulary, message) in [
        (r#"{"words":[]}"#, "the vocabulary has no words"),
        (r#"{"words":["a","b","a"]}"#, "the vocabulary has \"a\" twice"),
        (r#"{"merges":[["a","語"]]}"#, "the subword \"a語\" contains characters that represent no byte"),
        (
            r#"{"merges":[["a","bc"]]}"#,
            "the merges of subwords are inconsistent: Token `bc` out of vocabulary",
        ),
        (r#"{"merges":[["","a"]]}"#, "the merges of subwords are inconsistent: Token `` out of vocabulary"),
        (
            r#"{"symbols":{"units":"char","unknown":false,"symbols":"ab"}}"#,
            "a tokenizer of characters must have an unknown token",
        ),
        (
            r#"{"symbols":{"units":"byte","unknown":false,"symbols":[1,2]}}"#,
            "a tokenizer of bytes must have exactly the 256 bytes",
        ),
        (r#"{"sounds":[]}"#, "unknown variant `sounds`, expected one of `symbols`, `words`, `merges`"),
    ] {
        assert_eq!(refusal(vocabulary), message);
    }
}

/// Texts of few letters, in which pairs repeat, and of any characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab \n']{0,60}", "\\PC{0,30}", any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn any_text_is_encoded_and_decoded(
        texts in proptest::collection::vec(text(), 1..5),
        other in text(),
        boundaries: bool,
        strange in proptest::collection::vec(any::<u32>(), 0..5),
    ) {
        for units in TokenUnits::ALL {
            let options = TokenizerOptions { boundaries, ..options(units) };
            let Ok(tokenizer) = Tokenizer::train(texts.iter().map(String::as_str), &options) else {
                prop_assert!(matches!(units, TokenUnits::Char | TokenUnits::Word));
                continue;
            };
            for text in texts.iter().chain([&other]) {
                let ids = tokenizer.encode(text);
                prop_assert!(ids.iter().all(|&id| (id as usize) < tokenizer.len()));
                let lossless = units != TokenUnits::Word && tokenizer.unknown_among(&ids) == 0;
                let back = tokenizer.decode(&ids);
                prop_assert!(!lossless || back == *text, "{units}: {back:?} is not {text:?}");
            }
            tokenizer.decode(&strange);
            strange.iter().for_each(|&id| drop(tokenizer.token(id)));
        }
    }

    #[test]
    fn the_order_of_the_texts_does_not_matter(texts in proptest::collection::vec(text(), 1..8)) {
        for units in TokenUnits::ALL {
            let texts = texts.iter().map(String::as_str);
            let one = Tokenizer::train(texts.clone(), &options(units));
            let other = Tokenizer::train(texts.rev(), &options(units));
            prop_assert_eq!(one.ok(), other.ok());
        }
    }

    #[test]
    fn invalid_files_do_not_cause_panics(
        merges in proptest::collection::vec(("[abĠ語]{0,3}", "[abĠ]{0,3}"), 0..6),
        words in proptest::collection::vec("[ab]{0,2}", 0..4),
        text in text(),
    ) {
        for vocabulary in [serde_json::json!({ "merges": merges }), serde_json::json!({ "words": words })] {
            let stored = serde_json::json!({ "lowercase": true, "boundaries": true, "vocabulary": vocabulary });
            if let Ok(tokenizer) = serde_json::from_value::<Tokenizer>(stored) {
                tokenizer.decode(&tokenizer.encode(&text));
            }
        }
    }
}
