//! A language model over a text, window by window, with everything that its layers did.

use refrain_kernels::Backend;

use crate::Session;
use crate::inspect::Window;
use crate::model::{Network, Weights, Workspace};
use crate::task::Language;

/// Steps that are looked at together.
const WINDOW: usize = 256;

impl<B: Backend> Session<Language, B> {
    /// Reads tokens, and shows what happens on the way, see [`watch`].
    pub fn watch(&self, ids: &[u32], see: impl FnMut(Window<'_, B::Real>)) {
        watch(self.backend(), &self.model().task, self.weights(), ids, see);
    }
}

/// Reads tokens from the zero state (a model of lines: each line from it), and shows what happens on the way.
pub fn watch<B: Backend>(
    backend: &B,
    Language { network, vocabulary, lines, .. }: &Language,
    weights: &Weights<B>,
    ids: &[u32],
    mut see: impl FnMut(Window<'_, B::Real>),
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
            see(Window { from, ids: window, layers: &layers, logits });
            from += window.len();
        }
    }
}
