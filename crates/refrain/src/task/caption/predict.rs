//! Prediction and evaluation of captioners.

use std::borrow::Borrow;
use std::ops::ControlFlow;

use refrain_kernels::{Backend, Real, State};

use super::baseline::nearest;
use super::data::{Captioning, Dataset};
use super::{Caption, CaptionBatches, CaptionExample};
use crate::metric::TextScores;
use crate::model::{self, CaptionerWorkspace};
use crate::sample::{self, BeamOptions, Boundaries, Sampler, beam_search, log_sum, take_rows};
use crate::{Error, InputProblem, Result, Session};

/// Decoding method.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoding {
    /// Greedy decoding.
    Greedy,
    /// Beam search.
    Beam(BeamOptions),
    /// Sampling with these options; the seed is incremented per input.
    Sample(sample::SamplingOptions),
}

/// A generated text.
#[derive(Clone, Debug, PartialEq)]
pub struct Captioned {
    /// The text.
    pub text: String,
    /// Natural log-probability, including the end token.
    pub score: f64,
}

/// Evaluation of a captioner.
#[derive(Clone, Debug)]
pub struct CaptionEvaluation {
    /// Mean loss in nats per token.
    pub loss: f64,
    /// Scores of the generated texts, one for each different image.
    pub texts: TextScores,
    /// Scores of the baseline, the texts of the nearest known inputs.
    pub baseline: Option<TextScores>,
}

/// Maximum batch size.
const BATCH: usize = 32;

/// Maximum length of a generated text, relative to the longest text of the training set.
const MAX_LENGTH_RATIO: usize = 2;

impl<B: Backend> Session<Caption, B> {
    /// Generates a text for each input, encoded as by [`Caption::read_inputs`].
    ///
    /// # Errors
    /// [`Error::Setting`] for invalid decoding options, [`Error::Input`] for inputs of another size.
    pub fn predict<V: Borrow<[f32]> + Sync>(
        &self,
        inputs: &[V],
        decoding: &Decoding,
    ) -> Result<Vec<Captioned>> {
        if let Decoding::Beam(options) = decoding {
            options.validate()?;
        }
        if let Decoding::Sample(options) = decoding {
            Sampler::new(options, None)?;
        }
        let size = model::Task::network(&self.model().task).sizes().input.size();
        if let Some(number) = inputs.iter().position(|input| input.borrow().len() != size) {
            let found = inputs[number].borrow().len();
            let problem = InputProblem::Size { what: "numbers", found, expected: size };
            return Err(Error::input(format!("input {}", number + 1), problem));
        }
        let mut parts: Vec<(&[V], Result<Vec<Captioned>>)> =
            inputs.chunks(BATCH).map(|inputs| (inputs, Ok(vec![]))).collect();
        self.backend().parallel(&mut parts, |i, (inputs, texts)| {
            *texts = self.predict_part(i * BATCH, inputs, decoding);
        });
        Ok(parts.into_iter().map(|(_, texts)| texts).collect::<Result<Vec<_>>>()?.concat())
    }

    /// Evaluates the model on a data set; `baseline`, usually the training set, adds the scores of a nearest-neighbour
    /// baseline.
    ///
    /// # Errors
    /// [`Error::Input`] for invalid inputs; as [`Session::predict`].
    pub fn evaluate(
        &self,
        dataset: &Dataset,
        decoding: &Decoding,
        baseline: Option<&Dataset>,
    ) -> Result<CaptionEvaluation> {
        let task = &self.model().task;
        let examples = task.examples(dataset.clone())?;
        let mut batches = CaptionBatches::valid(examples, BATCH);
        let network = model::Task::network(task);
        let score = model::evaluate(self.backend(), network, self.weights(), &mut batches, |_, _| {
            ControlFlow::Continue(())
        })?;
        let (inputs, references) = by_image(dataset.records(), batches.examples());
        let mut texts = TextScores::default();
        for (captioned, references) in self.predict(&inputs, decoding)?.iter().zip(&references) {
            texts.add(references, &captioned.text);
        }
        let compare = |known: &Dataset| -> Result<TextScores> {
            let numbers = task.examples(known.clone())?;
            let known =
                numbers.iter().zip(known.records()).map(|(one, record)| (&one.values[..], &record.text[..]));
            let mut scores = TextScores::default();
            let found = nearest(self.backend(), &known.collect::<Vec<_>>(), inputs.iter().copied());
            found.into_iter().zip(&references).for_each(|(text, references)| scores.add(references, text));
            Ok(scores)
        };
        let baseline = baseline.map(compare).transpose()?;
        Ok(CaptionEvaluation { loss: score.loss.mean(), texts, baseline })
    }

    /// Generates texts for a part of the inputs, which begins with input number `first`.
    fn predict_part<V: Borrow<[f32]>>(
        &self,
        first: usize,
        inputs: &[V],
        decoding: &Decoding,
    ) -> Result<Vec<Captioned>> {
        let task = &self.model().task;
        let network = model::Task::network(task);
        let mut decoder = Decoder { session: self, pass: CaptionerWorkspace::default() };
        let mut states =
            network.initial_states(self.backend(), self.weights(), &inputs.concat(), None, &mut decoder.pass);
        match decoding {
            Decoding::Greedy => {
                let pick = |_, logits: &[B::Real]| crate::layer::most_probable(logits) as u32;
                Ok(decoder.generate(&mut states, inputs.len(), pick))
            }
            Decoding::Sample(options) => {
                let sampler = |row: usize| {
                    let seed = options.seed.wrapping_add((first + row) as u64);
                    Sampler::new(&sample::SamplingOptions { seed, ..options.clone() }, None)
                };
                let mut samplers: Vec<_> = (0..inputs.len()).map(sampler).collect::<Result<_>>()?;
                let pick = |row: usize, logits: &[B::Real]| samplers[row].pick(logits);
                Ok(decoder.generate(&mut states, inputs.len(), pick))
            }
            Decoding::Beam(options) => {
                let (start, end) = task.boundaries();
                let hypotheses: Vec<usize> =
                    (0..options.width * inputs.len()).map(|row| row % inputs.len()).collect();
                take_rows(&mut states, inputs.len(), &hypotheses);
                let limits = vec![task.max_tokens(); inputs.len()];
                let step = |parents: &[usize], ids: &[u32]| {
                    take_rows(&mut states, parents.len(), parents);
                    decoder.step(ids, &mut states)
                };
                let found = beam_search(step, &limits, Boundaries { start, end }, options);
                let best = found.iter().map(|found| match found.first() {
                    Some(best) => {
                        let text = task.tokenizer.decode(&best.ids);
                        Captioned { text, score: best.log_probability }
                    }
                    None => Captioned { text: String::new(), score: 0.0 },
                });
                Ok(best.collect())
            }
        }
    }
}

/// Runs the decoder.
struct Decoder<'s, B: Backend> {
    session: &'s Session<Caption, B>,
    pass: CaptionerWorkspace<B>,
}

impl<B: Backend> Decoder<'_, B> {
    /// Logits of the next tokens, `[rows, V]`; tokens that are never generated are masked.
    fn step(&mut self, ids: &[u32], states: &mut [State<B::Real>]) -> Vec<B::Real> {
        let task = &self.session.model().task;
        let (network, session) = (model::Task::network(task), self.session);
        let mut logits =
            network.step(session.backend(), session.weights(), ids, states, &mut self.pass).to_vec();
        for id in [Some(task.boundaries().0), task.tokenizer.unknown()].into_iter().flatten() {
            for row in logits.chunks_exact_mut(task.tokenizer.len()) {
                row[id as usize] = B::Real::of(f64::NEG_INFINITY);
            }
        }
        logits
    }

    /// Generates the texts of all rows, token by token.
    fn generate(
        &mut self,
        states: &mut [State<B::Real>],
        rows: usize,
        mut pick: impl FnMut(usize, &[B::Real]) -> u32,
    ) -> Vec<Captioned> {
        let task = &self.session.model().task;
        let (start, end) = task.boundaries();
        let mut texts = vec![(vec![], 0.0, false); rows];
        let mut ids = vec![start; rows];
        for _ in 0..=task.max_tokens() {
            let logits = self.step(&ids, states);
            let all = logits.chunks_exact(task.tokenizer.len()).zip(&mut texts).zip(&mut ids);
            for (row, ((logits, (text, score, ended)), id)) in all.enumerate().filter(|(_, ((_, t), _))| !t.2)
            {
                *id = pick(row, logits);
                *score += logits[*id as usize].as_f64() - log_sum(logits);
                *ended = *id == end;
                text.push(*id);
            }
            if texts.iter().all(|text| text.2) {
                break;
            }
        }
        let captioned =
            |(ids, score, _): (Vec<u32>, f64, bool)| Captioned { text: task.tokenizer.decode(&ids), score };
        texts.into_iter().map(captioned).collect()
    }
}

impl Caption {
    /// The ids of the start and end tokens.
    pub(super) fn boundaries(&self) -> (u32, u32) {
        // `Task::new` checks that both exist.
        (self.tokenizer.start().unwrap_or_default(), self.tokenizer.end().unwrap_or_default())
    }

    fn max_tokens(&self) -> usize {
        self.longest.saturating_mul(MAX_LENGTH_RATIO).clamp(1, 1 << 16)
    }
}

/// Each different image once, with all of its texts; vectors are all treated as different.
fn by_image<'a>(
    records: &'a [Captioning],
    examples: &'a [CaptionExample],
) -> (Vec<&'a [f32]>, Vec<Vec<&'a str>>) {
    let (mut inputs, mut references): (Vec<&[f32]>, Vec<Vec<&str>>) = (vec![], vec![]);
    let mut places = std::collections::BTreeMap::new();
    for (Captioning { text, image, .. }, CaptionExample { values, .. }) in records.iter().zip(examples) {
        let new = inputs.len();
        let place = image.as_ref().map_or(new, |image| *places.entry(image).or_insert(new));
        if place == new {
            inputs.push(values);
            references.push(vec![]);
        }
        references[place].push(text);
    }
    (inputs, references)
}
