//! The checkpoint: everything a run needs to go on as if it had never stopped.

use refrain_kernels::State;
use serde::{Deserialize, Serialize};

use super::container::{self, Container, Kind, Tensor, no_model};
use super::model_bytes::Measured;
use super::wrong;
use crate::{ModelProblem, Result};

/// A run between two updates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) progress: Progress,
    /// The arena of parameters.
    pub(crate) params: Vec<f32>,
    /// Their running average, if the run takes one.
    pub(crate) average: Option<Vec<f32>>,
    /// The parameters of the best model so far, of a run that keeps it in memory.
    pub(crate) best: Option<Vec<f32>>,
    /// The optimiser's arenas.
    pub(crate) moments: Vec<Vec<f32>>,
    /// Carried states of all lanes, `[B, H]`, one element a layer.
    pub(crate) state: Vec<State<f32>>,
}

/// Where a run stands. Random choices need no state of their own: each follows from the seed and its place.
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
    /// Nats and symbols learned from since the last validation.
    pub(crate) train_nats: f64,
    pub(crate) train_count: u64,
    /// Validations done.
    pub(crate) measured: Vec<Measured>,
    /// The best validation.
    pub(crate) best: Option<Best>,
    /// Validations since the last that had more right answers or a smaller loss than all before.
    pub(crate) stale: u64,
    /// Fifths of the run after which a sample has been shown.
    pub(crate) samples: u64,
    /// Identifies the data: a run must go on with those it began with.
    pub(crate) data: String,
}

/// A validation, and when it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) loss: f64,
    pub(crate) accuracy: Option<f64>,
    pub(crate) step: u64,
}

impl Best {
    /// More right answers are better; where there are none, or as many, a smaller loss is.
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

/// What bytes are called in messages.
const NAME: &str = "the checkpoint";

impl Checkpoint {
    /// The bytes of its file.
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

    /// Reads what [`Checkpoint::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`crate::Error::Model`] if they are damaged in any way, not those of a checkpoint, or of another version.
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
        let params = values("params").ok_or_else(|| no_model("is no checkpoint: it lacks tensors"))?;
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
    fn a_checkpoint_goes_to_bytes_and_back() {
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
