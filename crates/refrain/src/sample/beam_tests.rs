//! Beam search on a small model, compared with exhaustive search.

use super::*;

const V: usize = 4;
const BOUNDARIES: Boundaries = Boundaries { start: 2, end: 3 };

/// Logits that depend on all tokens so far and on the number of the sequence.
fn toy(count: usize, first: usize, width: usize) -> impl FnMut(&[usize], &[u32]) -> Vec<f64> {
    let mut rows: Vec<Vec<u32>> = vec![vec![]; count * width];
    move |parents, ids| {
        rows = parents.iter().zip(ids).map(|(&p, &id)| [&rows[p][..], &[id]].concat()).collect();
        rows.iter().enumerate().flat_map(|(row, ids)| logits(first + row % count, ids)).collect()
    }
}

fn logits(sequence: usize, ids: &[u32]) -> Vec<f64> {
    let seed = ids.iter().fold(sequence as f64 + 1.0, |seed, &id| seed * 1.7 + f64::from(id) + 0.3);
    (0..V).map(|v| if v == 2 { f64::NEG_INFINITY } else { 2.0 * (seed * (v as f64 + 1.3)).sin() }).collect()
}

/// All sequences of at most `max_len` tokens, best first.
fn exhaustive(sequence: usize, max_len: usize, length_penalty: f64) -> Vec<Hypothesis> {
    let (mut found, mut open) = (vec![], vec![(vec![BOUNDARIES.start], 0.0)]);
    while let Some((ids, log_probability)) = open.pop() {
        let logits = logits(sequence, &ids);
        let log = |id: u32| log_probability + logits[id as usize] - log_sum(&logits);
        let p = log(BOUNDARIES.end);
        found.push(Hypothesis {
            score: p / (ids.len() as f64).powf(length_penalty),
            ids: ids[1..].to_vec(),
            log_probability: p,
        });
        if ids.len() <= max_len {
            open.extend([0, 1].map(|id| ([&ids[..], &[id]].concat(), log(id))));
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

#[test]
fn a_beam_that_is_wide_enough_equals_exhaustive_search() {
    for length_penalty in [0.0, 0.7, 1.0] {
        let options = BeamOptions { width: 40, length_penalty };
        let limits = [3, 4, 2];
        let found = beam_search(toy(3, 0, 40), &limits, BOUNDARIES, &options);
        for (sequence, (found, max_len)) in found.iter().zip(limits).enumerate() {
            let all = exhaustive(sequence, max_len, length_penalty);
            assert_eq!(found.len(), all.len());
            for (found, expected) in found.iter().zip(&all) {
                assert_eq!(found.ids, expected.ids);
                assert!((found.score - expected.score).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn a_beam_of_width_one_takes_the_most_probable_token() {
    let options = BeamOptions { width: 1, ..BeamOptions::default() };
    for (sequence, found) in beam_search(toy(5, 0, 1), &[6; 5], BOUNDARIES, &options).iter().enumerate() {
        let mut ids = vec![BOUNDARIES.start];
        while ids.len() <= 6 {
            let best = crate::layer::most_probable(&logits(sequence, &ids)) as u32;
            if best == BOUNDARIES.end {
                break;
            }
            ids.push(best);
        }
        assert_eq!(found[0].ids, ids[1..], "{sequence}");
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn results_do_not_depend_on_the_other_sequences() {
    let options = BeamOptions { width: 3, length_penalty: 0.7 };
    let together = beam_search(toy(4, 0, 3), &[5, 9, 0, 7], BOUNDARIES, &options);
    for (sequence, limit) in [5, 9, 0, 7].into_iter().enumerate() {
        let alone = beam_search(toy(1, sequence, 3), &[limit], BOUNDARIES, &options);
        assert_eq!(alone[0], together[sequence]);
        assert!(!alone[0].is_empty() && alone[0].len() <= 3);
        assert!(alone[0].iter().all(|found| found.ids.len() <= limit));
    }
}

#[test]
fn options_out_of_bounds_are_refused() {
    for options in [
        BeamOptions { width: 0, ..BeamOptions::default() },
        BeamOptions { width: usize::MAX, ..BeamOptions::default() },
        BeamOptions { length_penalty: f64::NAN, ..BeamOptions::default() },
        BeamOptions { length_penalty: -1.0, ..BeamOptions::default() },
    ] {
        assert!(options.validate().is_err(), "{options:?}");
    }
    assert!(BeamOptions::default().validate().is_ok());
}
