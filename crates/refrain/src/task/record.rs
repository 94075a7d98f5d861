//! Common interface of the examples of all tasks, and the digest of data.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// One example: input and target.
pub trait Record {
    /// Adds the example to a digest, which identifies the data of a run.
    fn digest(&self, digest: &mut Digest);

    /// Records with the same key are kept in the same set, so that the validation set does not overlap with the training set.
    fn key(&self) -> Option<String> {
        None
    }

    /// The class; the training set keeps at least one record of each.
    fn class(&self) -> &str {
        ""
    }

    /// Name of a step in messages: `word "left"`.
    fn step(&self, _step: usize) -> Option<String> {
        None
    }

    /// Line of a step in its file, from 1.
    fn line(&self, _step: usize) -> Option<u64> {
        None
    }
}

/// Digest that identifies data.
#[derive(Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Adds a piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update((piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }

    /// Adds numbers.
    pub fn add_numbers(&mut self, numbers: &[f32]) {
        numbers.iter().for_each(|number| self.add(&number.to_le_bytes()));
    }

    /// The first 8 bytes in hexadecimal.
    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
