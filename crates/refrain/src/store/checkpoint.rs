//! The checkpoint: everything a run needs to go on as if it had never stopped.

use std::path::Path;

use refrain_kernels::State;
use serde::{Deserialize, Serialize};

use super::container::{self, Kind, Tensor};
use super::model_file::Measured;
use crate::{Error, Result};

/// A run between two updates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) progress: Progress,
    /// The arena of parameters.
    pub(crate) params: Vec<f32>,
    /// Their running average, if the run takes one.
    pub(crate) average: Option<Vec<f32>>,
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
    /// Eighths of the run after which a sample has been shown.
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

impl Checkpoint {
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = vec![vector("params", &self.params)];
        tensors.extend(self.average.iter().map(|average| vector("average", average)));
        tensors.extend(self.moments.iter().enumerate().map(|(i, m)| vector(&format!("moment{i}"), m)));
        for (l, state) in self.state.iter().enumerate() {
            tensors.push(vector(&format!("h{l}"), &state.h));
            tensors.push(vector(&format!("c{l}"), &state.c));
        }
        container::write(path, &Content { format: FORMAT, checkpoint: self.progress.clone() }, &tensors)
    }

    pub(crate) fn load(path: &Path) -> Result<Self> {
        let (content, stored) = container::read(path, Kind::Checkpoint)?;
        let content: Content = container::parse(path, &content)?;
        if content.format != FORMAT {
            let message =
                format!("is a checkpoint in format {}: this version reads format {FORMAT}", content.format);
            return Err(Error::ModelFile { path: path.to_owned(), message });
        }
        let values = |name: &str| Some(stored.values(stored.get(name)?).collect::<Vec<f32>>());
        let missing = || Error::ModelFile {
            path: path.to_owned(),
            message: "is no checkpoint: it lacks tensors".to_owned(),
        };
        let params = values("params").ok_or_else(missing)?;
        let average = values("average");
        let moments = (0..).map_while(|i| values(&format!("moment{i}"))).collect();
        let state = (0..)
            .map_while(|l| Some(State { h: values(&format!("h{l}"))?, c: values(&format!("c{l}"))? }))
            .collect();
        Ok(Self { progress: content.checkpoint, params, average, moments, state })
    }
}

fn vector(name: &str, values: &[f32]) -> Tensor {
    Tensor { name: name.to_owned(), shape: vec![values.len()], values: values.to_vec() }
}
