use proptest::prelude::*;

use super::*;

const CONLLU: &str = "# newdoc\n\
    # text = Don't go\n\
    1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_\n\
    1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_\n\
    2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_\n\
    2.1\tever\t_\tADV\t_\t_\t_\t_\t_\t_\n\
    3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_\n\
    \n\
    # text = 10 000 _\n\
    1\t10 000\t10000\tNUM\tCD\t_\t0\troot\t_\t_\n\
    2\t_\t_\t_\t_\t_\t1\tdep\t_\t_\n";

const CONLL: &str =
    "-DOCSTART- -X- -X- O\n\n# id = 1\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n";

fn tagged(name: &str, text: &str) -> Result<Vec<TaggedSentence>> {
    tagged_of(name, text.as_bytes(), &Columns::default())
}

fn with(text: &str, words: Option<&str>, tags: Option<&str>) -> Result<Vec<TaggedSentence>> {
    let column = |column: Option<&str>| column.map(|column| column.parse().unwrap());
    tagged_of("x.txt", text.as_bytes(), &Columns { words: column(words), tags: column(tags) })
}

/// Sentences as `word/tag word/tag`, each after its line.
fn shown(sentences: &[TaggedSentence]) -> Vec<(u64, String)> {
    let words = |sentence: &TaggedSentence| {
        assert_eq!(sentence.words.len(), sentence.tags.len());
        let words = sentence.words.iter().zip(&sentence.tags).map(|(word, tag)| format!("{word}/{tag}"));
        words.collect::<Vec<_>>().join(" ")
    };
    sentences.iter().map(|sentence| (sentence.lines[0], words(sentence))).collect()
}

fn check(sentences: Result<Vec<TaggedSentence>>, expected: &[(u64, &str)]) {
    let expected: Vec<_> = expected.iter().map(|&(line, words)| (line, words.to_owned())).collect();
    assert_eq!(shown(&sentences.unwrap()), expected);
}

#[test]
fn conllu_is_detected_by_name_or_columns() {
    let expected = [(4, "Do/AUX n't/PART go/VERB"), (10, "10 000/NUM _/_")];
    for name in ["x.conllu", "x.CONLLU.gz", "x.txt", "x"] {
        check(tagged(name, CONLLU), &expected);
        check(tagged(name, &CONLLU.replace('\n', "\r\n")), &expected);
    }
    check(with(CONLLU, Some("lemma"), Some("5")), &[(4, "do/VB not/RB go/VB"), (10, "10000/CD _/_")]);
    check(with(CONLLU, None, Some("-3")), &[(4, "Do/aux n't/advmod go/root"), (10, "10 000/root _/dep")]);
}

#[test]
fn conll_has_words_and_tags_in_first_and_last_column_by_default() {
    check(tagged("x.conll", CONLL), &[(4, "EU/B-ORG rejects/O"), (7, "Peter/B-PER")]);
    check(with(CONLL, None, Some("2")), &[(4, "EU/NNP rejects/VBZ"), (7, "Peter/NNP")]);
    check(with(CONLL, Some("-1"), Some("-2")), &[(4, "B-ORG/B-NP O/B-VP"), (7, "B-PER/B-NP")]);
    check(tagged("x", "a  X\n b\tY\n \n\nc X"), &[(1, "a/X b/Y"), (5, "c/X")]);
    check(tagged("x", "New York\tX\nb \t Y\n"), &[(1, "New York/X b/Y")]);
    // A no-break space is part of a word.
    check(tagged("x", "10\u{a0}000 X\n"), &[(1, "10\u{a0}000/X")]);
    check(tagged("x", "1\ta\tb\tc\td\te\tf\tg\th\ti\nx\ta\tb\tc\td\te\tf\tg\th\ti\n"), &[(1, "1/i x/i")]);
}

#[test]
fn a_hash_sign_starts_a_comment_or_is_a_word() {
    // By its width in columns separated by tabs.
    check(tagged("x", "# a b\n#ff\tO\nyou\tO\n\n#\tX\n"), &[(2, "#ff/O you/O"), (5, "#/X")]);
    // In columns separated by spaces also by its tag; a word wherever it follows the first word of a sentence.
    check(tagged("x", "# comment\n# SYM\n# 5\n5 CD\n# SYM\n"), &[(2, "#/SYM #/5 5/CD #/SYM")]);
    check(tagged("x", "# comment\n5 CD\n\n# CD\n\n# the end\n"), &[(2, "5/CD"), (4, "#/CD")]);
}

#[test]
fn the_start_of_a_document_ends_a_sentence() {
    check(tagged("x", "-DOCSTART- O\na X\n-DOCSTART- O\nb Y\n"), &[(2, "a/X"), (4, "b/Y")]);
}

#[test]
fn every_error_is_reported_with_its_line_and_a_remedy() {
    let row = "1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n";
    let cases = [
        (
            "x.txt",
            "a X\nb\n".to_owned(),
            "x.txt, line 2: has 1 column, but line 1 has 2: use the same number in every line",
        ),
        ("x.txt", "# c\n\na X Y\n\nb X\n".into(), "x.txt, line 5: has 2 columns, but line 3 has 3"),
        (
            "x.txt",
            "a\tX\nb X\n".into(),
            "x.txt, line 2: has 1 column, but line 1 has 2: use the same number in every line",
        ),
        ("x.txt", "a\tX\n\tX\n".into(), "x.txt, line 2: has an empty word in column 1: fill it in"),
        ("x.txt", "a\tX\nb\t \n".into(), "x.txt, line 2: has an empty tag in column 2"),
        ("x.txt", "\t\n".into(), "x.txt, line 1: has an empty word"),
        ("x.txt", "\na\nb\n".into(), "x.txt, line 2: has no column besides that of the words"),
        ("x.txt", String::new(), "x.txt: contains no words: write one word and its tag per line"),
        ("x.txt", "# only\n# this\n-DOCSTART- O\n".into(), "x.txt: contains no words"),
        (
            "x.conllu",
            "a X\n".into(),
            "x.conllu, line 1: has 1 column, where CoNLL-U has 10: separate them by tabs",
        ),
        ("x.conllu", format!("{row}2\tb\t_\tX\n"), "x.conllu, line 2: has 4 columns, where CoNLL-U has 10"),
        ("x.txt", format!("{row}2\tb\n"), "x.txt, line 2: has 2 columns, where CoNLL-U has 10"),
        (
            "x.conllu",
            format!("{row}\n{}", row.replace('1', "one")),
            "x.conllu, line 3: the id is \"one\": CoNLL-U numbers",
        ),
        ("x.conllu", row.replace('1', "1-"), "x.conllu, line 1: the id is \"1-\""),
        ("x.conllu", row.replace('1', ""), "x.conllu, line 1: the id is \"\""),
        ("x.conllu", row.replace('a', " "), "x.conllu, line 1: has an empty word in column 2"),
        (
            "x.conllu",
            row.replace('X', ""),
            "x.conllu, line 1: has an empty tag in column 4: fill it in, with _",
        ),
    ];
    for (name, text, expected) in cases {
        let message = tagged(name, &text).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{text:?}: {message}");
    }
}

#[test]
fn a_missing_column_is_refused_with_the_existing_ones() {
    for (text, words, tags, expected) in [
        ("\na X\n", None, Some("3"), "x.txt, line 2: there is no column 3: give 1 to 2, or -1 to -2"),
        ("a X\n", Some("-3"), None, "x.txt, line 1: there is no column -3"),
        (
            "a X\n",
            None,
            Some("upos"),
            "x.txt, line 1: the columns have no names: instead of \"upos\" give 1 to 2",
        ),
        (
            CONLLU,
            Some("11"),
            None,
            "x.txt, line 3: there is no column 11: give 1 to 10, or -1 to -10 from the end, or id, form",
        ),
    ] {
        let message = with(text, words, tags).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn sentences_without_tags_are_read_from_lines_or_columns() {
    let untagged = |name: &str, text: &str| {
        let known = ["X".to_owned()];
        let sentences = untagged_of(name, text.as_bytes(), &Columns::default(), &known).unwrap();
        sentences.iter().map(|sentence| (sentence.line, sentence.words.join("/"))).collect::<Vec<_>>()
    };
    for (name, text, expected) in [
        ("x.txt", "Do n't  go\r\n\r\n# 1 stays", vec![(1, "Do/n't/go"), (3, "#/1/stays")]),
        (
            "x.txt",
            "the cat sat\nthe dog ran\n\nhe ran off\n",
            vec![(1, "the/cat/sat"), (2, "the/dog/ran"), (4, "he/ran/off")],
        ),
        (
            "x.txt",
            "good morning\nbad morning\n\nred morning\n",
            vec![(1, "good/morning"), (2, "bad/morning"), (4, "red/morning")],
        ),
        ("x.txt", "good X\nmorning X\n\nred Y\n", vec![(1, "good/morning"), (4, "red")]),
        ("x.txt", "", vec![]),
        ("x.txt", "\n \n", vec![]),
        ("x.txt", CONLLU, vec![(4, "Do/n't/go"), (10, "10 000/_")]),
        ("x.conll", CONLL, vec![(4, "EU/rejects"), (7, "Peter")]),
        ("x.txt", "Do\tAUX\nn't\t\n", vec![(1, "Do/n't")]),
        ("x.txt", "Do\nn't\n\n# c 1\n#ff\ngo\n", vec![(1, "Do/n't"), (5, "#ff/go")]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|(line, words)| (line, words.to_owned())).collect();
        assert_eq!(untagged(name, text), expected, "{text:?}");
    }
    let columns = Columns { words: Some(Column::Number(1)), tags: Some(Column::Number(2)) };
    let words = |text: &str| untagged_of("x", text.as_bytes(), &columns, &[]);
    assert_eq!(words("Do\nn't\n").unwrap(), [Sentence { words: vec!["Do".into(), "n't".into()], line: 1 }]);
    let message = words("Do X\nn't\n").unwrap_err().to_string();
    assert!(message.starts_with("x, line 2: has 1 column, but line 1 has 2"), "{message}");
}

proptest! {
    #[test]
    fn no_text_panics_and_all_fields_are_filled(
        text in r"([a1# \t\r\n.-]|-DOCSTART-|\n\n|1\ta\tb\tc\td\te\tf\tg\th\ti\n|\PC){0,40}",
        name in "x(|[.](conllu|conll))",
        words in -12_isize..12,
        tags in -12_isize..12,
    ) {
        let chosen = Columns { words: Some(Column::Number(words)), tags: Some(Column::Number(tags)) };
        for columns in [Columns::default(), chosen] {
            for sentence in tagged_of(&*name, text.as_bytes(), &columns).unwrap_or_default() {
                prop_assert_eq!(sentence.words.len(), sentence.tags.len());
                prop_assert!(!sentence.words.is_empty());
                let line = text.lines().nth(sentence.lines[0] as usize - 1).unwrap();
                prop_assert!(line.contains(&sentence.words[0]) && line.contains(&sentence.tags[0]));
            }
            for sentence in untagged_of(&*name, text.as_bytes(), &columns, &[]).unwrap_or_default() {
                prop_assert!(!sentence.words.is_empty() && sentence.words.iter().all(|word| !word.is_empty()));
            }
        }
    }

    #[test]
    fn written_sentences_are_read_back(
        sentences in prop::collection::vec(prop::collection::vec(("[a-zß#0-9]{1,5}", "[A-Z_]{1,3}"), 1..5), 1..5),
        tabs in any::<bool>(),
    ) {
        let separator = if tabs { '\t' } else { ' ' };
        // The first word determines the separator: it must not look like a comment, and all tags must be known.
        let mut text = format!("start{separator}_\n");
        for (_, tag) in sentences.iter().flatten() {
            text += &format!("a{separator}{tag}\n");
        }
        for sentence in &sentences {
            text.push('\n');
            sentence.iter().for_each(|(word, tag)| text += &format!("{word}{separator}{tag}\n"));
        }
        let read: Vec<Vec<_>> = tagged("x", &text).unwrap().into_iter().skip(1)
            .map(|sentence| sentence.words.into_iter().zip(sentence.tags).collect()).collect();
        prop_assert_eq!(read, sentences);
    }
}
