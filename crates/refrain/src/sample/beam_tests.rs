use std::collections::BTreeMap;

use super::*;

const START: u32 = 3;
const END: u32 = 2;

/// Logits of symbols 0, 1 and the end, a fixed function of all that came before.
fn logits(ids: &[u32]) -> Vec<f64> {
    let seed = ids.iter().fold(7.0, |seed, &id| seed * 1.7 + f64::from(id) + 0.3);
    let mut logits: Vec<f64> = (1..=3).map(|i| 2.0 * (seed * f64::from(i)).sin()).collect();
    logits.push(f64::NEG_INFINITY);
    logits
}

/// A decoder whose state is what it has read.
fn step(states: &mut Vec<Vec<u32>>, rows: &[usize], ids: &[u32]) -> Vec<f64> {
    *states = rows.iter().zip(ids).map(|(&row, &id)| [&states[row][..], &[id]].concat()).collect();
    states.iter().flat_map(|state| logits(&state[1..])).collect()
}

fn search(beam: Beam) -> Vec<Hypothesis> {
    let mut states = vec![vec![]];
    beam.search(|rows, ids| step(&mut states, rows, ids))
}

/// The log-probability of every sequence.
fn all(max_length: usize) -> BTreeMap<Vec<u32>, f64> {
    let (mut all, mut beginnings) = (BTreeMap::new(), vec![(vec![], 0.0)]);
    for length in 0..=max_length {
        let mut longer = vec![];
        for (ids, sum) in beginnings {
            let next: Vec<f64> = log_softmax(&logits(&ids)).collect();
            all.insert(ids.clone(), sum + next[END as usize]);
            longer.extend((0..2).map(|id| ([&ids[..], &[id]].concat(), sum + next[id as usize])));
        }
        beginnings = if length < max_length { longer } else { vec![] };
    }
    all
}

#[test]
fn a_wide_beam_finds_what_an_exhaustive_search_does() {
    for length_penalty in [0.0, 0.7, 1.0] {
        for max_length in 0..6 {
            let mut expected: Vec<(Vec<u32>, f64, f64)> = all(max_length)
                .into_iter()
                .map(|(ids, p)| (ids.clone(), p, p / ((ids.len() + 1) as f64).powf(length_penalty)))
                .collect();
            expected.sort_by(|a, b| b.2.total_cmp(&a.2));
            let got = search(Beam { width: 200, length_penalty, max_length, start: START, end: END });
            assert_eq!(got.len(), expected.len());
            for (got, (ids, log_probability, score)) in got.iter().zip(&expected) {
                assert_eq!(&got.ids, ids);
                assert!((got.log_probability - log_probability).abs() < 1e-12);
                assert!((got.score - score).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn a_beam_of_one_takes_the_most_probable_symbol_at_every_step() {
    let got = search(Beam { width: 1, length_penalty: 0.0, max_length: 20, start: START, end: END });
    let mut greedy = vec![];
    loop {
        let logits = logits(&greedy);
        match crate::layer::most_probable(&logits) as u32 {
            END => break,
            id => greedy.push(id),
        }
    }
    assert_eq!((got.len(), &got[0].ids), (1, &greedy));
}

#[test]
fn a_wider_beam_finds_nothing_worse() {
    let best =
        |width| search(Beam { width, length_penalty: 0.0, max_length: 8, start: START, end: END })[0].score;
    assert!(best(64) >= best(4) && best(4) >= best(1));
}

#[test]
fn what_never_ends_is_cut_off_and_what_cannot_begin_is_empty() {
    let beam = Beam { width: 2, length_penalty: 1.0, max_length: 3, start: START, end: END };
    let endless = |rows: &[usize], _: &[u32]| [0.5, 0.2, f64::NEG_INFINITY].repeat(rows.len());
    let got = beam.search(endless);
    assert_eq!((got.len(), &got[0].ids[..]), (1, &[0, 0, 0][..]));
    let nothing = |rows: &[usize], _: &[u32]| [f64::NEG_INFINITY; 3].repeat(rows.len());
    assert!(beam.search(nothing)[0].ids.is_empty());
}

#[test]
fn rows_of_states_are_put_in_order() {
    let mut states = [State { h: vec![1, 2, 3, 4], c: vec![] }, State { h: vec![5, 6], c: vec![7, 8] }];
    take_rows(&mut states, 2, &[1, 1, 0]);
    assert_eq!(states[0], State { h: vec![3, 4, 3, 4, 1, 2], c: vec![] });
    assert_eq!(states[1], State { h: vec![6, 6, 5], c: vec![8, 8, 7] });
}
