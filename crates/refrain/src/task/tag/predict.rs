//! Prediction and evaluation of taggers.

use refrain_kernels::{Backend, Real};

use super::Tag;
use super::data::{Dataset, TagExample, TagInput};
use crate::layer::Score;
use crate::metric::{Confusion, SpanScores, is_spans};
use crate::model::{TaggerWorkspace, Task};
use crate::task::in_batches;
use crate::{Error, Result, Session};

/// The predicted labels of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagged {
    /// One per step, as indices into [`Tag::labels`].
    pub labels: Vec<usize>,
    /// Probability of each label.
    pub probabilities: Vec<f32>,
}

/// Evaluation of a tagger.
#[derive(Clone, Debug, Default)]
pub struct TagEvaluation {
    /// Mean loss in nats per step.
    pub loss: f64,
    /// Number of sequences.
    pub sequences: usize,
    /// Confusion matrix.
    pub confusion: Confusion,
    /// Scores of spans, if the labels mark spans.
    pub spans: Option<SpanScores>,
    /// Confusion matrix of the words that are not in the vocabulary.
    pub unknown: Confusion,
}

/// Maximum batch size.
const BATCH: usize = 32;

impl<B: Backend> Session<Tag, B> {
    /// Predicts the labels of sequences, in their order.
    ///
    /// # Errors
    /// [`Error::Input`] for an invalid sequence, with its number.
    pub fn predict(&self, inputs: &[TagInput]) -> Result<Vec<Tagged>> {
        let encode = |(i, input)| {
            let encoded = self.model().task.encode(input);
            encoded.map_err(|problem| Error::input(format!("sequence {}", i + 1), problem))
        };
        let examples: Vec<_> = inputs.iter().enumerate().map(encode).collect::<Result<_>>()?;
        let k = self.model().task.labels.len();
        Ok(self.each(&examples, |field, emissions, _| {
            let network = self.model().task.network();
            let labels: Vec<_> =
                network.decode(field, &emissions).iter().map(|&label| label as usize).collect();
            let probabilities = network.probabilities(field, emissions);
            let steps = probabilities.chunks_exact(k).zip(&labels);
            let probabilities = steps.map(|(all, &label)| all[label].as_f32()).collect();
            Tagged { labels, probabilities }
        }))
    }

    /// Evaluates the model on a data set.
    ///
    /// # Errors
    /// [`Error::Input`] for invalid sequences or unknown labels.
    pub fn evaluate(&self, dataset: &Dataset) -> Result<TagEvaluation> {
        let task = &self.model().task;
        let examples = task.examples(dataset)?;
        let found = self.each(&examples, |field, emissions, example| {
            let network = task.network();
            (network.decode(field, &emissions), network.score(field, &emissions, &example.labels))
        });
        let mut all = TagEvaluation { sequences: examples.len(), ..TagEvaluation::default() };
        let (mut score, mut spans) = (Score::default(), is_spans(task.labels()).then(SpanScores::default));
        for (example, (predicted, of_sequence)) in examples.iter().zip(found) {
            score += of_sequence;
            for (at, (&truth, &predicted)) in example.labels.iter().zip(&predicted).enumerate() {
                all.confusion.add(truth, predicted);
                if example.ids.get(at) == Some(&0) {
                    all.unknown.add(truth, predicted);
                }
            }
            if let Some(spans) = &mut spans {
                let names = |labels: &[u32]| -> Vec<&str> {
                    labels.iter().map(|&label| &task.labels()[label as usize][..]).collect()
                };
                spans.add(&names(&example.labels), &names(&predicted));
            }
        }
        Ok(TagEvaluation { loss: score.loss.mean(), spans, ..all })
    }

    /// Applies `work` to the CRF, the emissions `[T, K]` and the example of each sequence.
    fn each<O: Send>(
        &self,
        examples: &[TagExample],
        work: impl Fn(&[B::Real], Vec<B::Real>, &TagExample) -> O + Send + Sync,
    ) -> Vec<O> {
        let network = self.model().task.network();
        let emissions =
            in_batches(self.backend(), examples, BATCH, |batch, pass: &mut TaggerWorkspace<B>| {
                let emissions = network.emissions(self.backend(), self.weights(), batch, None, pass);
                (0..batch.lengths().len()).map(|row| network.row(emissions, batch.lengths(), row)).collect()
            });
        let field = network.crf_params(self.backend(), self.weights());
        emissions
            .into_iter()
            .zip(examples)
            .map(|(emissions, example)| work(&field, emissions, example))
            .collect()
    }
}
