//! A language model over a text, window by window, with everything that its layers did.

use refrain_kernels::{Backend, Real, Trace};

use crate::Session;
use crate::model::{Network, Weights, Workspace};
use crate::sample::candidates;
use crate::task::Language;

/// Steps that are looked at together.
const WINDOW: usize = 256;
/// Candidates that are told of what may come next.
const CANDIDATES: usize = 5;

/// What happened at some steps of a text, which was read from its start.
pub struct Seen<'s, R> {
    /// The number of the first step, from 0.
    pub from: usize,
    /// `[T]`: the tokens that were read.
    pub ids: &'s [u32],
    /// The activations of each layer, lowest first, `[T, 1, H]`.
    pub layers: &'s [Trace<R>],
    /// `[T, V]`: of what comes after each of the tokens.
    pub logits: &'s [R],
}

/// What a model expected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// Nats: how surprising each token was after those before it; NaN for the first.
    pub surprise: Vec<f32>,
    /// The most probable tokens after each one, with their probabilities, the most probable first.
    pub candidates: Vec<Vec<(u32, f32)>>,
}

impl<B: Backend> Session<'_, Language, B> {
    /// Reads tokens, and shows what happens on the way, see [`watch`].
    pub fn watch(&self, ids: &[u32], see: impl FnMut(Seen<'_, B::Real>)) {
        watch(self.backend(), &self.model().task, self.weights(), ids, see);
    }
}

/// Reads tokens from the zero state (a model of lines: each line from it), and shows what happens on the way.
pub fn watch<B: Backend>(
    backend: &B,
    Language { network, vocabulary, lines, .. }: &Language,
    weights: &Weights<B>,
    ids: &[u32],
    mut see: impl FnMut(Seen<'_, B::Real>),
) {
    let end = vocabulary.line_end().filter(|_| *lines);
    let (mut state, mut pass) = (network.zero_state::<B>(1), Workspace::default());
    let mut from = 0;
    for line in ids.split_inclusive(|&id| Some(id) == end) {
        if from > 0 && end.is_some() {
            state = network.zero_state::<B>(1);
        }
        for window in line.chunks(WINDOW) {
            network.read_ahead(backend, weights, window, &mut state, &mut pass);
            let layers = network.trace(backend, weights, &pass);
            let logits = network.logits(backend, weights, &mut pass);
            see(Seen { from, ids: window, layers: &layers, logits });
            from += window.len();
        }
    }
}

impl Predictions {
    /// Adds the steps of a window of the text `ids`.
    pub fn add<R: Real>(&mut self, seen: &Seen<'_, R>, vocab_size: usize, ids: &[u32]) {
        if self.surprise.is_empty() {
            self.surprise.push(f32::NAN);
        }
        for (t, logits) in (seen.from..).zip(seen.logits.chunks_exact(vocab_size)) {
            let next = ids.get(t + 1).copied();
            let (best, probability) = candidates(logits, CANDIDATES, next);
            self.surprise.extend(probability.map(|p| -p.max(f32::MIN_POSITIVE).ln()));
            self.candidates.push(best);
        }
    }
}
