//! Beam search: an approximate search for the most probable sequences (Sutskever, Vinyals & Le 2014, section 3.2).

use refrain_kernels::{Real, State};

use crate::error::{Error, Result, within};

/// SamplingOptions of a beam search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeamOptions {
    /// Hypotheses that are kept at each time step; 1 is greedy search.
    pub width: usize,
    /// Exponent of the length in [`Hypothesis::score`]: 0 compares log-probabilities, which favours short sequences; 1
    /// compares log-probabilities per token.
    pub length_penalty: f64,
}

impl Default for BeamOptions {
    fn default() -> Self {
        Self { width: 5, length_penalty: 0.7 }
    }
}

impl BeamOptions {
    /// Checks the options against their bounds.
    ///
    /// # Errors
    /// [`Error::Setting`] for a width outside 1..=1000, and an exponent that is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        let Self { width, length_penalty } = *self;
        within("beam", width, 1, 1_000)?;
        if !(length_penalty.is_finite() && length_penalty >= 0.0) {
            return Err(Error::out_of_range("length_penalty", length_penalty, "at least 0"));
        }
        Ok(())
    }
}

/// A result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Without start and end token.
    pub ids: Vec<u32>,
    /// Natural logarithm of its probability, including the end token.
    pub log_probability: f64,
    /// `log_probability / (length + 1)^length_penalty`, by which hypotheses are ranked.
    pub score: f64,
}

/// The tokens around a sequence.
#[derive(Clone, Copy, Debug)]
pub struct Boundaries {
    /// Before the first token; never generated.
    pub start: u32,
    /// After the last token.
    pub end: u32,
}

/// An unfinished hypothesis.
#[derive(Clone, Default)]
struct Live {
    ids: Vec<u32>,
    log_probability: f64,
    /// Its row in the previous time step.
    row: usize,
}

/// The search for one sequence.
struct Beam {
    live: Vec<Live>,
    /// Best first.
    finished: Vec<Hypothesis>,
    max_len: usize,
}

/// Searches for one sequence per element of `limits`, its maximum number of tokens. Returns the hypotheses of each, at least
/// one and at most `width`, best first.
///
/// `step(parents, ids)` runs the model for one time step: row `i` continues from row `parents[i]` of the previous step with the
/// token `ids[i]`. It returns the logits `[rows, V]`. In the first step every row is its own parent. Row `n S + s` is
/// hypothesis `n` of sequence `s` of `S`: there are `width S` rows.
///
/// The search for a sequence ends when `width` hypotheses are finished and no unfinished one can become better than the best
/// of them. Results do not depend on the other sequences.
pub fn beam_search<R: Real>(
    mut step: impl FnMut(&[usize], &[u32]) -> Vec<R>,
    limits: &[usize],
    boundaries: Boundaries,
    options: &BeamOptions,
) -> Vec<Vec<Hypothesis>> {
    let (count, width) = (limits.len(), options.width);
    let begin = |(s, &max_len): (usize, &usize)| Beam {
        live: vec![Live { row: s, ..Live::default() }],
        finished: vec![],
        max_len,
    };
    let mut beams: Vec<Beam> = limits.iter().enumerate().map(begin).collect();
    let mut parents: Vec<usize> = (0..width * count).collect();
    let mut ids = vec![boundaries.start; width * count];
    while beams.iter().any(|beam| !beam.live.is_empty()) {
        let logits = step(&parents, &ids);
        let classes = logits.len() / (width * count);
        for (s, beam) in beams.iter_mut().enumerate() {
            beam.step(&logits, classes, boundaries, options);
            for (n, live) in beam.live.iter_mut().enumerate() {
                let row = n * count + s;
                (parents[row], ids[row]) = (live.row, live.ids.last().copied().unwrap_or(boundaries.start));
                live.row = row;
            }
        }
    }
    beams.into_iter().map(|beam| beam.finished).collect()
}

impl Beam {
    /// Extends every live hypothesis by its best tokens.
    fn step<R: Real>(&mut self, logits: &[R], classes: usize, boundaries: Boundaries, options: &BeamOptions) {
        let Boundaries { start, end } = boundaries;
        let Self { live, finished, max_len } = self;
        let mut candidates: Vec<(f64, usize, u32)> = vec![];
        for (n, hypothesis) in live.iter().enumerate() {
            let logits = &logits[hypothesis.row * classes..][..classes];
            let base = hypothesis.log_probability - log_sum(logits);
            // At the limit only the end token may follow.
            let ids = if hypothesis.ids.len() >= *max_len { end..end + 1 } else { 0..classes as u32 };
            let ids = ids.filter(|&id| id != start);
            candidates.extend(ids.map(|id| (base + logits[id as usize].as_f64(), n, id)));
        }
        // End tokens among the first `width` finish; the first `width` others stay live.
        let kept = (2 * options.width).min(candidates.len());
        let order = |a: &(f64, usize, u32), b: &(f64, usize, u32)| {
            b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2)))
        };
        if kept < candidates.len() {
            candidates.select_nth_unstable_by(kept, order);
            candidates.truncate(kept);
        }
        candidates.sort_unstable_by(order);
        let mut next = vec![];
        for (rank, &(log_probability, n, id)) in candidates.iter().enumerate() {
            let from = &live[n];
            if id == end && (rank < options.width || from.ids.len() >= *max_len) {
                let length = (from.ids.len() + 1) as f64;
                let score = log_probability / length.powf(options.length_penalty);
                finished.push(Hypothesis { ids: from.ids.clone(), log_probability, score });
            } else if id != end && next.len() < options.width {
                next.push(Live { ids: [&from.ids[..], &[id]].concat(), log_probability, row: from.row });
            }
        }
        *live = next;
        finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        finished.truncate(options.width);
        // The first live hypothesis is the most probable one, and a longer sequence is never more probable.
        let bound = live
            .first()
            .map(|live| live.log_probability / ((*max_len + 1) as f64).powf(options.length_penalty));
        let done = |bound| finished.len() >= options.width && finished[0].score >= bound;
        if bound.is_none_or(done) {
            live.clear();
        }
    }
}

/// Replaces each row of states `[rows, H]` by that of its parent.
pub(crate) fn take_rows<R: Copy>(states: &mut [State<R>], rows: usize, parents: &[usize]) {
    for values in states.iter_mut().flat_map(|state| [&mut state.h, &mut state.c]) {
        let size = values.len() / rows.max(1);
        *values = parents.iter().flat_map(|&row| &values[row * size..][..size]).copied().collect();
    }
}

/// Logarithm of the sum of the exponentials.
pub(crate) fn log_sum<R: Real>(logits: &[R]) -> f64 {
    let largest = logits.iter().copied().fold(R::neg_infinity(), R::max);
    let sum: R = logits.iter().map(|&x| (x - largest).exp()).sum();
    largest.as_f64() + sum.as_f64().ln()
}

#[cfg(test)]
#[path = "beam_tests.rs"]
mod tests;
