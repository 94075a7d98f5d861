//! Activations and alternatives of a captioner.

use refrain_kernels::Backend;

use super::{Caption, Decoding};
use crate::inspect::{PredictionReport, Predictions, Recording, Trace, Window};
use crate::model::{CaptionerWorkspace, Task};
use crate::{Result, Session};

impl<B: Backend> Session<Caption, B> {
    /// Activations of the layers while a text is generated, and the alternatives of each of its tokens.
    ///
    /// # Errors
    /// As [`Session::predict`].
    pub fn inspect(&self, input: &[f32], decoding: &Decoding, name: &str) -> Result<Recording> {
        let task = &self.model().task;
        let ids = self.ids_for(input, decoding)?;
        let read = &ids[..ids.len() - 1];
        let mut pass = CaptionerWorkspace::default();
        let logits = task.network().read(self.backend(), self.weights(), input, read, &mut pass);
        let mut predictions = Predictions::default();
        predictions.add(&Window { from: 0, ids: read, layers: &[], logits }, task.tokenizer.len(), &ids);
        predictions.surprise.truncate(read.len());
        let text_of = |id| task.tokenizer.token(id).into_owned();
        let tokens = read.iter().map(|&id| text_of(id)).collect();
        let mut recording = Recording::of_pass(self, &pass, name, (task.tokenizer.units().plural(), tokens));
        recording.inspection.predictions = Some(PredictionReport::of(&predictions, text_of));
        Ok(recording)
    }

    /// Activations of the layers while a text is generated.
    ///
    /// # Errors
    /// As [`Session::predict`].
    pub fn trace(&self, input: &[f32], decoding: &Decoding) -> Result<Trace<B::Real>> {
        let ids = self.ids_for(input, decoding)?;
        let mut pass = CaptionerWorkspace::default();
        let network = self.model().task.network();
        network.read(self.backend(), self.weights(), input, &ids[..ids.len() - 1], &mut pass);
        Ok(Trace::of_pass(self, &pass))
    }

    /// The ids of the text that is generated for an input, with start and end tokens.
    fn ids_for(&self, input: &[f32], decoding: &Decoding) -> Result<Vec<u32>> {
        let task = &self.model().task;
        let found = self.predict(&[input], decoding)?;
        let text = found.first().map_or("", |captioned| &captioned.text);
        let (start, end) = task.boundaries();
        Ok([&[start][..], &task.tokenizer.encode(text), &[end]].concat())
    }
}
