//! What a translator does once it has learned.

use std::collections::HashMap;
use std::ops::ControlFlow;

use refrain_kernels::{Backend, State};

use super::Translate;
use super::data::{Dataset, TranslateExample};
use crate::data::Examples;
use crate::metric::{Bleu, Chrf, ErrorRate, TextScores};
use crate::model::{self, Task, TranslatorWorkspace};
use crate::sample::{BeamOptions, Boundaries, Hypothesis, beam_search, take_rows};
use crate::task::in_batches;
use crate::{Error, Result, Session};

/// A target that was written for a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Translation {
    /// As text.
    pub text: String,
    /// Natural logarithm of its probability.
    pub log_probability: f64,
    /// What translations of a source are ranked by, see [`Hypothesis::score`].
    pub score: f64,
}

/// How well a translator does on pairs. Targets of the same source are references for one translation.
#[derive(Clone, Debug)]
pub struct TranslationEvaluation {
    /// Mean loss in nats a symbol, every symbol from the true ones before it.
    pub loss: f64,
    /// The share of symbols that are right, likewise.
    pub accuracy: f64,
    /// Of what stands between spaces: words, or the symbols of a side that has the form of symbols.
    pub words: ErrorRate,
    /// Of characters.
    pub characters: ErrorRate,
    /// Of the whole.
    pub bleu: Bleu,
    /// Of the whole.
    pub chrf: Chrf,
    /// Whether `words` are symbols.
    pub spaced: bool,
}

impl TranslationEvaluation {
    /// The share of sources whose translation is one of their targets.
    pub fn exact(&self) -> f64 {
        self.words.exact_rate()
    }

    /// The word error rate: edits a word; where a target is the symbols of a word, the share of words that are not right.
    pub fn wer(&self) -> f64 {
        if self.spaced { 1.0 - self.exact() } else { self.words.rate() }
    }

    /// The symbol (phoneme) error rate: edits a symbol; where symbols do not stand apart, edits a character.
    pub fn per(&self) -> f64 {
        if self.spaced { self.words.rate() } else { self.characters.rate() }
    }
}

/// Sources that are read together.
const BATCH: usize = 32;

impl<B: Backend> Session<Translate, B> {
    /// The translations of sources, in their order: of each at most `options.width`, the best first.
    ///
    /// # Errors
    /// [`Error::Setting`] for options that cannot be, [`Error::Input`] for a source that the model cannot read, with its number.
    pub fn translate<S: AsRef<str>>(
        &self,
        sources: &[S],
        options: &BeamOptions,
    ) -> Result<Vec<Vec<Translation>>> {
        options.validate()?;
        let task = &self.model().task;
        let encode = |(i, source): (usize, &S)| {
            let encoded = task.encode(source.as_ref());
            encoded.map_err(|problem| Error::input(format!("text {}", i + 1), problem))
        };
        let examples: Vec<_> = sources.iter().enumerate().map(encode).collect::<Result<_>>()?;
        let translation = |Hypothesis { ids, log_probability, score }: Hypothesis| Translation {
            text: task.target.decode(&ids),
            log_probability,
            score,
        };
        let found = self.search(&examples, options).into_iter();
        Ok(found.map(|found| found.into_iter().map(translation).collect()).collect())
    }

    /// How well the targets of a data set are predicted.
    ///
    /// # Errors
    /// [`Error::Setting`] for options that cannot be, [`Error::Input`] for a source that the model cannot read.
    pub fn evaluate(&self, dataset: &Dataset, options: &BeamOptions) -> Result<TranslationEvaluation> {
        let task = &self.model().task;
        let examples = task.examples(dataset)?;
        let (mut sources, mut references, mut of_source) = (vec![], vec![], HashMap::new());
        for pair in dataset.records() {
            let number = *of_source.entry(&pair.source).or_insert(sources.len());
            if number == sources.len() {
                sources.push(&pair.source);
                references.push(vec![]);
            }
            references[number].push(&pair.target);
        }
        let mut batches = Examples::new(examples, BATCH, None);
        let listen = |_, _: &_| ControlFlow::Continue(());
        let score = model::evaluate(self.backend(), task.network(), self.weights(), &mut batches, listen)?;
        let (mut words, mut texts) = (ErrorRate::default(), TextScores::default());
        for (references, translations) in references.iter().zip(self.translate(&sources, options)?) {
            let text = translations.first().map_or("", |best| best.text.as_str());
            let split: Vec<Vec<&str>> =
                references.iter().map(|text| text.split_whitespace().collect()).collect();
            words.add(&split, &text.split_whitespace().collect::<Vec<_>>());
            texts.add(references, text);
        }
        Ok(TranslationEvaluation {
            loss: score.loss.mean(),
            accuracy: score.accuracy().unwrap_or(0.0),
            words,
            characters: texts.characters,
            bleu: texts.bleu,
            chrf: texts.chrf,
            spaced: task.target.is_spaced(),
        })
    }

    fn search(&self, examples: &[TranslateExample], options: &BeamOptions) -> Vec<Vec<Hypothesis>> {
        let (task, backend, weights) = (&self.model().task, self.backend(), self.weights());
        let network = task.network();
        let tokenizer = task.target.tokenizer();
        let Some((start, end)) = tokenizer.start().zip(tokenizer.end()) else { return vec![] };
        in_batches(backend, examples, BATCH, |batch, pass: &mut TranslatorWorkspace<B>| {
            let mut state = network.encode(backend, weights, &batch.source, None, pass);
            for State { h, c } in &mut state {
                (*h, *c) = (h.repeat(options.width), c.repeat(options.width));
            }
            let limits: Vec<usize> = batch.source.lengths.iter().map(|&steps| task.limit(steps)).collect();
            let step = |parents: &[usize], ids: &[u32]| {
                take_rows(&mut state, parents.len(), parents);
                network.logits(backend, weights, ids, None, &mut state, pass).to_vec()
            };
            beam_search(step, &limits, Boundaries { start, end }, options)
        })
    }
}

impl Translate {
    /// The most symbols that a target may have for a source of so many: twice as many as usual, and some.
    fn limit(&self, source_steps: usize) -> usize {
        (2.0 * self.target_ratio * source_steps as f32) as usize + 10
    }
}
