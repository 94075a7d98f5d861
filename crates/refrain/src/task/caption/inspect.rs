//! What a captioner thinks while it writes.

use refrain_kernels::Backend;

use super::{Caption, Decoding};
use crate::inspect::{PredictionReport, Predictions, Recording, Trace, Window};
use crate::model::{CaptionerWorkspace, Task};
use crate::{Result, Session};

impl<B: Backend> Session<Caption, B> {
    /// What the layers do while the text of an input is written, and what else might have come at each of its tokens.
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

    /// What the layers do while the text of an input is written.
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

    /// The text of an input in ids, start and end included.
    fn ids_for(&self, input: &[f32], decoding: &Decoding) -> Result<Vec<u32>> {
        let task = &self.model().task;
        let found = self.predict(&[input], decoding)?;
        let text = found.first().map_or("", |captioned| &captioned.text);
        let (start, end) = task.boundaries();
        Ok([&[start][..], &task.tokenizer.encode(text), &[end]].concat())
    }
}
