//! The checkpoint: everything that resuming a run needs for the same result as without the interruption.

use refrain_kernels::State;
use serde::{Deserialize, Serialize};

use super::container::{self, Container, Kind, Tensor, no_model};
use super::model_bytes::Validation;
use super::wrong;
use crate::{ModelProblem, Result};

/// A run between two updates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) progress: Progress,
    /// The arena of parameters.
    pub(crate) params: Vec<f32>,
    /// Their running average, if the run has one.
    pub(crate) average: Option<Vec<f32>>,
    /// The parameters of the best model so far, if the run keeps them in memory.
    pub(crate) best: Option<Vec<f32>>,
    /// The optimiser's arenas.
    pub(crate) moments: Vec<Vec<f32>>,
    /// Carried states of all rows, `[B, H]`, one element per layer.
    pub(crate) state: Vec<State<f32>>,
}

/// The progress of a run. Random choices need no state: each is computed from the random seed and its position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Updates done.
    pub(crate) step: u64,
    /// Epoch, from 0.
    pub(crate) epoch: u64,
    /// Batches of the epoch that are done.
    pub(crate) batch: u64,
    /// Rows of the batch that the states belong to.
    pub(crate) rows: usize,
    /// Seconds spent.
    pub(crate) elapsed_s: f64,
    /// Training loss in nats and number of targets since the last validation.
    pub(crate) train_nats: f64,
    pub(crate) train_count: u64,
    /// Validations done.
    #[serde(rename = "measured")]
    pub(crate) validations: Vec<Validation>,
    /// The best validation.
    pub(crate) best: Option<Best>,
    /// Validations since the accuracy or the loss last improved.
    #[serde(rename = "stale")]
    pub(crate) validations_without_improvement: u64,
    /// Fifths of the run after which a sample was shown.
    pub(crate) samples: u64,
    /// Digest of the data: resuming needs the same data.
    pub(crate) data: String,
}

/// The best validation so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) loss: f64,
    pub(crate) accuracy: Option<f64>,
    pub(crate) step: u64,
}

impl Best {
    /// Compares accuracies if both have one, then losses.
    pub(crate) fn is_better_than(&self, other: Best) -> bool {
        match (self.accuracy, other.accuracy) {
            (Some(own), Some(theirs)) if own != theirs => own > theirs,
            _ => self.loss < other.loss,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    format: u32,
    checkpoint: Progress,
}

const FORMAT: u32 = 2;

const NAME: &str = "the checkpoint";

impl Checkpoint {
    /// The contents of its file.
    ///
    /// # Errors
    /// [`crate::Error::Model`] if they cannot be written.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = vec![vector("params", &self.params)];
        tensors.extend(self.average.iter().map(|average| vector("average", average)));
        tensors.extend(self.best.iter().map(|best| vector("best", best)));
        tensors.extend(self.moments.iter().enumerate().map(|(i, m)| vector(format!("moment{i}"), m)));
        for (l, state) in self.state.iter().enumerate() {
            tensors.push(vector(format!("h{l}"), &state.h));
            tensors.push(vector(format!("c{l}"), &state.c));
        }
        let content = Content { format: FORMAT, checkpoint: self.progress.clone() };
        container::to_bytes(&content, &tensors).map_err(wrong(NAME))
    }

    /// The inverse of [`Checkpoint::to_bytes`].
    ///
    /// # Errors
    /// [`crate::Error::Model`] if they are damaged, not a checkpoint, or of another version.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(wrong(NAME))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, ModelProblem> {
        let stored = Container::open(bytes, Kind::Checkpoint)?;
        let Content { format, checkpoint: progress } = stored.content()?;
        if format != FORMAT {
            let what = format!("is a checkpoint in format {format}: this version reads format {FORMAT}");
            return Err(ModelProblem::Version { what });
        }
        let values = |name: &str| Some(stored.values(stored.get(name)?).collect::<Vec<f32>>());
        let params = values("params").ok_or_else(|| no_model("is not a checkpoint: tensors are missing"))?;
        let (average, best) = (values("average"), values("best"));
        let moments = (0..).map_while(|i| values(&format!("moment{i}"))).collect();
        let state = (0..)
            .map_while(|l| Some(State { h: values(&format!("h{l}"))?, c: values(&format!("c{l}"))? }))
            .collect();
        Ok(Self { progress, params, average, best, moments, state })
    }
}

fn vector(name: impl Into<String>, values: &[f32]) -> Tensor<'_> {
    Tensor { name: name.into(), shape: vec![values.len()], values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_a_round_trip_through_bytes() {
        let checkpoint = Checkpoint {
            progress: Progress { step: 7, data: "a text".to_owned(), ..Progress::default() },
            params: vec![1.0, -2.5, 3.0],
            best: Some(vec![2.0, 3.0]),
            average: Some(vec![0.5; 3]),
            moments: vec![vec![0.1; 3], vec![0.2; 3]],
            state: vec![State { h: vec![0.3; 2], c: vec![] }],
        };
        let bytes = checkpoint.to_bytes().unwrap();
        assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), checkpoint);
        assert!(Checkpoint::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
}
