//! Pieces of music, and rows of a batch.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Result;
use crate::data::{DataLoader, Example, Examples, Padded};
use crate::format::{NOTES, Roll};
use crate::model::ForecasterBatch;
use crate::task::{Digest, Record};

/// The data of a model of music: pieces as piano rolls.
///
/// ```
/// use refrain::format::Roll;
/// use refrain::task::music::Dataset;
///
/// let pieces: Dataset = [Roll::new(vec![vec![60, 64, 67], vec![62]])?].into_iter().collect();
/// assert_eq!(pieces.len(), 1);
/// # Ok::<(), refrain::Error>(())
/// ```
pub type Dataset = crate::task::Dataset<Roll>;

impl Record for Roll {
    fn digest(&self, digest: &mut Digest) {
        digest.add(&(self.len() as u64).to_le_bytes());
        self.frames().iter().for_each(|frame| digest.add(frame));
    }

    fn key(&self) -> Option<String> {
        Some(format!("{:?}", self.frames()))
    }
}

/// A piece for training or evaluation. Each of its frames is predicted from those before it, the first one from silence.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece(pub(super) Roll);

impl Example for Piece {
    type Batch = ForecasterBatch;

    fn steps(&self) -> (usize, usize) {
        (self.0.len(), 0)
    }

    fn fill(examples: &[&Self], batch: &mut ForecasterBatch) {
        let targets: Vec<Vec<f32>> = examples.iter().map(|piece| piece.0.many_hot()).collect();
        let inputs: Vec<Vec<f32>> = targets.iter().map(|piece| previous_frames(piece)).collect();
        batch.inputs.set(NOTES, inputs.iter().map(|piece| &piece[..]));
        batch.targets.set(NOTES, targets.iter().map(|piece| &piece[..]));
    }
}

/// The inputs for targets `frames`, `[T, 88]`: silence, then all frames but the last.
fn previous_frames(frames: &[f32]) -> Vec<f32> {
    let mut before = vec![0.0; NOTES.min(frames.len())];
    before.extend_from_slice(&frames[..frames.len().saturating_sub(NOTES)]);
    before
}

/// Batches of pieces, each transposed by a random number of semitones in every epoch.
pub struct Pieces {
    pieces: Examples<Piece>,
    /// Maximum number of semitones, up or down.
    transpose: u8,
    seed: u64,
}

impl Pieces {
    /// Batches of `pieces`, transposed by at most `transpose` semitones within the range of the piano; `seed` is the random
    /// seed.
    pub(super) fn new(pieces: Examples<Piece>, transpose: u8, seed: u64) -> Self {
        Self { pieces, transpose, seed }
    }
}

impl DataLoader for Pieces {
    type Batch = ForecasterBatch;

    fn batch(&mut self, epoch: u64, index: u64, batch: &mut ForecasterBatch) -> Result<bool> {
        if !self.pieces.batch(epoch, index, batch)? {
            return Ok(false);
        }
        let max = i32::from(self.transpose);
        if max > 0 {
            // A random stream other than that of the shuffling.
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 0x6d75_7369_6320_2020);
            rng.set_stream(epoch.wrapping_mul(self.pieces.batches_per_epoch()).wrapping_add(index));
            for row in 0..batch.targets.rows() {
                let (down, up) = transposition_range(&batch.targets, row);
                let by = rng.random_range(-max.min(down)..=max.min(up));
                transpose(&mut batch.inputs, row, by);
                transpose(&mut batch.targets, row, by);
            }
        }
        Ok(true)
    }

    fn batches_per_epoch(&self) -> u64 {
        self.pieces.batches_per_epoch()
    }

    fn rows(&self) -> usize {
        self.pieces.rows()
    }
}

/// The frames of a row.
fn frames(rolls: &mut Padded<f32>, row: usize) -> impl Iterator<Item = &mut [f32]> {
    let rows = rolls.rows().max(1);
    rolls.values.chunks_exact_mut(NOTES).skip(row).step_by(rows)
}

/// Maximum transposition down and up, in semitones.
fn transposition_range(rolls: &Padded<f32>, row: usize) -> (i32, i32) {
    let frames = || rolls.values.chunks_exact(NOTES).skip(row).step_by(rolls.rows().max(1));
    let sounds = |&note: &usize| frames().any(|frame| frame[note] > 0.0);
    let lowest = (0..NOTES).find(sounds).unwrap_or(0);
    let highest = (0..NOTES).rev().find(sounds).unwrap_or(NOTES - 1);
    (lowest as i32, (NOTES - 1 - highest) as i32)
}

/// Transposes a row by a number of semitones within its [`transposition_range`].
fn transpose(rolls: &mut Padded<f32>, row: usize, by: i32) {
    for frame in frames(rolls, row) {
        match by {
            0.. => frame.rotate_right(by.unsigned_abs() as usize),
            _ => frame.rotate_left(by.unsigned_abs() as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> Vec<Piece> {
        let piece = |frames| Piece(Roll::new(frames).unwrap());
        vec![piece(vec![vec![21, 60], vec![], vec![107]]), piece(vec![vec![64], vec![65]])]
    }

    #[test]
    fn a_frame_is_predicted_from_those_before_it() {
        let mut batch = ForecasterBatch::default();
        Piece::fill(&pieces().iter().collect::<Vec<_>>(), &mut batch);
        assert_eq!((batch.inputs.lengths.as_slice(), batch.targets.steps), (&[3, 2][..], 3));
        for row in 0..2 {
            let (inputs, targets) = (batch.inputs.row(row), batch.targets.row(row));
            assert!(inputs[..NOTES].iter().all(|&x| x == 0.0));
            assert_eq!(inputs[NOTES..], targets[..targets.len() - NOTES]);
            assert_eq!(targets, pieces()[row].0.many_hot());
        }
    }

    #[test]
    fn pieces_are_transposed_as_a_whole_within_the_range_of_the_piano() {
        let mut epochs = Pieces::new(Examples::new(pieces(), 2, None), 3, 7);
        let (mut batch, mut shifts) = (ForecasterBatch::default(), [vec![], vec![]]);
        for epoch in 0..40 {
            assert!(epochs.batch(epoch, 0, &mut batch).unwrap());
            for (row, shifts) in shifts.iter_mut().enumerate() {
                let roll = Roll::from_many_hot(&batch.targets.row(row)).unwrap();
                let by = i32::from(roll.frames()[0][0]) - i32::from(pieces()[row].0.frames()[0][0]);
                let shifted = pieces()[row].0.frames().to_vec();
                let shifted = shifted
                    .into_iter()
                    .map(|frame| frame.into_iter().map(|n| (i32::from(n) + by) as u8).collect());
                assert_eq!(roll.frames(), shifted.collect::<Vec<Vec<u8>>>());
                assert_eq!(batch.inputs.row(row), previous_frames(&batch.targets.row(row)));
                shifts.push(by);
            }
        }
        let range = |shifts: &[i32]| (shifts.iter().min().copied(), shifts.iter().max().copied());
        assert_eq!(range(&shifts[0]), (Some(0), Some(1)));
        assert_eq!(range(&shifts[1]), (Some(-3), Some(3)));
        let again = batch.clone();
        epochs.batch(39, 0, &mut batch).unwrap();
        assert_eq!(batch, again);
    }
}
