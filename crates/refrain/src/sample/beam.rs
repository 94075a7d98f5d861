//! Beam search: the most probable of the sequences that a decoder can write, or nearly so.
//!
//! At every step each of the best beginnings is gone on with in every way, and the best of all that are kept (Graves 2012,
//! section 2.5; Sutskever et al. 2014, section 3.2). Sequences of different lengths are compared by their log-probability over
//! a power of their length (Wu et al. 2016, section 7).

use refrain_kernels::{Real, State};

/// How a search goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beam {
    /// Beginnings that are kept at every step, at least 1; 1 always takes the most probable symbol.
    pub width: usize,
    /// Exponent of the length that log-probabilities are divided by: 0 for none, 1 for the mean of a symbol.
    pub length_penalty: f64,
    /// Most symbols of a sequence, the end symbol not counted.
    pub max_length: usize,
    /// What a sequence starts from.
    pub start: u32,
    /// What it ends with.
    pub end: u32,
}

/// A sequence that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Its symbols, without start and end.
    pub ids: Vec<u32>,
    /// Its natural log-probability, that of its end included.
    pub log_probability: f64,
    /// What it is ranked by: the log-probability over a power of the number of symbols, the end included.
    pub score: f64,
}

impl Beam {
    /// The best sequences, at most `width`, best first; at least one.
    ///
    /// `step(rows, ids)` goes on with the states of some rows: row `i` of the new states is row `rows[i]` of those that the last
    /// call left (in the first call row 0, the only one) after it has read `ids[i]`. It gives logits `[rows, V]`; negative
    /// infinity for symbols that may not come.
    pub fn search<R: Real>(&self, mut step: impl FnMut(&[usize], &[u32]) -> Vec<R>) -> Vec<Hypothesis> {
        let width = self.width.max(1);
        let mut live = vec![Live { row: 0, ids: vec![], log_probability: 0.0 }];
        let mut found: Vec<Hypothesis> = vec![];
        for length in 0..=self.max_length {
            let rows: Vec<usize> = live.iter().map(|live| live.row).collect();
            let ids: Vec<u32> =
                live.iter().map(|live| live.ids.last().copied().unwrap_or(self.start)).collect();
            let logits = step(&rows, &ids);
            let size = logits.len() / rows.len().max(1);
            let mut next: Vec<(f64, usize, u32)> = vec![];
            for (row, (logits, live)) in logits.chunks_exact(size.max(1)).zip(&live).enumerate() {
                for (id, log_probability) in (0..).zip(log_softmax(logits)) {
                    let total = live.log_probability + log_probability;
                    // What can go no further has to end.
                    if total.is_finite() && (id == self.end || length < self.max_length) {
                        next.push((total, row, id));
                    }
                }
            }
            // No two are equal, so that the order is one and the same however it is come by.
            let order = |a: &(f64, usize, u32), b: &(f64, usize, u32)| {
                b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
            };
            // Every beginning has one end: so many hold `width` that go on.
            if next.len() > 2 * width {
                next.select_nth_unstable_by(2 * width - 1, order);
                next.truncate(2 * width);
            }
            if next.is_empty() {
                break;
            }
            next.sort_unstable_by(order);
            let mut going = vec![];
            for (place, (log_probability, row, id)) in next.into_iter().enumerate() {
                let mut ids = live[row].ids.clone();
                if id == self.end {
                    if place < width {
                        let score = self.score(log_probability, length + 1);
                        found.push(Hypothesis { ids, log_probability, score });
                    }
                } else if going.len() < width {
                    ids.push(id);
                    going.push(Live { row, ids, log_probability });
                }
            }
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            found.truncate(width);
            live = going;
            if live.is_empty() || self.is_settled(&found, &live) {
                break;
            }
        }
        if found.is_empty() {
            // Nothing could end: the best beginning stands for all.
            found.extend(live.into_iter().take(1).map(|Live { ids, log_probability, .. }| {
                let score = self.score(log_probability, ids.len());
                Hypothesis { ids, log_probability, score }
            }));
        }
        found
    }

    fn score(&self, log_probability: f64, length: usize) -> f64 {
        log_probability / (length.max(1) as f64).powf(self.length_penalty)
    }

    /// Whether nothing that goes on can still come among the best: it becomes no more probable, only longer.
    fn is_settled(&self, found: &[Hypothesis], live: &[Live]) -> bool {
        let (Some(worst), Some(best)) = (found.get(self.width.max(1) - 1), live.first()) else {
            return false;
        };
        let length = if self.length_penalty > 0.0 { self.max_length + 1 } else { best.ids.len() + 1 };
        self.score(best.log_probability, length) <= worst.score
    }
}

/// A beginning.
struct Live {
    /// Of the states that the last step left.
    row: usize,
    ids: Vec<u32>,
    log_probability: f64,
}

/// Puts rows `rows` of states `[from, H]` in the place of all of them.
pub fn take_rows<R: Copy>(states: &mut [State<R>], from: usize, rows: &[usize]) {
    for values in states.iter_mut().flat_map(|state| [&mut state.h, &mut state.c]) {
        let width = values.len() / from.max(1);
        *values = rows.iter().flat_map(|row| &values[row * width..(row + 1) * width]).copied().collect();
    }
}

/// The natural log-probabilities of logits.
pub fn log_softmax<R: Real>(logits: &[R]) -> impl Iterator<Item = f64> {
    let largest = logits.iter().map(|x| x.as_f64()).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|x| (x.as_f64() - largest).exp()).sum();
    let log_sum = largest + sum.ln();
    logits.iter().map(move |x| x.as_f64() - log_sum)
}

#[cfg(test)]
#[path = "beam_tests.rs"]
mod tests;
