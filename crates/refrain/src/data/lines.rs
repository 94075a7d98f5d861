//! Every line of a text as a separate sequence, in shuffled batches of lines of similar length.
//!
//! A file is not held in memory, so that single lines cannot be drawn at random. Instead, blocks of 64 consecutive
//! lines are shuffled; 16 batches of them are pooled, sorted by length (to reduce padding) and cut into batches,
//! which are shuffled again. All of it is a function of seed, epoch and index, so that a resumed run gets the
//! same batches.

use std::cmp::Reverse;
use std::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::batch::TextBatch;
use super::line_pieces::{LinePieces, MAX_PIECE_LENGTH};
use crate::text::EncodedText;
use crate::{Error, Note, Place, Result};

/// Number of pieces between two index entries.
const BLOCK: u64 = 64;
/// Number of batches of a pool.
const POOL: u64 = 16;

/// The lines of a part of a text; see [`new`](Self::new).
///
/// A line `abc` has the inputs `"\nabc"` and the targets `"abc\n"`. The state is zero before every batch.
#[derive(Debug)]
pub struct Lines {
    text: EncodedText,
    pieces: LinePieces,
    rows: u64,
    seed: Option<u64>,
    /// The start of every 64th piece.
    blocks: Vec<u64>,
    piece_count: u64,
    long_lines: u64,
    unknown_count: u64,
    /// The order of blocks in `ordered_epoch`.
    block_order: Vec<u32>,
    ordered_epoch: Option<u64>,
    pool: LoadedPool,
}

/// The sorted pieces of a pool, and the order of its batches.
#[derive(Debug, Default)]
struct LoadedPool {
    /// Epoch and number of the pool; `None` until one is loaded completely.
    key: Option<(u64, u64)>,
    ids: Vec<u32>,
    /// The pieces as ranges of `ids`, longest first.
    spans: Vec<Range<usize>>,
    batch_order: Vec<usize>,
}

impl Lines {
    /// Reads `range` once, to find its lines; it should start and end at the start of a line (see
    /// [`split_at_line`](crate::text::split_at_line)). Batches have `rows` rows, except for one per epoch that has
    /// the rest.
    ///
    /// With a `seed` every epoch has its own order; without one all have the same, nearly that of the text. A random
    /// but fixed sample of a large text is the first batches of epoch 0 with a seed.
    ///
    /// # Errors
    /// [`Error::Setting`] if `rows` is 0. [`Error::Input`] if all lines are empty, or the vocabulary has no newline.
    /// Otherwise as [`EncodedText::reader`].
    pub fn new(text: &EncodedText, range: Range<u64>, rows: usize, seed: Option<u64>) -> Result<Self> {
        if rows == 0 {
            return Err(Error::out_of_range("batch_size", rows, "1 or more"));
        }
        let place = || Place::from(&text.corpus().name());
        let line_end = text.vocabulary().line_end().ok_or_else(|| {
            let found = "cannot be read line by line, because the vocabulary has no newline";
            Error::wrong_kind(place(), found, "use a text of several lines, or train without `lines`")
        })?;
        let mut lines = Self {
            text: text.clone(),
            pieces: LinePieces::new(text, line_end, range)?,
            rows: rows as u64,
            seed,
            blocks: Vec::new(),
            piece_count: 0,
            long_lines: 0,
            unknown_count: 0,
            block_order: Vec::new(),
            ordered_epoch: None,
            pool: LoadedPool::default(),
        };
        lines.index()?;
        if lines.piece_count == 0 {
            let found = "has only empty lines in this part";
            return Err(Error::too_little(place(), found, "use more text"));
        }
        Ok(lines)
    }

    /// Counts the pieces and stores the start of every 64th one.
    fn index(&mut self) -> Result<()> {
        let (mut symbols, mut continued) = (Vec::new(), false);
        loop {
            symbols.clear();
            let start = self.pieces.position();
            let Some(piece) = self.pieces.read(&mut symbols)? else {
                return Ok(());
            };
            if self.piece_count.is_multiple_of(BLOCK) {
                self.blocks.push(start);
            }
            self.piece_count += 1;
            self.long_lines += u64::from(piece.is_continuation && !continued);
            continued = piece.is_continuation;
        }
    }

    /// Batches per epoch, at least 1.
    pub fn len(&self) -> u64 {
        self.piece_count.div_ceil(self.rows)
    }

    /// Always false: a text without a line is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The maximum number of rows of a batch.
    pub fn rows(&self) -> usize {
        self.rows.min(self.piece_count) as usize
    }

    /// The number of targets so far that were not in the vocabulary.
    pub fn unknown_count(&self) -> u64 {
        self.unknown_count
    }

    /// Notes on how the text was read, for the user.
    pub fn notes(&self) -> Vec<Note> {
        let note = |count| Note::LongLines { count, limit: MAX_PIECE_LENGTH };
        Some(self.long_lines).filter(|&count| count > 0).map(note).into_iter().collect()
    }

    /// Fills `batch` with batch `index` of an epoch and returns true, or returns false beyond the last. Rows are
    /// sorted longest first, and `lengths` are set.
    ///
    /// # Errors
    /// [`Error::Input`] if a file changed, or contains a symbol that is not in a vocabulary without an unknown
    /// token; [`Error::Io`] if a file cannot be read.
    pub fn batch(&mut self, epoch: u64, index: u64, batch: &mut TextBatch) -> Result<bool> {
        if index >= self.len() {
            return Ok(false);
        }
        let pool = index / POOL;
        if self.pool.key != Some((epoch, pool)) {
            self.load(epoch, pool)?;
        }
        let start = self.pool.batch_order[(index % POOL) as usize] * self.rows as usize;
        let end = (start + self.rows as usize).min(self.pool.spans.len());
        let spans = &self.pool.spans[start..end];
        batch.set_sequences(spans.iter().map(|span| &self.pool.ids[span.clone()]));
        self.unknown_count += self.text.vocabulary().unknown_among(&batch.targets) as u64;
        Ok(true)
    }

    /// Reads the pieces of a pool: numbers `first..last` of the epoch, which may start and end within a block.
    fn load(&mut self, epoch: u64, pool: u64) -> Result<()> {
        self.pool.key = None;
        self.pool.ids.clear();
        self.pool.spans.clear();
        self.order_blocks(epoch);
        let first = pool * POOL * self.rows;
        let last = (first + POOL * self.rows).min(self.piece_count);
        for slot in first / BLOCK..last.div_ceil(BLOCK) {
            self.pieces.go_to(self.blocks[self.block_order[slot as usize] as usize])?;
            for number in slot * BLOCK..last.min((slot + 1) * BLOCK) {
                self.load_piece(number >= first)?;
            }
        }
        self.pool.spans.sort_by_key(|span| Reverse(span.len()));
        self.pool.batch_order.clear();
        self.pool.batch_order.extend(0..(last - first).div_ceil(self.rows) as usize);
        if let Some(seed) = self.seed {
            self.pool.batch_order.shuffle(&mut generator(seed, epoch, 1 + pool));
        }
        self.pool.key = Some((epoch, pool));
        Ok(())
    }

    fn load_piece(&mut self, belongs: bool) -> Result<()> {
        let ids = &mut self.pool.ids;
        let start = ids.len();
        if self.pieces.read(ids)?.is_none() {
            return Ok(());
        }
        if belongs {
            self.pool.spans.push(start..ids.len());
        } else {
            ids.truncate(start);
        }
        Ok(())
    }

    fn order_blocks(&mut self, epoch: u64) {
        if self.ordered_epoch == Some(epoch) {
            return;
        }
        self.block_order.clear();
        self.block_order.extend(0..self.blocks.len() as u32);
        if let Some(seed) = self.seed {
            // An incomplete block stays last, so that piece `n` of an epoch is always in block `n / 64`.
            let complete = (self.piece_count / BLOCK) as usize;
            self.block_order[..complete].shuffle(&mut generator(seed, epoch, 0));
        }
        self.ordered_epoch = Some(epoch);
    }
}

/// The random generator of one purpose: 0 orders the blocks of an epoch, 1 + n the batches of its pool n.
fn generator(seed: u64, epoch: u64, purpose: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, number) in key.chunks_exact_mut(8).zip([seed, epoch, purpose]) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
