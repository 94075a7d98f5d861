//! Evaluation of models of music.

use refrain_kernels::{Backend, Real};

use super::Music;
use super::data::{Dataset, Piece};
use crate::format::{NOTES, Roll};
use crate::layer::bernoulli_nll;
use crate::model::{ForecasterWorkspace, Task};
use crate::task::in_batches;
use crate::{Session, choices};

/// A part of a file of piano rolls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MusicPart {
    /// Training set.
    Train,
    /// Validation set.
    Valid,
    /// Test set.
    Test,
    /// All parts.
    All,
}

choices!(MusicPart);

impl MusicPart {
    /// Name in files and options.
    pub fn name(self) -> &'static str {
        match self {
            MusicPart::Train => "train",
            MusicPart::Valid => "valid",
            MusicPart::Test => "test",
            MusicPart::All => "all",
        }
    }
}

/// Evaluation of a model of music.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MusicEvaluation {
    /// Mean negative log-likelihood per frame in nats, over all frames.
    pub nll: f64,
    /// Accuracy of keys, predicted at a probability above 0.5: `TP / (TP + FP + FN)` over all frames (Bay, Ehmann & Downie
    /// 2009); 1 if there are no keys.
    pub accuracy: f64,
    /// Number of pieces.
    pub pieces: usize,
    /// Number of frames.
    pub frames: usize,
}

/// Maximum batch size.
const BATCH: usize = 16;

/// Sums over frames: nats, `TP`, `TP + FP + FN`, number of frames.
#[derive(Clone, Copy, Default)]
struct Tally {
    nats: f64,
    correct: usize,
    counted: usize,
    frames: usize,
}

impl<B: Backend> Session<Music, B> {
    /// Evaluates the model on pieces.
    pub fn evaluate(&self, dataset: &Dataset) -> MusicEvaluation {
        let pieces: Vec<Piece> = dataset.records().iter().cloned().map(Piece).collect();
        let tallies = self.tallies(&pieces);
        let mut all = Tally::default();
        for tally in tallies {
            all.nats += tally.nats;
            all.correct += tally.correct;
            all.counted += tally.counted;
            all.frames += tally.frames;
        }
        MusicEvaluation {
            nll: all.nats / all.frames.max(1) as f64,
            accuracy: if all.counted == 0 { 1.0 } else { all.correct as f64 / all.counted as f64 },
            pieces: pieces.len(),
            frames: all.frames,
        }
    }

    /// The mean negative log-likelihood per frame of each piece, in nats.
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
                    let (predicted, sounds) = (logit.as_f64() > 0.0, key > 0.5);
                    tally.correct += usize::from(predicted && sounds);
                    tally.counted += usize::from(predicted || sounds);
                }
            }
            tallies
        })
    }
}
