//! Stepwise language modelling; the caller holds the state.

use refrain_kernels::{Backend, State};

use super::Language;
use crate::inspect::Trace;
use crate::model::{Network, Workspace};
use crate::session::{check_ids, check_step, rows_of};
use crate::{Result, Session};

impl<B: Backend> Session<Language, B> {
    /// The initial state of `rows` texts: for each layer `h` and `c`, `[rows, H]`.
    pub fn zero_state(&self, rows: usize) -> Vec<State<B::Real>> {
        self.model().task.network.zero_state::<B>(rows)
    }

    /// Reads a token of each text, `[rows]`, returns the logits of the next tokens, `[rows, V]`, and updates `state`. (For a
    /// model of lines, the caller resets the state to zero at the start of a line.)
    ///
    /// # Errors
    /// [`crate::Error::Input`] for ids outside the vocabulary, and for the state of other layers or rows.
    pub fn step(&self, ids: &[u32], state: &mut [State<B::Real>]) -> Result<Vec<B::Real>> {
        let network = &self.model().task.network;
        check_step("ids", ids.len(), rows_of(network.layout().recurrent(), state)?)?;
        check_ids(ids, network.sizes().vocab_size)?;
        Ok(self
            .with_workspace(|pass| network.step(self.backend(), self.weights(), ids, state, pass).to_vec()))
    }

    /// The logits `[T, V]` after each of `ids`, from the zero state, in one forward pass.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for ids outside the vocabulary.
    pub fn logits(&self, ids: &[u32]) -> Result<Vec<B::Real>> {
        let mut pass = self.read(ids)?;
        Ok(self.model().task.network.logits(self.backend(), self.weights(), &mut pass).to_vec())
    }

    /// Activations of the layers for `ids`, from the zero state.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for ids outside the vocabulary.
    pub fn trace(&self, ids: &[u32]) -> Result<Trace<B::Real>> {
        Ok(Trace::of_pass(self, &self.read(ids)?))
    }

    /// The workspace after a forward pass over `ids` from the zero state.
    fn read(&self, ids: &[u32]) -> Result<Workspace<B>> {
        let network = &self.model().task.network;
        check_ids(ids, network.sizes().vocab_size)?;
        let mut pass = Workspace::default();
        network.read_ahead(self.backend(), self.weights(), ids, &mut self.zero_state(1), &mut pass);
        Ok(pass)
    }
}
