//! Evaluation of language models.

use std::ops::ControlFlow;

use refrain_kernels::{Backend, Loss};

use super::Language;
use crate::data::{Batches, DataLoader, Evaluation, Lines, Windows};
use crate::task::inconsistent;
use crate::text::{Corpus, EncodedText, Source, TokenUnits};
use crate::{Result, Session, model};

/// Evaluation of a language model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LanguageEvaluation {
    /// Sum and count over all predicted tokens.
    pub loss: Loss,
    /// Number of unknown tokens.
    pub unknown: u64,
    /// Characters of the predicted tokens (bytes, for a model of bytes).
    pub characters: u64,
}

impl LanguageEvaluation {
    /// Mean loss in nats per token.
    pub fn nats_per_token(&self) -> f64 {
        self.loss.mean()
    }

    /// The loss in bits per character, comparable between models with different units.
    pub fn bits_per_char(&self) -> f64 {
        self.loss.nats / self.characters.max(1) as f64 / std::f64::consts::LN_2
    }

    /// Perplexity: `e` to the loss.
    pub fn perplexity(&self) -> f64 {
        self.loss.mean().exp()
    }
}

/// Steps per forward pass; it does not affect the result.
const WINDOW: usize = 256;

impl<B: Backend> Session<Language, B> {
    /// The loss on whole texts, concatenated, with the state carried from the first token to the last (for a model of lines:
    /// per line). `listen` receives the fraction that is done.
    ///
    /// # Errors
    /// If a text cannot be read or has no tokens to predict.
    pub fn evaluate(
        &self,
        texts: Vec<Source>,
        raw: bool,
        mut listen: impl FnMut(f64),
    ) -> Result<LanguageEvaluation> {
        let Language { network, vocabulary, lines, .. } = &self.model().task;
        let units = vocabulary.units();
        let corpus = Corpus::scan(texts, units.symbols(), raw)?;
        let text = EncodedText::new(&corpus, vocabulary.clone())?;
        let mut batches: Batches = if *lines {
            Lines::new(&text, 0..text.len(), 32, None)?.into()
        } else {
            Windows::evaluation(&text, 0..text.len(), Evaluation::exact(WINDOW))?.into()
        };
        let all = batches.batches_per_epoch();
        let score = model::evaluate(self.backend(), network, self.weights(), &mut batches, |done, _| {
            listen(done as f64 / all as f64);
            ControlFlow::Continue(())
        })?;
        let loss = score.loss;
        if !loss.nats.is_finite() {
            return Err(inconsistent("has a loss on this text that is not a finite number"));
        }
        let characters = match units {
            TokenUnits::Char | TokenUnits::Byte => loss.count as u64,
            TokenUnits::Word | TokenUnits::Bpe => predicted_characters(&text, *lines)?,
        };
        Ok(LanguageEvaluation { loss, unknown: batches.unknown_count(), characters })
    }
}

/// The number of predicted characters in a text of words: all but those of the first word, or those of all lines that are not
/// empty, including newlines.
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
