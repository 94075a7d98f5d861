//! Translation and evaluation of translators.

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

/// A translation of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Translation {
    /// Text of the translation.
    pub text: String,
    /// Natural log-probability.
    pub log_probability: f64,
    /// Ranking score, see [`Hypothesis::score`].
    pub score: f64,
}

/// Evaluation of a translator. Targets of the same source are references of one translation.
#[derive(Clone, Debug)]
pub struct TranslationEvaluation {
    /// Mean loss in nats per token, with teacher forcing.
    pub loss: f64,
    /// Accuracy of the tokens, with teacher forcing.
    pub accuracy: f64,
    /// Error rate of tokens separated by spaces: words, or symbols.
    pub words: ErrorRate,
    /// Error rate of characters.
    pub characters: ErrorRate,
    /// BLEU of the corpus.
    pub bleu: Bleu,
    /// chrF of the corpus.
    pub chrf: Chrf,
    /// Whether `words` are symbols.
    pub spaced: bool,
}

impl TranslationEvaluation {
    /// Exact match: share of sources whose translation equals one of their targets.
    pub fn exact(&self) -> f64 {
        self.words.exact_rate()
    }

    /// Word error rate: edits per word; for a target of symbols the share of targets that are not correct.
    pub fn wer(&self) -> f64 {
        if self.spaced { 1.0 - self.exact() } else { self.words.rate() }
    }

    /// Symbol (phoneme) error rate: edits per symbol; without separate symbols, edits per character.
    pub fn per(&self) -> f64 {
        if self.spaced { self.words.rate() } else { self.characters.rate() }
    }
}

/// Maximum batch size.
const BATCH: usize = 32;

impl<B: Backend> Session<Translate, B> {
    /// Translates sources, in their order: at most `options.width` translations each, best first.
    ///
    /// # Errors
    /// [`Error::Setting`] for invalid options, [`Error::Input`] for an invalid source, with its number.
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

    /// Evaluates the model on a data set.
    ///
    /// # Errors
    /// [`Error::Setting`] for invalid options, [`Error::Input`] for invalid sources.
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
    /// Maximum number of target tokens for a source: twice the average ratio, plus a constant.
    fn limit(&self, source_steps: usize) -> usize {
        (2.0 * self.target_ratio * source_steps as f32) as usize + 10
    }
}
