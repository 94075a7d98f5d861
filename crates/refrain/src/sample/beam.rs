//! Beam search: of all sequences that a model could write, those that it finds most probable, as far as a few
//! hypotheses at a time can tell (Sutskever, Vinyals & Le 2014, section 3.2).

use refrain_kernels::{Real, State};

use crate::error::{Error, Result, within};

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeamOptions {
    /// Hypotheses that are kept at each step; 1 takes the most probable symbol again and again (greedy search).
    pub width: usize,
    /// The exponent of the length in [`Hypothesis::score`]: 0 compares probabilities, which favours the short; 1 their means
    /// a symbol.
    pub length_penalty: f64,
}

impl Default for BeamOptions {
    fn default() -> Self {
        Self { width: 5, length_penalty: 0.7 }
    }
}

impl BeamOptions {
    /// Checks that there can be such a search.
    ///
    /// # Errors
    /// [`Error::Setting`] for a width of 0 or far too large, and an exponent that is no number from 0 on.
    pub fn validate(&self) -> Result<()> {
        let Self { width, length_penalty } = *self;
        within("beam", width, 1, 1_000)?;
        if !(length_penalty.is_finite() && length_penalty >= 0.0) {
            return Err(Error::out_of_range("length_penalty", length_penalty, "a number of at least 0"));
        }
        Ok(())
    }
}

/// What a search found for one sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Without start and end symbol.
    pub ids: Vec<u32>,
    /// Natural logarithm of its probability, the end symbol's included.
    pub log_probability: f64,
    /// `log_probability / (length + 1)^length_penalty`, by which hypotheses are ranked.
    pub score: f64,
}

/// The symbols around a sequence.
#[derive(Clone, Copy, Debug)]
pub struct Boundaries {
    /// Before the first symbol; never written.
    pub start: u32,
    /// Behind the last.
    pub end: u32,
}

/// A beginning that may be gone on from.
#[derive(Clone, Default)]
struct Live {
    ids: Vec<u32>,
    log_probability: f64,
    /// Its row in the step before.
    row: usize,
}

/// The search for one sequence.
struct Beam {
    live: Vec<Live>,
    /// The best first.
    finished: Vec<Hypothesis>,
    most: usize,
}

/// Searches for as many sequences as there are `limits`, side by side; each has the symbols of its limit at most. Gives each
/// one's hypotheses, at least one and at most `width`, the best first.
///
/// `step` is the model that is searched. It gets `parents` and `ids`: every row goes on by one symbol, row `i` from where row
/// `parents[i]` was after the step before, by `ids[i]`; and gives the logits `[rows, V]` of what comes next. In the first step
/// every row is its own parent. Row `n S + s` is hypothesis `n` of sequence `s`, of `S`: there are `width S` rows.
///
/// A sequence's search ends when as many hypotheses have ended as the beam is wide, and none that goes on can become better
/// than the best of them. What a sequence gets does not depend on the others beside it.
pub fn beam_search<R: Real>(
    mut step: impl FnMut(&[usize], &[u32]) -> Vec<R>,
    limits: &[usize],
    boundaries: Boundaries,
    options: &BeamOptions,
) -> Vec<Vec<Hypothesis>> {
    let (count, width) = (limits.len(), options.width);
    let begin = |(s, &most): (usize, &usize)| Beam {
        live: vec![Live { row: s, ..Live::default() }],
        finished: vec![],
        most,
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
    /// Goes on from every live hypothesis by its best symbols.
    fn step<R: Real>(&mut self, logits: &[R], classes: usize, boundaries: Boundaries, options: &BeamOptions) {
        let Boundaries { start, end } = boundaries;
        let Self { live, finished, most } = self;
        let mut candidates: Vec<(f64, usize, u32)> = vec![];
        for (n, hypothesis) in live.iter().enumerate() {
            let logits = &logits[hypothesis.row * classes..][..classes];
            let base = hypothesis.log_probability - log_sum(logits);
            // At the limit there is nothing left but to end.
            let ids = if hypothesis.ids.len() >= *most { end..end + 1 } else { 0..classes as u32 };
            let ids = ids.filter(|&id| id != start);
            candidates.extend(ids.map(|id| (base + logits[id as usize].as_f64(), n, id)));
        }
        // Ends among the first `width` finish; of the others the first `width` go on.
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
            if id == end && (rank < options.width || from.ids.len() >= *most) {
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
        // The first of those that go on is the most probable, and a longer sequence is never more probable.
        let hope =
            live.first().map(|live| live.log_probability / ((*most + 1) as f64).powf(options.length_penalty));
        let settled = |hope| finished.len() >= options.width && finished[0].score >= hope;
        if hope.is_none_or(settled) {
            live.clear();
        }
    }
}

/// Makes each row of states `[rows, H]` that of its parent.
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
