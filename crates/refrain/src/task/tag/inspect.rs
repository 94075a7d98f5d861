//! How sure each label is.

use refrain_kernels::{Backend, Real};

use super::data::{TagExample, TagInput};
use super::{Tag, TagCodec};
use crate::data::Example;
use crate::inspect::{Recording, Tags};
use crate::model::{TaggerBatch, TaggerWorkspace, Task};
use crate::{Error, Result, Session};

/// Labels that are shown of each step.
const TOP_K: usize = 5;

impl<B: Backend> Session<Tag, B> {
    /// What the layers do with a sequence, and how probable its labels are.
    ///
    /// # Errors
    /// [`Error::Input`] for a sequence that the model cannot read.
    pub fn inspect(&self, input: &TagInput, name: &str) -> Result<Recording> {
        let task = &self.model().task;
        let example = task.encode(input).map_err(|problem| Error::input("the sequence", problem))?;
        let (network, mut batch, mut pass) =
            (task.network(), TaggerBatch::default(), TaggerWorkspace::default());
        TagExample::fill(&[&example], &mut batch);
        let emissions = network.emissions(self.backend(), self.weights(), &batch, None, &mut pass).to_vec();
        let field = network.field(self.backend(), self.weights());
        let probabilities = network.probabilities(&field, emissions);
        let axis = match (&task.codec, input) {
            (TagCodec::Words { .. }, TagInput::Words(words)) => ("words", words.clone()),
            _ => ("steps", (0..example.steps().0).map(|step| step.to_string()).collect()),
        };
        let mut recording = Recording::of_pass(self, &pass, name, axis);
        let step = |all: &[B::Real]| {
            let mut named: Vec<(String, f32)> =
                task.labels().iter().cloned().zip(all.iter().map(|p| p.as_f32())).collect();
            named.sort_by(|a, b| b.1.total_cmp(&a.1));
            named.truncate(TOP_K);
            named
        };
        let steps = probabilities.chunks_exact(task.labels().len()).map(step).collect();
        recording.inspection.own.tags = Some(Tags { steps });
        Ok(recording)
    }
}
