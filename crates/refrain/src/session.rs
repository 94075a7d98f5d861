//! A trained model on a backend: ready to write and to be measured.

use std::any::Any;
use std::ops::ControlFlow;

use refrain_kernels::{Backend, Loss, Real};

use crate::data::{Batches, Epochs, Evaluation, Lines, Windows};
use crate::model::{self, Task, Weights};
use crate::sample::{Generator, Options, StreamId};
use crate::store::Model;
use crate::task::Language;
use crate::text::{Corpus, Source};
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
    /// Sum and count over all predicted symbols.
    pub loss: Loss,
    /// Predicted symbols that the vocabulary lacks.
    pub unknown: u64,
}

impl Evaluated {
    /// Mean loss in nats per symbol.
    pub fn nats_per_char(&self) -> f64 {
        self.loss.mean()
    }

    /// The same in bits.
    pub fn bits_per_char(&self) -> f64 {
        self.loss.mean() / std::f64::consts::LN_2
    }

    /// `e` to the loss: as unsure as a choice among so many symbols.
    pub fn perplexity(&self) -> f64 {
        self.loss.mean().exp()
    }
}

impl<T: Task> Model<T> {
    /// Brings the model to a backend.
    pub fn on<'m, B: Backend>(&'m self, backend: &'m B) -> Session<'m, T, B> {
        let network = self.task.network();
        let mut weights = match (&self.params as &dyn Any).downcast_ref::<Vec<B::Real>>() {
            // A backend of f32 takes them as they are: touching new memory is most of the time a load takes.
            Some(params) => Weights::new(network, backend, params),
            None => {
                let params: Vec<_> = self.params.iter().map(|&x| B::Real::of(x.into())).collect();
                Weights::new(network, backend, &params)
            }
        };
        weights.pack(backend, false);
        Session { model: self, backend, weights }
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
        let corpus = Corpus::scan(texts, vocabulary.units(), raw)?;
        let mut batches: Batches = if *lines {
            Lines::new(&corpus, vocabulary.clone(), 0..corpus.len(), 32, None)?.into()
        } else {
            Windows::evaluation(&corpus, vocabulary.clone(), 0..corpus.len(), Evaluation::exact(WINDOW))?
                .into()
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
        Ok(Evaluated { loss, unknown: batches.unknown_count() })
    }
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
