//! How sure each label is.

use refrain_kernels::{Backend, Real};

use super::data::{TagExample, TagInput};
use super::{Tag, TagCodec};
use crate::data::Example;
use crate::inspect::{Recording, Tags, Trace};
use crate::model::{TaggerBatch, TaggerWorkspace, Task};
use crate::{Error, Result, Session};

/// Labels that are shown of each step.
const TOP_K: usize = 5;

impl<B: Backend> Session<Tag, B> {
    /// What the layers do while they read a sequence.
    ///
    /// # Errors
    /// [`Error::Input`] for a sequence that the model cannot read.
    pub fn trace(&self, input: &TagInput) -> Result<Trace<B::Real>> {
        let (_, _, pass) = self.read(input)?;
        Ok(Trace::of_pass(self, &pass))
    }

    /// A sequence in numbers, how well each label fits each step, `[T, K]`, and what a pass left.
    fn read(&self, input: &TagInput) -> Result<(TagExample, Vec<B::Real>, TaggerWorkspace<B>)> {
        let task = &self.model().task;
        let example = task.encode(input).map_err(|problem| Error::input("the sequence", problem))?;
        let (mut batch, mut pass) = (TaggerBatch::default(), TaggerWorkspace::default());
        TagExample::fill(&[&example], &mut batch);
        let emissions = task.network().emissions(self.backend(), self.weights(), &batch, None, &mut pass);
        let emissions = emissions.to_vec();
        Ok((example, emissions, pass))
    }

    /// What the layers do with a sequence, and how probable its labels are.
    ///
    /// # Errors
    /// [`Error::Input`] for a sequence that the model cannot read.
    pub fn inspect(&self, input: &TagInput, name: &str) -> Result<Recording> {
        let task = &self.model().task;
        let network = task.network();
        let (example, emissions, pass) = self.read(input)?;
        let field = network.crf_params(self.backend(), self.weights());
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
