//! Sampling: choosing the next symbol from logits, and streams of text that go on from a prompt.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use refrain_kernels::{Backend, Real, State};

use crate::model::{LanguageModel, Pass, Weights};
use crate::text::Vocabulary;
use crate::{Error, Result};

/// How symbols are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Divides the logits: below 1 bolder, above 1 wilder; 0 always takes the most probable symbol.
    pub temperature: f64,
    /// Choose among this many most probable symbols only.
    pub top_k: Option<usize>,
    /// Choose among the fewest symbols that together have this probability (Holtzman et al. 2020).
    pub top_p: Option<f64>,
    /// Names the random choices.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: None, seed: 0 }
    }
}

/// Chooses symbols from logits.
#[derive(Clone, Debug)]
pub struct Sampler {
    temperature: f64,
    top_k: usize,
    top_p: f64,
    /// Never chosen: the unknown symbol stands for no text.
    banned: Option<u32>,
    rng: ChaCha8Rng,
    /// `(probability, id)` of the candidates of one choice.
    candidates: Vec<(f64, u32)>,
}

impl Sampler {
    /// A sampler that never chooses `banned`.
    ///
    /// # Errors
    /// [`Error::Config`] for a temperature that is negative or not finite, a `top_k` of 0, a `top_p` outside 0..=1.
    pub fn new(options: &Options, banned: Option<u32>) -> Result<Self> {
        let Options { temperature, top_k, top_p, seed } = *options;
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(Error::Config(format!(
                "temperature is {temperature}: give a number from 0 (always the most probable symbol) up; 1 follows the model"
            )));
        }
        if top_k == Some(0) {
            return Err(Error::Config("top-k is 0: give at least 1, or leave it out".to_owned()));
        }
        if let Some(p) = top_p
            && !(p > 0.0 && p <= 1.0)
        {
            return Err(Error::Config(format!("top-p is {p}: give a share above 0 and up to 1")));
        }
        Ok(Self {
            temperature,
            top_k: top_k.unwrap_or(usize::MAX),
            top_p: top_p.unwrap_or(1.0),
            banned,
            rng: ChaCha8Rng::seed_from_u64(seed),
            candidates: vec![],
        })
    }

    /// Chooses an id from the logits of all ids.
    pub fn pick<R: Real>(&mut self, logits: &[R]) -> u32 {
        let allowed = |id: &(usize, &R)| Some(id.0 as u32) != self.banned || logits.len() == 1;
        let logits = || logits.iter().enumerate().filter(allowed).map(|(id, x)| (x.as_f64(), id as u32));
        let (largest, likeliest) =
            logits().fold((f64::NEG_INFINITY, 0), |best, next| if next.0 > best.0 { next } else { best });
        if self.temperature == 0.0 {
            return likeliest;
        }
        self.candidates.clear();
        self.candidates.extend(logits().map(|(x, id)| (((x - largest) / self.temperature).exp(), id)));
        if self.top_k < self.candidates.len() || self.top_p < 1.0 {
            self.narrow();
        }
        let total: f64 = self.candidates.iter().map(|c| c.0).sum();
        let mut left = self.rng.random::<f64>() * total;
        for &(weight, id) in &self.candidates {
            left -= weight;
            if left < 0.0 {
                return id;
            }
        }
        likeliest
    }

    /// Leaves the candidates that `top_k` and `top_p` allow, most probable first; equals in the order of ids.
    fn narrow(&mut self) {
        self.candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.candidates.truncate(self.top_k);
        let total: f64 = self.candidates.iter().map(|c| c.0).sum();
        let mut sum = 0.0;
        let enough = self.candidates.iter().position(|c| {
            sum += c.0;
            sum >= self.top_p * total
        });
        self.candidates.truncate(enough.map_or(usize::MAX, |last| last + 1));
    }
}

/// One stream of text: ids that go on from a prompt for as long as they are asked for.
pub struct Generator<'m, B: Backend> {
    backend: &'m B,
    model: &'m LanguageModel,
    weights: &'m Weights<B>,
    state: Vec<State<B::Real>>,
    pass: Pass<B>,
    sampler: Sampler,
    logits: Vec<B::Real>,
}

impl<'m, B: Backend> Generator<'m, B> {
    /// Reads a prompt of at least one id.
    ///
    /// # Errors
    /// As [`Sampler::new`]; [`Error::Config`] if the prompt is empty.
    pub fn new(
        backend: &'m B,
        model: &'m LanguageModel,
        weights: &'m Weights<B>,
        vocabulary: &Arc<Vocabulary>,
        prompt: &[u32],
        options: &Options,
    ) -> Result<Self> {
        if prompt.is_empty() {
            return Err(Error::Config("the prompt is empty: a stream goes on from at least one symbol".to_owned()));
        }
        let sampler = Sampler::new(options, vocabulary.unknown())?;
        let mut state = model.zero_state::<B>(1);
        let mut pass = Pass::default();
        let mut logits = vec![];
        for &id in prompt {
            logits = model.step(backend, weights, &[id], &mut state, &mut pass);
        }
        Ok(Self { backend, model, weights, state, pass, sampler, logits })
    }
}

impl<B: Backend> Iterator for Generator<'_, B> {
    type Item = u32;

    /// The next id; a stream has no end of its own.
    fn next(&mut self) -> Option<u32> {
        let id = self.sampler.pick(&self.logits);
        self.logits = self.model.step(self.backend, self.weights, &[id], &mut self.state, &mut self.pass);
        Some(id)
    }
}
