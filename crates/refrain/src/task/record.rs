//! What every task's examples have in common, and what identifies data.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// One example as a value: what goes in and what should come out.
pub trait Record {
    /// Adds all that is learned from to a digest, which identifies the data of a run.
    fn digest(&self, digest: &mut Digest);

    /// Records of the same key stay together when a validation set is held out, so that nothing is validated on that was
    /// trained on.
    fn key(&self) -> Option<String> {
        None
    }

    /// The training set keeps at least one record of each class.
    fn class(&self) -> &str {
        ""
    }

    /// What a step of it is called in messages: `word "left"`.
    fn step(&self, _step: usize) -> Option<String> {
        None
    }

    /// Where a step of it stands in its file, from 1.
    fn line(&self, _step: usize) -> Option<u64> {
        None
    }
}

/// Identifies data by all that is in them.
#[derive(Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Goes on with another piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update((piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }

    /// Goes on with numbers.
    pub fn add_numbers(&mut self, numbers: &[f32]) {
        numbers.iter().for_each(|number| self.add(&number.to_le_bytes()));
    }

    /// In hexadecimal.
    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
