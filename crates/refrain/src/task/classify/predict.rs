//! Prediction and evaluation of classifiers.

use refrain_kernels::{Backend, Real};

use super::Classify;
use super::data::{ClassifyExample, ClassifyInput, Dataset};
use crate::layer::softmax;
use crate::metric::Confusion;
use crate::model::ClassifierWorkspace;
use crate::task::in_batches;
use crate::{Error, Result, Session};

/// The predicted class of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Classified {
    /// The most probable class.
    pub class: usize,
    /// Probability of each class, in the order of [`Classify::labels`].
    pub probabilities: Vec<f32>,
}

/// Evaluation of a classifier.
#[derive(Clone, Debug)]
pub struct ClassifyEvaluation {
    /// Mean loss in nats per sequence.
    pub loss: f64,
    /// Confusion matrix.
    pub confusion: Confusion,
}

/// Maximum batch size.
const BATCH: usize = 32;

impl<B: Backend> Session<Classify, B> {
    /// Predicts the classes of sequences, in their order.
    ///
    /// # Errors
    /// [`Error::Input`] for an invalid sequence, with its number.
    pub fn predict(&self, inputs: Vec<ClassifyInput>) -> Result<Vec<Classified>> {
        let encode = |(i, input): (usize, ClassifyInput)| {
            let encoded = self.model().task.encode(input);
            encoded.map_err(|problem| Error::input(format!("sequence {}", i + 1), problem))
        };
        let examples: Vec<_> = inputs.into_iter().enumerate().map(encode).collect::<Result<_>>()?;
        Ok(self.classify(&examples))
    }

    /// Evaluates the model on a data set.
    ///
    /// # Errors
    /// [`Error::Input`] for invalid sequences or unknown labels.
    pub fn evaluate(&self, dataset: &Dataset) -> Result<ClassifyEvaluation> {
        let examples = self.model().task.examples(dataset)?;
        let (mut nats, mut confusion) = (0.0, Confusion::default());
        for (example, predicted) in examples.iter().zip(self.classify(&examples)) {
            nats -= f64::from(predicted.probabilities[example.class as usize].max(f32::MIN_POSITIVE)).ln();
            confusion.add(example.class, predicted.class as u32);
        }
        Ok(ClassifyEvaluation { loss: nats / examples.len().max(1) as f64, confusion })
    }

    pub(super) fn classify(&self, examples: &[ClassifyExample]) -> Vec<Classified> {
        let network = crate::model::Task::network(&self.model().task);
        let classes = network.sizes().classes;
        in_batches(self.backend(), examples, BATCH, |batch, pass: &mut ClassifierWorkspace<B>| {
            let logits = network.logits(self.backend(), self.weights(), batch, None, pass);
            let rows = logits.chunks_exact(classes).map(|logits| {
                let mut probabilities = logits.to_vec();
                softmax(&mut probabilities);
                Classified {
                    class: crate::layer::most_probable(logits),
                    probabilities: probabilities.iter().map(|x| x.as_f32()).collect(),
                }
            });
            rows.collect()
        })
    }
}
