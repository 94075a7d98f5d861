//! Probabilities of the labels.

use refrain_kernels::{Backend, Real};

use super::data::{TagExample, TagInput};
use super::{Tag, TagCodec};
use crate::data::Example;
use crate::inspect::{Recording, Tags, Trace};
use crate::model::{TaggerBatch, TaggerWorkspace, Task};
use crate::{Error, Result, Session};

/// Number of labels that are shown per step.
const TOP_K: usize = 5;

impl<B: Backend> Session<Tag, B> {
    /// Activations of the layers for a sequence.
    ///
    /// # Errors
    /// [`Error::Input`] for an invalid sequence.
    pub fn trace(&self, input: &TagInput) -> Result<Trace<B::Real>> {
        let (_, _, pass) = self.read(input)?;
        Ok(Trace::of_pass(self, &pass))
    }

    /// The encoded sequence, its emissions `[T, K]`, and the workspace after the forward pass.
    fn read(&self, input: &TagInput) -> Result<(TagExample, Vec<B::Real>, TaggerWorkspace<B>)> {
        let task = &self.model().task;
        let example = task.encode(input).map_err(|problem| Error::input("the sequence", problem))?;
        let (mut batch, mut pass) = (TaggerBatch::default(), TaggerWorkspace::default());
        TagExample::fill(&[&example], &mut batch);
        let emissions = task.network().emissions(self.backend(), self.weights(), &batch, None, &mut pass);
        let emissions = emissions.to_vec();
        Ok((example, emissions, pass))
    }

    /// Activations of the layers for a sequence, and the probabilities of its labels.
    ///
    /// # Errors
    /// [`Error::Input`] for an invalid sequence.
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
