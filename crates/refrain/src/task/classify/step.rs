//! Stepwise classification; the caller holds the state.

use refrain_kernels::{Backend, Real};

use super::{Classify, ClassifyInput};
use crate::layer::softmax;
use crate::model::{ClassifierBatch, ClassifierState, InputKind, Network, Task};
use crate::session::{check_causal, check_ids, check_step, rows_of};
use crate::{Error, Result, Session, StepInput};

impl<B: Backend> Session<Classify, B> {
    /// The initial state of `rows` sequences: that of the layers and of the pooling.
    pub fn zero_state(&self, rows: usize) -> ClassifierState<B::Real> {
        self.model().task.network().zero_state::<B>(rows)
    }

    /// Reads one step of each sequence, ids `[rows]` (of the tokenizer in [`Classify::codec`]) or frames `[rows, I]`, and
    /// returns the class probabilities after the steps so far, `[rows, K]` in the order of [`Classify::labels`]. They equal
    /// those of [`Session::predict`] up to the rounding of means over steps.
    ///
    /// # Errors
    /// [`Error::Model`] for a bidirectional model; [`Error::Input`] for an invalid step or state.
    pub fn step<'a>(
        &self,
        input: impl Into<StepInput<'a>>,
        state: &mut ClassifierState<B::Real>,
    ) -> Result<Vec<f32>> {
        let task = &self.model().task;
        let (network, sizes) = (task.network(), task.network().sizes());
        check_causal(&sizes.recurrent)?;
        let rows = rows_of(network.layout().recurrent(), &state.layers)?;
        let mut batch = ClassifierBatch::default();
        match (input.into(), sizes.input) {
            (StepInput::Ids(ids), InputKind::Ids { vocab_size, .. }) => {
                check_step("ids", ids.len(), rows)?;
                check_ids(ids, vocab_size)?;
                batch.ids.set(1, ids.chunks_exact(1));
            }
            (StepInput::Frames(frames), InputKind::Frames { size }) => {
                check_step("numbers", frames.len(), rows * size)?;
                let input = ClassifyInput::Frames { values: frames.to_vec(), width: size };
                let example = task.encode(input).map_err(|problem| Error::input("the step", problem))?;
                batch.frames.set(size, example.frames.chunks_exact(size));
            }
            (input, _) => {
                let (found, expected) = match input {
                    StepInput::Ids(_) => ("has ids", "the model reads frames"),
                    StepInput::Frames(_) => ("has frames", "the model reads ids"),
                };
                return Err(Error::malformed("the step", found, expected));
            }
        }
        Ok(self.with_workspace(|pass| {
            let logits = network.step(self.backend(), self.weights(), &batch, state, pass);
            let mut probabilities = logits.to_vec();
            probabilities.chunks_exact_mut(sizes.classes).for_each(softmax);
            probabilities.iter().map(|p| p.as_f32()).collect()
        }))
    }
}
