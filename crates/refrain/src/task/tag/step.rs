//! Stepwise tagging; the caller holds the state.

use refrain_kernels::{Backend, State};

use super::{Tag, TagExample, TagInput};
use crate::data::Example;
use crate::model::{TaggerBatch, Task};
use crate::session::{check_causal, check_step, rows_of};
use crate::{Error, Result, Session};

/// One step of several sequences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TagStep<'a> {
    /// A word per sentence, `[rows]`.
    Words(&'a [&'a str]),
    /// A frame per sequence, `[rows, I]`, in the unit of the data.
    Frames(&'a [f32]),
}

impl<'a> From<&'a [&'a str]> for TagStep<'a> {
    fn from(words: &'a [&'a str]) -> Self {
        TagStep::Words(words)
    }
}

impl<'a> From<&'a [f32]> for TagStep<'a> {
    fn from(frames: &'a [f32]) -> Self {
        TagStep::Frames(frames)
    }
}

impl<B: Backend> Session<Tag, B> {
    /// The initial state of `rows` sequences: for each layer `h` and `c`, `[rows, H]`.
    pub fn zero_state(&self, rows: usize) -> Vec<State<B::Real>> {
        self.model().task.network().zero_state::<B>(rows)
    }

    /// Reads a step of each sequence, returns the scores of its labels, `[rows, K]` in the order of [`Tag::labels`], and
    /// updates `state`. The scores are logits; with a CRF they are its emissions ([`crate::model::Tagger::decode`] finds the
    /// best labels of all steps).
    ///
    /// # Errors
    /// [`Error::Model`] for a bidirectional model; [`Error::Input`] for an invalid step or state.
    pub fn step<'a>(
        &self,
        input: impl Into<TagStep<'a>>,
        state: &mut [State<B::Real>],
    ) -> Result<Vec<B::Real>> {
        let task = &self.model().task;
        let network = task.network();
        check_causal(&network.sizes().recurrent)?;
        let rows = rows_of(network.stack().specs(), state)?;
        let inputs: Vec<TagInput> = match input.into() {
            TagStep::Words(words) => {
                check_step("words", words.len(), rows)?;
                words.iter().map(|word| TagInput::Words(vec![(*word).to_owned()])).collect()
            }
            TagStep::Frames(frames) => {
                let width = network.sizes().input.size();
                check_step("numbers", frames.len(), rows * width)?;
                let frame = |values: &[f32]| TagInput::Frames { values: values.to_vec(), width };
                frames.chunks_exact(width).map(frame).collect()
            }
        };
        let encode = |input| task.encode(input).map_err(|problem| Error::input("the step", problem));
        let examples: Vec<TagExample> = inputs.iter().map(encode).collect::<Result<_>>()?;
        let mut batch = TaggerBatch::default();
        TagExample::fill(&examples.iter().collect::<Vec<_>>(), &mut batch);
        Ok(self.with_workspace(|pass| {
            network.emissions_from(self.backend(), self.weights(), &batch, None, state, pass).to_vec()
        }))
    }
}
