//! A trained model on a backend: ready to write and to be measured.

use std::any::Any;
use std::ops::ControlFlow;

use refrain_kernels::{Backend, Loss, Real};

use crate::data::{Batches, DataLoader, Evaluation, Lines, Windows};
use crate::model::{self, Task, Weights};
use crate::sample::{Generator, Options, StreamId};
use crate::store::Model;
use crate::task::Language;
use crate::text::{Corpus, EncodedText, Source, TokenUnits};
use crate::{Error, Result};

/// See the module.
pub struct Session<'m, T, B: Backend> {
    model: &'m Model<T>,
    backend: &'m B,
    weights: Weights<B>,
}

/// What [`Session::evaluate`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluated {
    /// Sum and count over all predicted tokens.
    pub loss: Loss,
    /// Predicted tokens that the vocabulary lacks.
    pub unknown: u64,
    /// Characters that the predicted tokens are made of (bytes, for a model of bytes).
    pub characters: u64,
}

impl Evaluated {
    /// Mean loss in nats per token.
    pub fn nats_per_token(&self) -> f64 {
        self.loss.mean()
    }

    /// The loss in bits per character, which models of different units can be compared by.
    pub fn bits_per_char(&self) -> f64 {
        self.loss.nats / self.characters.max(1) as f64 / std::f64::consts::LN_2
    }

    /// `e` to the loss: as unsure as a choice among so many tokens.
    pub fn perplexity(&self) -> f64 {
        self.loss.mean().exp()
    }
}

impl<T: Task> Model<T> {
    /// Brings the model to a backend.
    pub fn on<'m, B: Backend>(&'m self, backend: &'m B) -> Session<'m, T, B> {
        Session { model: self, backend, weights: self.weights(backend, false) }
    }

    /// Its parameters on a backend, packed; `training` includes the way back.
    fn weights<B: Backend>(&self, backend: &B, training: bool) -> Weights<B> {
        let network = self.task.network();
        let mut weights = match (&self.params as &dyn Any).downcast_ref::<Vec<B::Real>>() {
            // A backend of f32 takes them as they are: touching new memory is most of the time a load takes.
            Some(params) => Weights::new(network, backend, params),
            None => {
                let params: Vec<_> = self.params.iter().map(|&x| B::Real::of(x.into())).collect();
                Weights::new(network, backend, &params)
            }
        };
        weights.pack(backend, training);
        weights
    }
}

impl<'m, T: Task, B: Backend> Session<'m, T, B> {
    /// The model.
    pub fn model(&self) -> &'m Model<T> {
        self.model
    }

    /// Where it runs.
    pub fn backend(&self) -> &'m B {
        self.backend
    }

    /// Its parameters there, packed.
    pub fn weights(&self) -> &Weights<B> {
        &self.weights
    }

    /// The same once more, packed for the way back too.
    pub(crate) fn training_weights(&self) -> Weights<B> {
        self.model.weights(self.backend, true)
    }
}

/// Steps of a window of evaluation. It changes no result.
const WINDOW: usize = 256;

impl<B: Backend> Session<'_, Language, B> {
    /// Any number of streams at once, of which there are none yet.
    pub fn generator(&self) -> Generator<'_, B> {
        let Language { network, vocabulary, lines, .. } = &self.model.task;
        Generator::new(self.backend, network, &self.weights, vocabulary, *lines)
    }

    /// A stream that goes on from `prompt` (from the start of a line, if that is empty), a few bytes at a time,
    /// until it meets one of the options' stops. It has no end otherwise.
    ///
    /// # Errors
    /// [`Error::Prompt`] for characters that the model has never seen; [`Error::Config`] for senseless options.
    pub fn stream(&self, prompt: &str, options: &Options) -> Result<TextStream<'_, B>> {
        let mut generator = self.generator();
        let id = generator.join(prompt, usize::MAX, options)?;
        Ok(TextStream { generator, id })
    }

    /// `prompt` and up to `length` symbols that go on from it.
    ///
    /// # Errors
    /// As [`Session::stream`].
    pub fn write(&self, prompt: &str, length: usize, options: &Options) -> Result<String> {
        let mut generator = self.generator();
        let id = generator.join(prompt, length, options)?;
        let text = [prompt.as_bytes(), &generator.finish(id)].concat();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The loss on whole texts, read as one, the state carried from the first symbol to the last (for a model of
    /// lines: line by line). `listen` hears the share that is done.
    ///
    /// # Errors
    /// If a text cannot be read or has nothing to predict.
    pub fn evaluate(&self, texts: Vec<Source>, raw: bool, mut listen: impl FnMut(f64)) -> Result<Evaluated> {
        let Language { network, vocabulary, lines, .. } = &self.model.task;
        let units = vocabulary.units();
        let corpus = Corpus::scan(texts, units.symbols(), raw)?;
        let text = EncodedText::new(&corpus, vocabulary.clone())?;
        let mut batches: Batches = if *lines {
            Lines::new(&text, 0..text.len(), 32, None)?.into()
        } else {
            Windows::evaluation(&text, 0..text.len(), Evaluation::exact(WINDOW))?.into()
        };
        let all = batches.batches_per_epoch();
        let score = model::evaluate(self.backend, network, &self.weights, &mut batches, |done, _| {
            listen(done as f64 / all as f64);
            ControlFlow::Continue(())
        })?;
        let loss = score.loss;
        if !loss.nats.is_finite() {
            return Err(Error::Diverged("the model's loss on this text is not a finite number".to_owned()));
        }
        let characters = match units {
            TokenUnits::Char | TokenUnits::Byte => loss.count as u64,
            TokenUnits::Word | TokenUnits::Bpe => predicted_characters(&text, *lines)?,
        };
        Ok(Evaluated { loss, unknown: batches.unknown_count(), characters })
    }
}

/// The characters of a text of words that are predicted: all but those of the first word, or those of all lines that are
/// not empty, with their ends.
fn predicted_characters(text: &EncodedText, by_lines: bool) -> Result<u64> {
    let mut lines = text.corpus().lines()?;
    if by_lines {
        return lines.try_fold(0, |sum, line| {
            let line = line?;
            let characters = line.trim_end_matches('\n').chars().count() as u64;
            Ok(sum + if characters > 0 { characters + 1 } else { 0 })
        });
    }
    let first = lines.next().transpose()?.unwrap_or_default();
    Ok(text.corpus().len() - text.vocabulary().first_token(&first).chars().count() as u64)
}

/// Text as it is made.
pub struct TextStream<'s, B: Backend> {
    generator: Generator<'s, B>,
    id: StreamId,
}

impl<B: Backend> TextStream<'_, B> {
    /// What was held back because it might have become a stop, at the end of a stream that is broken off.
    pub fn finish(mut self) -> Vec<u8> {
        self.generator.cancel(self.id).unwrap_or_default()
    }
}

impl<B: Backend> Iterator for TextStream<'_, B> {
    type Item = Vec<u8>;

    /// The text of one more symbol, with what was held back before it; empty while it may become a stop.
    fn next(&mut self) -> Option<Vec<u8>> {
        while !self.generator.is_empty() {
            // No piece comes while the prompt is read.
            if let Some(piece) = self.generator.step().next() {
                return (!piece.text.is_empty() || piece.end.is_none()).then(|| piece.text.to_vec());
            }
        }
        None
    }
}
