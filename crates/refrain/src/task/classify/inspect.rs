//! Contributions of the steps to a label.

use refrain_kernels::{Backend, Real};

use super::data::{ClassifyExample, ClassifyInput};
use super::{Classify, InputCodec};
use crate::data::Example;
use crate::inspect::{Contributions, Recording, Trace};
use crate::model::{ClassifierBatch, ClassifierWorkspace, Task};
use crate::{Error, Result, Session};

/// Number of labels that are shown.
const TOP_K: usize = 5;

impl<B: Backend> Session<Classify, B> {
    /// Activations of the layers for a sequence.
    ///
    /// # Errors
    /// [`Error::Input`] for an invalid sequence.
    pub fn trace(&self, input: ClassifyInput) -> Result<Trace<B::Real>> {
        let (_, _, pass) = self.read(input)?;
        Ok(Trace::of_pass(self, &pass))
    }

    /// Encodes a sequence and runs a forward pass.
    fn read(
        &self,
        input: ClassifyInput,
    ) -> Result<(ClassifyExample, ClassifierBatch, ClassifierWorkspace<B>)> {
        let task = &self.model().task;
        let example = task.encode(input).map_err(|problem| Error::input("the sequence", problem))?;
        let (mut batch, mut pass) = (ClassifierBatch::default(), ClassifierWorkspace::default());
        ClassifyExample::fill(&[&example], &mut batch);
        task.network().logits(self.backend(), self.weights(), &batch, None, &mut pass);
        Ok((example, batch, pass))
    }

    /// Activations of the layers for a sequence, and the contribution of each step to the label.
    ///
    /// # Errors
    /// [`Error::Input`] for an invalid sequence.
    pub fn inspect(&self, input: ClassifyInput, name: &str) -> Result<Recording> {
        let task = &self.model().task;
        let (example, batch, mut pass) = self.read(input)?;
        let steps = example.steps().0;
        let axis = match &task.codec {
            InputCodec::Text(tokenizer) => {
                let shown = |&id: &u32| tokenizer.token(id).into_owned();
                (tokenizer.units().plural(), example.ids.iter().map(shown).collect())
            }
            InputCodec::Frames(_) => ("steps", (0..steps).map(|step| step.to_string()).collect()),
        };
        let mut recording = Recording::of_pass(self, &pass, name, axis);
        let whole = &self.classify(std::slice::from_ref(&example))[0];
        let (weights, class) = (self.training_weights(), whole.class as u32);
        let gradient_x_input =
            task.network().input_contributions(self.backend(), &weights, &batch, class, &mut pass);
        let without: Vec<ClassifyExample> = (0..steps).map(|step| example.without(step)).collect();
        let label = |p: &[f32]| p[whole.class].as_f64().max(f64::from(f32::MIN_POSITIVE)).ln();
        // A single step cannot be left out.
        let others = if steps > 1 { self.classify(&without) } else { vec![] };
        let occlusion =
            others.iter().map(|other| (label(&whole.probabilities) - label(&other.probabilities)) as f32);
        let mut labels: Vec<(String, f32)> =
            task.labels().iter().cloned().zip(whole.probabilities.iter().copied()).collect();
        labels.sort_by(|a, b| b.1.total_cmp(&a.1));
        labels.truncate(TOP_K);
        recording.inspection.own.contributions = Some(Contributions {
            label: task.labels()[whole.class].clone(),
            labels,
            gradient_x_input: gradient_x_input.into_iter().map(|x| x as f32).collect(),
            occlusion: if steps > 1 { occlusion.collect() } else { vec![0.0; steps] },
        });
        Ok(recording)
    }
}
