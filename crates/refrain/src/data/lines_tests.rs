//! An epoch has each line exactly once, and the order of calls does not affect the batches.

use proptest::prelude::*;

use super::super::batch::IGNORE;
use super::*;
use crate::data::Batch as _;
use crate::text::{Corpus, Source, SymbolCounts, Units, Vocabulary};

fn corpus(text: &str) -> Corpus {
    Corpus::scan(vec![Source::memory("text.txt", text)], Units::Char, false).unwrap()
}

fn encoded(text: &str) -> EncodedText {
    let corpus = corpus(text);
    let vocabulary = Vocabulary::from_counts(Units::Char, corpus.counts(), 1, false).unwrap();
    EncodedText::new(&corpus, vocabulary.into()).unwrap()
}

fn epoch(lines: &mut Lines, epoch: u64) -> Vec<TextBatch> {
    let (mut batches, mut batch) = (Vec::new(), TextBatch::default());
    while lines.batch(epoch, batches.len() as u64, &mut batch).unwrap() {
        batches.push(batch.clone());
    }
    assert_eq!(batches.len() as u64, lines.len());
    batches
}

/// The rows of a batch as text, from the first input to the last target; asserts their padding.
fn rows(batch: &TextBatch, vocabulary: &Vocabulary) -> Vec<String> {
    let lengths = batch.lengths.as_ref().unwrap();
    assert_eq!(lengths.len(), batch.rows);
    assert_eq!(lengths[0], batch.steps);
    assert!(lengths.is_sorted_by(|one, next| one >= next));
    let row = |row: usize| {
        let of = |ids: &[u32]| -> Vec<u32> { ids.iter().skip(row).step_by(batch.rows).copied().collect() };
        let (inputs, targets) = (of(&batch.inputs), of(&batch.targets));
        let length = lengths[row];
        assert_eq!(inputs[1..length], targets[..length - 1]);
        assert!(inputs[length..].iter().all(|&input| input == 0));
        assert!(targets[length..].iter().all(|&target| target == IGNORE));
        let ids: Vec<u32> = [&inputs[..1], &targets[..length]].concat();
        String::from_utf8(vocabulary.decode(&ids)).unwrap()
    };
    (0..batch.rows).map(row).collect()
}

/// Numbered lines of the given lengths (plus the digits of the number).
fn numbered_lines(lengths: &[usize]) -> Vec<String> {
    lengths.iter().enumerate().map(|(number, &length)| format!("{number} {}", "x".repeat(length))).collect()
}

#[test]
fn a_small_text_gives_padded_rows() {
    let text = encoded("ab\nabcd\n\nc\n");
    let mut lines = Lines::new(&text, 0..text.len(), 2, None).unwrap();
    let batches = epoch(&mut lines, 0);
    assert_eq!(rows(&batches[0], text.vocabulary()), ["\nabcd\n", "\nab\n"]);
    assert_eq!(rows(&batches[1], text.vocabulary()), ["\nc\n"]);
    assert_eq!(batches[0].count(), 8);
    assert_eq!(batches[1].count(), 2);
    assert_eq!((lines.len(), lines.rows()), (2, 2));
    assert!(lines.notes().is_empty());
}

#[test]
fn epochs_differ_only_with_a_seed() {
    let text = numbered_lines(&[3; 400]).join("\n") + "\n";
    let text = encoded(&text);
    let mut fixed = Lines::new(&text, 0..text.len(), 5, None).unwrap();
    assert_eq!(epoch(&mut fixed, 0), epoch(&mut fixed, 1));
    let mut shuffled = Lines::new(&text, 0..text.len(), 5, Some(1)).unwrap();
    let mut other_seed = Lines::new(&text, 0..text.len(), 5, Some(2)).unwrap();
    let first = epoch(&mut shuffled, 0);
    assert_ne!(first, epoch(&mut shuffled, 1));
    assert_ne!(first, epoch(&mut other_seed, 0));
    assert_eq!(first, epoch(&mut shuffled, 0));
}

#[test]
fn long_lines_are_reported() {
    let text = format!("{}\nshort\n{}\n", "a".repeat(5000), "b".repeat(1025));
    let text = encoded(&text);
    let mut lines = Lines::new(&text, 0..text.len(), 4, Some(0)).unwrap();
    assert_eq!(lines.notes()[0].to_string(), "2 lines are longer than 1,024 tokens and are split");
    assert_eq!(epoch(&mut lines, 0).iter().map(|batch| batch.count()).sum::<usize>(), 5001 + 6 + 1026);
    let lines = Lines::new(&text, 0..5007, 4, Some(0)).unwrap();
    assert_eq!(lines.notes()[0].to_string(), "1 line is longer than 1,024 tokens and is split");
}

#[test]
fn a_text_without_lines_is_refused() {
    let refusal = |text: &str| {
        let text = encoded(text);
        Lines::new(&text, 0..text.len(), 2, None).unwrap_err().to_string()
    };
    assert_eq!(
        refusal("one line"),
        "text.txt: cannot be read line by line, because the vocabulary has no newline: use a text of \
         several lines, or train without `lines`"
    );
    assert_eq!(refusal("\n\n"), "text.txt: has only empty lines in this part: use more text");
}

#[test]
fn zero_rows_are_refused() {
    let text = encoded("a\n");
    let error = Lines::new(&text, 0..2, 0, None).unwrap_err();
    assert_eq!(error.to_string(), "`batch_size` is 0: give 1 or more");
}

#[test]
fn an_unknown_character_is_reported_with_its_line_or_counted() {
    let known = SymbolCounts::of(Units::Char, "ab\n");
    let read = |with_unknown| {
        let vocabulary = Vocabulary::from_counts(Units::Char, &known, 1, with_unknown).unwrap();
        let text = EncodedText::new(&corpus("ab\n\nébé\n"), vocabulary.into()).unwrap();
        Lines::new(&text, 0..text.len(), 2, None)
    };
    assert_eq!(
        read(false).unwrap_err().to_string(),
        "text.txt, line 3: contains 'é' (U+00E9), which is not in the vocabulary: remove it from the text, \
         or train a model with an unknown token"
    );
    let mut lines = read(true).unwrap();
    epoch(&mut lines, 0);
    assert_eq!(lines.unknown_count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn an_epoch_has_each_line_exactly_once(
        lengths in proptest::collection::vec(0usize..30, 1..700),
        batch_rows in 1usize..50,
        seed: Option<u64>,
        epoch_number in 0u64..5,
    ) {
        let lines = numbered_lines(&lengths);
        let text = encoded(&(lines.join("\n") + "\n"));
        let mut batches = Lines::new(&text, 0..text.len(), batch_rows, seed).unwrap();
        let all = epoch(&mut batches, epoch_number);
        let mut found: Vec<_> = all.iter().flat_map(|batch| rows(batch, text.vocabulary())).collect();
        let mut expected: Vec<_> = lines.iter().map(|line| format!("\n{line}\n")).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
        let count: usize = all.iter().map(|batch| batch.count()).sum();
        prop_assert_eq!(count, lines.iter().map(|line| line.chars().count() + 1).sum::<usize>());
        prop_assert!(all.iter().filter(|batch| batch.rows != batches.rows()).count() <= 1);
    }

    #[test]
    fn batches_do_not_depend_on_the_order_of_calls(
        lengths in proptest::collection::vec(0usize..30, 1..500),
        batch_rows in 1usize..9,
        seed: Option<u64>,
        calls in proptest::collection::vec((0u64..3, 0u64..80), 1..12),
    ) {
        let text = encoded(&(numbered_lines(&lengths).join("\n") + "\n"));
        let new = || Lines::new(&text, 0..text.len(), batch_rows, seed).unwrap();
        let (mut lines, mut batch) = (new(), TextBatch::default());
        let epochs = [0, 1, 2].map(|number| epoch(&mut new(), number));
        for (number, index) in calls {
            let exists = lines.batch(number, index, &mut batch).unwrap();
            prop_assert_eq!(exists.then_some(&batch), epochs[number as usize].get(index as usize));
        }
    }
}
