//! Windows cover the text exactly, whatever the order of calls.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::data::Batch as _;
use crate::text::{Corpus, Source, SymbolCounts, Units, Vocabulary};

/// A text whose id at position `p` is p mod 10,000.
fn numbered(length: u32) -> EncodedText {
    let text: String =
        (0..length).filter_map(|position| char::from_u32(0x1_0000 + position % 10_000)).collect();
    let vocabulary =
        Vocabulary::from_counts(Units::Char, &SymbolCounts::of(Units::Char, &text), 1, false).unwrap();
    let corpus = Corpus::scan(vec![Source::memory("numbers", &text)], Units::Char, false).unwrap();
    EncodedText::new(&corpus, vocabulary.into()).unwrap()
}

fn epoch(windows: &mut Windows) -> Vec<TextBatch> {
    let mut batches = Vec::new();
    let mut batch = TextBatch::default();
    while windows.batch(batches.len() as u64, &mut batch).unwrap() {
        batches.push(batch.clone());
    }
    assert_eq!(batches.len() as u64, windows.len());
    batches
}

fn targets(batches: &[TextBatch]) -> Vec<u32> {
    let all = batches.iter().flat_map(|batch| &batch.targets);
    let mut targets: Vec<u32> = all.copied().filter(|&target| target != IGNORE).collect();
    targets.sort_unstable();
    targets
}

/// Asserts that every target is one more than its input, and that every row continues across windows.
fn assert_contiguous(batches: &[TextBatch]) {
    for (index, batch) in batches.iter().enumerate() {
        for place in 0..batch.targets.len() {
            let (input, target) = (batch.inputs[place], batch.targets[place]);
            assert!(target == IGNORE || target == input + 1);
            if place >= batch.rows && target != IGNORE {
                assert_eq!(input, batch.inputs[place - batch.rows] + 1);
            }
        }
        if let Some(before) = index.checked_sub(1).map(|before| &batches[before]) {
            for row in 0..batch.rows {
                let last = before.inputs[(before.steps - 1) * before.rows + row];
                assert!(batch.targets[row] == IGNORE || batch.inputs[row] == last + 1);
            }
        }
    }
}

#[test]
fn a_small_text_is_split_into_lanes_and_windows() {
    let text = numbered(12);
    let mut windows = Windows::new(&text, 0..12, 2, 3).unwrap();
    let batches = epoch(&mut windows);
    assert_eq!(batches.len(), 2);
    assert_eq!(batches[0].inputs, [0, 5, 1, 6, 2, 7]);
    assert_eq!(batches[0].targets, [1, 6, 2, 7, 3, 8]);
    assert_eq!((batches[1].rows, batches[1].steps), (2, 2));
    assert_eq!(batches[1].targets, [4, 9, 5, 10]);
    assert_eq!(batches.iter().map(|batch| batch.count()).sum::<usize>(), 10);
    assert_eq!(batches[1].lengths, None);
}

#[test]
fn the_error_for_a_short_text_has_the_required_length() {
    let text = numbered(2500);
    assert!(Windows::new(&text, 0..2500, 49, 51).is_ok());
    let error = Windows::new(&text, 0..2500, 50, 50).unwrap_err();
    assert_eq!(
        error.to_string(),
        "numbers: the text to train on is too short: it has 2,500 tokens, but `batch_size = 50` and `seq_length = 50` \
         need at least 2,501: lower one of them, or use more text"
    );
}

#[test]
fn empty_shapes_and_texts_are_refused() {
    let text = numbered(10);
    let error = Windows::new(&text, 0..10, 0, 3).unwrap_err();
    assert_eq!(error.to_string(), "`batch_size` is 0: give 1 or more");
    let error = Windows::evaluation(&text, 9..10, Evaluation::exact(5)).unwrap_err();
    assert_eq!(error.to_string(), "numbers: has fewer than two tokens to evaluate on: use more text");
}

#[test]
fn a_limit_just_below_the_length_predicts_no_token_twice() {
    let text = numbered(20);
    for limit in 1..19 {
        let how = Evaluation { rows: 7, steps: 50, warm_up: 20, limit: Some(limit) };
        let batches = epoch(&mut Windows::evaluation(&text, 0..20, how).unwrap());
        let targets = targets(&batches);
        assert_eq!(targets.len() as u64, limit);
        assert!(targets.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[test]
fn an_unknown_character_is_reported_with_its_line() {
    let known = SymbolCounts::of(Units::Char, "ab\n");
    let corpus = Corpus::scan(vec![Source::memory("poem.txt", "ab\nab\naéb\n")], Units::Char, false).unwrap();
    let read = |vocabulary| EncodedText::new(&corpus, Arc::new(vocabulary)).unwrap();
    let strict = Vocabulary::from_counts(Units::Char, &known, 1, false).unwrap();
    let mut windows = Windows::evaluation(&read(strict), 0..10, Evaluation::exact(4)).unwrap();
    let mut batch = TextBatch::default();
    assert!(windows.batch(0, &mut batch).unwrap());
    assert_eq!(
        windows.batch(1, &mut batch).unwrap_err().to_string(),
        "poem.txt, line 3: contains 'é' (U+00E9), which is not in the vocabulary: remove it from the text, \
         or train a model with an unknown token"
    );
    let lenient = Vocabulary::from_counts(Units::Char, &known, 1, true).unwrap();
    let mut windows = Windows::evaluation(&read(lenient), 0..10, Evaluation::exact(4)).unwrap();
    epoch(&mut windows);
    assert_eq!(windows.unknown_count(), 1);
}

#[test]
fn the_units_of_text_and_vocabulary_must_agree() {
    let corpus = Corpus::scan(vec![Source::memory("text", "abc")], Units::Byte, false).unwrap();
    let error = EncodedText::new(&corpus, numbered(10).vocabulary().clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`units` is byte for this text, but the units of the vocabulary are char: use `units = char`"
    );
}

#[test]
fn buffers_are_reused_from_window_to_window() {
    let text = numbered(1000);
    let mut windows = Windows::new(&text, 0..1000, 4, 10).unwrap();
    let mut batch = TextBatch::default();
    windows.batch(0, &mut batch).unwrap();
    let before = (batch.inputs.as_ptr(), batch.targets.as_ptr());
    for index in 1..windows.len() {
        windows.batch(index, &mut batch).unwrap();
    }
    assert_eq!((batch.inputs.as_ptr(), batch.targets.as_ptr()), before);
}

proptest! {
    #[test]
    fn training_windows_cover_each_position_exactly_once(
        start in 0u32..50, length in 2u32..2_000, rows in 1usize..20, steps in 1usize..60,
    ) {
        let text = numbered(start + length);
        let range = u64::from(start)..u64::from(start + length);
        let part = (length as usize - 1) / rows;
        prop_assume!(part >= steps);
        let mut windows = Windows::new(&text, range, rows, steps).unwrap();
        let batches = epoch(&mut windows);
        let expected: Vec<u32> = (start + 1..start + 1 + (part * rows) as u32).collect();
        prop_assert_eq!(targets(&batches), expected);
        prop_assert!(batches.iter().all(|batch| batch.count() == batch.targets.len()));
        assert_contiguous(&batches);
    }

    #[test]
    fn evaluation_predicts_each_token_but_the_first_exactly_once(
        start in 0u32..50, length in 2u32..2_000, rows in 1usize..40, steps in 1usize..60, warm_up in 0u64..300,
    ) {
        let text = numbered(start + length);
        let range = u64::from(start)..u64::from(start + length);
        let how = Evaluation { rows, steps, warm_up, limit: None };
        let mut windows = Windows::evaluation(&text, range, how).unwrap();
        let batches = epoch(&mut windows);
        prop_assert_eq!(targets(&batches), (start + 1..start + length).collect::<Vec<_>>());
        assert_contiguous(&batches);
        let least = (0..windows.rows()).filter_map(|row| batches[0].inputs.get(row)).min();
        prop_assert_eq!(least, Some(&start));
    }

    #[test]
    fn a_limit_is_exact_and_spread_over_the_text(
        length in 1_000u32..5_000, rows in 1usize..40, limit in 1u64..2_000,
    ) {
        let text = numbered(length);
        let how = Evaluation { rows, steps: 50, warm_up: 20, limit: Some(limit) };
        let mut windows = Windows::evaluation(&text, 0..u64::from(length), how).unwrap();
        let batches = epoch(&mut windows);
        let targets = targets(&batches);
        prop_assert_eq!(targets.len() as u64, limit.min(u64::from(length) - 1));
        prop_assert!(targets.windows(2).all(|pair| pair[0] < pair[1]));
        let last_part = even_split(u64::from(length) - 1, windows.rows() as u64 - 1, windows.rows() as u64);
        prop_assert!(u64::from(targets[targets.len() - 1]) > last_part);
    }

    #[test]
    fn windows_do_not_depend_on_the_order_of_calls(
        calls in proptest::collection::vec(0u64..12, 1..20), warm_up in 0u64..30,
    ) {
        let text = numbered(500);
        let how = Evaluation { rows: 3, steps: 17, warm_up, limit: None };
        let mut windows = Windows::evaluation(&text, 0..500, how).unwrap();
        let in_order = epoch(&mut windows);
        let mut batch = TextBatch::default();
        for index in calls {
            let exists = windows.batch(index, &mut batch).unwrap();
            prop_assert_eq!(exists.then_some(&batch), in_order.get(index as usize));
        }
    }
}
