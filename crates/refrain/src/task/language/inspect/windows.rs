//! Runs a language model over a text, in windows, with all activations.

use refrain_kernels::Backend;

use crate::Session;
use crate::inspect::Window;
use crate::model::{Network, Weights, Workspace};
use crate::task::Language;

/// Steps per window.
const WINDOW: usize = 256;

impl<B: Backend> Session<Language, B> {
    /// Runs the model on tokens, see [`for_each_window`].
    pub fn for_each_window(&self, ids: &[u32], on_window: impl FnMut(Window<'_, B::Real>)) {
        for_each_window(self.backend(), &self.model().task, self.weights(), ids, on_window);
    }
}

/// Runs the model on tokens from the zero state (for a model of lines: each line) and passes each window to `on_window`.
pub fn for_each_window<B: Backend>(
    backend: &B,
    Language { network, vocabulary, lines, .. }: &Language,
    weights: &Weights<B>,
    ids: &[u32],
    mut on_window: impl FnMut(Window<'_, B::Real>),
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
            on_window(Window { from, ids: window, layers: &layers, logits });
            from += window.len();
        }
    }
}
