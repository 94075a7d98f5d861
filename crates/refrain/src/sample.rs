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
    /// Divides the logits: below 1 safer, above 1 more daring; 0 always takes the most probable symbol.
    pub temperature: f64,
    /// Choose among this many most probable symbols only.
    pub top_k: Option<usize>,
    /// Choose among the fewest symbols that together have this probability (Holtzman et al. 2020).
    pub top_p: Option<f64>,
    /// Names the random choices.
    pub seed: u64,
    /// Texts before which a stream ends.
    pub stop: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: None, seed: 0, stop: vec![] }
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
        let Options { temperature, top_k, top_p, seed, .. } = *options;
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
    /// A symbol that ends a sequence: what comes after it starts from the zero state, as in training.
    end: Option<u32>,
}

impl<'m, B: Backend> Generator<'m, B> {
    /// Reads a prompt of at least one id. After `end`, a symbol that ends a sequence, a new one begins.
    ///
    /// # Errors
    /// As [`Sampler::new`]; [`Error::Config`] if the prompt is empty.
    pub fn new(
        backend: &'m B,
        model: &'m LanguageModel,
        weights: &'m Weights<B>,
        vocabulary: &Arc<Vocabulary>,
        prompt: &[u32],
        end: Option<u32>,
        options: &Options,
    ) -> Result<Self> {
        if prompt.is_empty() {
            return Err(Error::Config(
                "the prompt is empty: a stream goes on from at least one symbol".to_owned(),
            ));
        }
        let sampler = Sampler::new(options, vocabulary.unknown())?;
        let (state, pass) = (model.zero_state::<B>(1), Pass::default());
        let mut generator = Self { backend, model, weights, state, pass, sampler, logits: vec![], end };
        prompt.iter().for_each(|&id| generator.read(id));
        Ok(generator)
    }

    fn read(&mut self, id: u32) {
        if Some(id) == self.end {
            self.state = self.model.zero_state::<B>(1);
        }
        self.logits = self.model.step(self.backend, self.weights, &[id], &mut self.state, &mut self.pass);
    }
}

impl<B: Backend> Iterator for Generator<'_, B> {
    type Item = u32;

    /// The next id; a stream has no end of its own.
    fn next(&mut self) -> Option<u32> {
        let id = self.sampler.pick(&self.logits);
        self.read(id);
        Some(id)
    }
}

/// Watches a stream for texts that end it, and holds back what may yet become one.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    stops: Vec<Vec<u8>>,
    held: Vec<u8>,
    met: bool,
}

impl Stop {
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops =
            stops.iter().filter(|stop| !stop.is_empty()).map(|stop| stop.clone().into_bytes()).collect();
        Self { stops, held: vec![], met: false }
    }

    pub(crate) fn is_met(&self) -> bool {
        self.met
    }

    /// Takes the next bytes and returns those that no stop can begin with any more.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let found = |stop: &Vec<u8>| self.held.windows(stop.len()).position(|window| window == stop);
        if let Some(at) = self.stops.iter().filter_map(found).min() {
            self.held.truncate(at);
            self.met = true;
            return self.finish();
        }
        let may_begin = |at: &usize| self.stops.iter().any(|stop| stop.starts_with(&self.held[*at..]));
        let keep = (0..self.held.len()).find(may_begin).unwrap_or(self.held.len());
        self.held.drain(..keep).collect()
    }

    /// Gives up what is held back.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(options: Options) -> Sampler {
        Sampler::new(&options, Some(0)).unwrap()
    }

    /// Relative frequencies of 20,000 choices.
    fn frequencies(options: Options, logits: &[f32]) -> Vec<f64> {
        let mut sampler = sampler(options);
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..20_000 {
            counts[sampler.pick(logits) as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    fn logits() -> Vec<f32> {
        [9.0, 0.1_f32, 0.2, 0.3, 0.4]
            .iter()
            .enumerate()
            .map(|(i, p)| if i == 0 { 9.0 } else { p.ln() })
            .collect()
    }

    #[test]
    fn frequencies_follow_the_model_and_the_banned_id_never_comes() {
        let near = |got: Vec<f64>, want: [f64; 5]| {
            assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 0.02), "{got:?} is not {want:?}");
        };
        near(frequencies(Options::default(), &logits()), [0.0, 0.1, 0.2, 0.3, 0.4]);
        let sharp = Options { temperature: 0.5, ..Options::default() };
        near(frequencies(sharp, &logits()), [0.0, 1.0 / 30.0, 4.0 / 30.0, 9.0 / 30.0, 16.0 / 30.0]);
        let two = Options { top_k: Some(2), ..Options::default() };
        near(frequencies(two, &logits()), [0.0, 0.0, 0.0, 3.0 / 7.0, 4.0 / 7.0]);
        let most = Options { top_p: Some(0.65), ..Options::default() };
        near(frequencies(most, &logits()), [0.0, 0.0, 0.0, 3.0 / 7.0, 4.0 / 7.0]);
        let zero = Options { temperature: 0.0, ..Options::default() };
        near(frequencies(zero, &logits()), [0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_seed_names_the_choices() {
        let text = |seed| -> Vec<u32> {
            let mut sampler = sampler(Options { seed, ..Options::default() });
            (0..50).map(|_| sampler.pick(&logits())).collect()
        };
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn senseless_options_are_refused() {
        for temperature in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(
                Sampler::new(&Options { temperature, ..Options::default() }, None).is_err(),
                "{temperature}"
            );
        }
        for top_p in [0.0, -1.0, 1.1, f64::NAN] {
            let options = Options { top_p: Some(top_p), ..Options::default() };
            assert!(Sampler::new(&options, None).is_err(), "{top_p}");
        }
        assert!(Sampler::new(&Options { top_k: Some(0), ..Options::default() }, None).is_err());
    }

    #[test]
    fn a_stop_ends_the_text_before_it_however_it_arrives() {
        let mut stop = Stop::new(&["END".to_owned(), "\n\n".to_owned()]);
        let pieces: Vec<Vec<u8>> =
            ["a", "E", "N", "b", "\n", "E", "ND!"].iter().map(|p| stop.push(p.as_bytes())).collect();
        assert_eq!(pieces.concat(), b"aENb\n");
        assert_eq!(pieces[1], b"");
        assert!(stop.is_met());
    }

    #[test]
    fn what_was_held_back_comes_at_the_end() {
        let mut stop = Stop::new(&["END".to_owned()]);
        assert_eq!(stop.push(b"xEN"), b"x");
        assert_eq!(stop.finish(), b"EN");
    }
}
