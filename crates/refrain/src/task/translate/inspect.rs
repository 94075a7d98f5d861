//! Attention weights of a translation.

use refrain_kernels::{Backend, Real};

use super::Translate;
use super::data::TranslateExample;
use crate::data::Example;
use crate::inspect::{AttentionMatrix, Recording, Trace};
use crate::model::{Task, TranslatorBatch, TranslatorWorkspace};
use crate::sample::BeamOptions;
use crate::{Error, Result, Session};

impl<B: Backend> Session<Translate, B> {
    /// Activations of the layers while a source is encoded and its translation is decoded.
    ///
    /// # Errors
    /// As [`Session::translate`].
    pub fn trace(&self, source: &str, options: &BeamOptions) -> Result<Trace<B::Real>> {
        Ok(Trace::of_pass(self, &self.read(source, options)?.2))
    }

    /// The encoded source and translation, and the workspace after a forward pass.
    fn read(
        &self,
        source: &str,
        options: &BeamOptions,
    ) -> Result<(String, TranslateExample, TranslatorWorkspace<B>)> {
        let task = &self.model().task;
        let found = self.translate(&[source], options)?;
        let text = found.first().and_then(|best| best.first()).map_or("", |best| &best.text).to_owned();
        let example = task.encode(source).map_err(|problem| Error::input("the text", problem))?;
        let example = TranslateExample { target: task.encode_target(&text), ..example };
        let (mut batch, mut pass) = (TranslatorBatch::default(), TranslatorWorkspace::default());
        TranslateExample::fill(&[&example], &mut batch);
        let network = task.network();
        let mut state = network.encode(self.backend(), self.weights(), &batch.source, None, &mut pass);
        let (ids, lengths) = (&batch.inputs.values, Some(&batch.inputs.lengths[..]));
        network.logits(self.backend(), self.weights(), ids, lengths, &mut state, &mut pass);
        Ok((text, example, pass))
    }

    /// Activations of the layers, the translation, and the attention weights of its tokens.
    ///
    /// # Errors
    /// As [`Session::translate`].
    pub fn inspect(&self, source: &str, options: &BeamOptions, name: &str) -> Result<Recording> {
        let task = &self.model().task;
        let (text, example, pass) = self.read(source, options)?;
        let shown = |side: &super::TextSide, ids: &[u32]| -> Vec<String> {
            ids.iter().map(|&id| side.tokenizer().token(id).into_owned()).collect()
        };
        let sources = shown(&task.source, &example.source);
        let mut recording = Recording::of_pass(self, &pass, name, (task.source.plural(), sources.clone()));
        let weights = pass.attention_weights();
        // The token that is generated at a step is the input of the next step.
        let targets = shown(&task.target, &example.target[1..]);
        recording.inspection.own.attention = (!weights.is_empty()).then(|| AttentionMatrix {
            weights: weights
                .chunks_exact(sources.len())
                .map(|row| row.iter().map(|x| x.as_f32()).collect())
                .collect(),
            sources,
            targets,
            text,
        });
        Ok(recording)
    }
}
