//! How well a model of music knows what comes next.

use refrain_kernels::{Backend, Real};

use super::Music;
use super::data::{Dataset, Piece};
use crate::format::{NOTES, Roll};
use crate::layer::bernoulli_nll;
use crate::model::{ForecasterWorkspace, Task};
use crate::task::in_batches;
use crate::{Session, choices};

/// A part of a file of rolls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MusicPart {
    /// What is learned from.
    Train,
    /// What models are chosen by.
    Valid,
    /// What they are measured on in the end.
    Test,
    /// Everything there is.
    All,
}

choices!(MusicPart);

impl MusicPart {
    /// As files and options name it.
    pub fn name(self) -> &'static str {
        match self {
            MusicPart::Train => "train",
            MusicPart::Valid => "valid",
            MusicPart::Test => "test",
            MusicPart::All => "all",
        }
    }
}

/// How well a model does on pieces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MusicEvaluation {
    /// Mean negative log-likelihood of a frame in nats, over all frames.
    pub nll: f64,
    /// Share of right keys among those that sounded or were said to (at a probability of a half): `TP / (TP + FP + FN)` over all
    /// frames (Bay, Ehmann & Downie 2009); 1 if there are none.
    pub accuracy: f64,
    /// Pieces that were measured.
    pub pieces: usize,
    /// Their frames.
    pub frames: usize,
}

/// Pieces that are read together.
const BATCH: usize = 16;

/// Of some frames: nats, keys that were right, keys that sounded or were said to, and how many frames.
#[derive(Clone, Copy, Default)]
struct Tally {
    nats: f64,
    right: usize,
    judged: usize,
    frames: usize,
}

impl<B: Backend> Session<Music, B> {
    /// How well the frames of pieces are predicted.
    pub fn evaluate(&self, dataset: &Dataset) -> MusicEvaluation {
        let pieces: Vec<Piece> = dataset.records().iter().cloned().map(Piece).collect();
        let tallies = self.tallies(&pieces);
        let mut all = Tally::default();
        for tally in tallies {
            all.nats += tally.nats;
            all.right += tally.right;
            all.judged += tally.judged;
            all.frames += tally.frames;
        }
        MusicEvaluation {
            nll: all.nats / all.frames.max(1) as f64,
            accuracy: if all.judged == 0 { 1.0 } else { all.right as f64 / all.judged as f64 },
            pieces: pieces.len(),
            frames: all.frames,
        }
    }

    /// The mean negative log-likelihood of each piece's frames, in nats.
    pub fn nll(&self, rolls: &[Roll]) -> Vec<f64> {
        let pieces: Vec<Piece> = rolls.iter().cloned().map(Piece).collect();
        self.tallies(&pieces).iter().map(|tally| tally.nats / tally.frames.max(1) as f64).collect()
    }

    fn tallies(&self, pieces: &[Piece]) -> Vec<Tally> {
        let network = self.model().task.network();
        in_batches(self.backend(), pieces, BATCH, |batch, pass: &mut ForecasterWorkspace<B>| {
            let mut state = network.start::<B>(batch.inputs.rows());
            let outputs =
                network.outputs(self.backend(), self.weights(), &batch.inputs, None, &mut state, pass);
            let mut tallies = vec![Tally::default(); batch.inputs.rows()];
            for (at, target) in batch.target_positions() {
                let logits = &outputs[at * NOTES..][..NOTES];
                let keys = &batch.targets.values[target * NOTES..][..NOTES];
                let tally = &mut tallies[at % batch.inputs.rows()];
                tally.nats += bernoulli_nll(logits, keys, None);
                tally.frames += 1;
                for (logit, &key) in logits.iter().zip(keys) {
                    let (said, sounds) = (logit.as_f64() > 0.0, key > 0.5);
                    tally.right += usize::from(said && sounds);
                    tally.judged += usize::from(said || sounds);
                }
            }
            tallies
        })
    }
}
