//! Stepwise prediction of music; the caller holds the state.

use refrain_kernels::{Backend, Real, State};

use super::Music;
use crate::data::Padded;
use crate::format::NOTES;
use crate::layer::sigmoid;
use crate::model::{Network, Task};
use crate::session::{check_step, rows_of};
use crate::{Result, Session};

impl<B: Backend> Session<Music, B> {
    /// The initial state of `rows` pieces: for each layer `h` and `c`, `[rows, H]`. The first frame of a piece is silence.
    pub fn zero_state(&self, rows: usize) -> Vec<State<B::Real>> {
        self.model().task.network().start::<B>(rows)
    }

    /// Reads a frame of each piece, `[rows, 88]` with 1 for keys that sound and 0 for others, returns the probability of each
    /// key in the next frame, `[rows, 88]`, and updates `state`.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for frames of a wrong size, and for the state of other layers.
    pub fn step(&self, frames: &[f32], state: &mut [State<B::Real>]) -> Result<Vec<f32>> {
        let network = self.model().task.network();
        let rows = rows_of(network.layout().recurrent(), state)?;
        check_step("keys", frames.len(), rows * NOTES)?;
        let mut input = Padded::default();
        input.set(NOTES, frames.chunks_exact(NOTES));
        Ok(self.with_workspace(|pass| {
            let logits = network.outputs(self.backend(), self.weights(), &input, None, state, pass);
            logits.iter().map(|x| sigmoid(x.as_f64()) as f32).collect()
        }))
    }
}
