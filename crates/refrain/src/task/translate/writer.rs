//! The decoder, as a search sees it.

use refrain_kernels::{Backend, State};

use crate::model::{Translator, TranslatorWorkspace, Weights};
use crate::sample::{Writer, take_rows};

/// Several hypotheses for each of the sources that `pass` has read.
pub(super) struct TranslationWriter<'a, B: Backend> {
    pub(super) network: &'a Translator,
    pub(super) backend: &'a B,
    pub(super) weights: &'a Weights<B>,
    /// Of every row, one a layer.
    pub(super) state: Vec<State<B::Real>>,
    pub(super) pass: &'a mut TranslatorWorkspace<B>,
}

impl<B: Backend> Writer for TranslationWriter<'_, B> {
    type Real = B::Real;

    fn step(&mut self, parents: &[usize], ids: &[u32]) -> &[B::Real] {
        let Self { network, backend, weights, state, pass } = self;
        take_rows(state, parents.len(), parents);
        network.logits(*backend, weights, ids, None, state, pass)
    }
}
