//! A text in batches whose rows read contiguous parts of it in parallel, window by window, with carried state.
//!
//! This is truncated backpropagation through time: gradients are computed over a window of `T` steps, and its final
//! state, without gradient, is the initial state of the next window. Row `b` of every window reads part `b` of the
//! text, so that row `b` of the state always continues its own part.

use std::ops::Range;

use super::batch::{IGNORE, TextBatch};
use crate::number::thousands;
use crate::text::{EncodedText, IdReader};
use crate::{Error, Result};

/// The windows of a part of a text, for training ([`new`](Self::new)) or evaluation
/// ([`evaluation`](Self::evaluation)).
///
/// The state is zero before window 0, and carried from each window to the next.
#[derive(Debug)]
pub struct Windows {
    text: EncodedText,
    rows: Vec<Row>,
    steps: usize,
    /// Steps of the longest part.
    total_steps: u64,
    /// The window at which the readers of all rows are.
    next: Option<u64>,
    unknown_count: u64,
    /// The targets of one row of a window: `[T]`.
    ids: Vec<u32>,
}

/// A row of all batches, with the position that it has read to.
#[derive(Debug)]
struct Row {
    part: Part,
    /// Positioned after the token of `input`.
    reader: IdReader,
    /// The id that the next window starts with.
    input: u32,
}

/// The part of the text that one row reads: tokens `start..=start + length`, of which the first is only an input.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u64,
    /// Steps, including the context before the part.
    length: u64,
    /// Steps at the start whose targets do not count.
    warm_up: u64,
}

/// The rows and windows of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Rows, `B`; fewer if there are fewer tokens to predict.
    pub rows: usize,
    /// Steps per window, `T`. Affects only memory and speed, not the result.
    pub steps: usize,
    /// Number of tokens (as far as available) that each row reads before its own part to fill its state; they are
    /// not predicted.
    pub warm_up: u64,
    /// Maximum number of tokens to predict, spread evenly over the text; `None` predicts all.
    pub limit: Option<u64>,
}

impl Evaluation {
    /// The whole text in one row: each token but the first is predicted from all previous ones.
    pub fn exact(steps: usize) -> Self {
        Self { rows: 1, steps, warm_up: 0, limit: None }
    }
}

impl Windows {
    /// Windows for training: each row reads one of `rows` contiguous parts of `range`, of `floor((range length - 1) / rows)` steps, in
    /// windows of `steps` steps, the last of which may be shorter. Only the remainder of that division is not used.
    ///
    /// # Errors
    /// [`Error::Setting`] if `rows` or `steps` is 0.
    /// [`Error::Input`] if a part is shorter than one window. Otherwise as [`EncodedText::reader`].
    pub fn new(text: &EncodedText, range: Range<u64>, rows: usize, steps: usize) -> Result<Self> {
        check_shape(rows, steps)?;
        let symbols = range.end.saturating_sub(range.start);
        let length = symbols.saturating_sub(1) / rows as u64;
        if length < steps as u64 {
            let needed = (rows as u64).saturating_mul(steps as u64).saturating_add(1);
            let found = format!(
                "the text to train on is too short: it has {} {}, but `batch_size = {rows}` and `seq_length = {steps}` \
                 need at least {}",
                thousands(symbols),
                if symbols == 1 { "token" } else { "tokens" },
                thousands(needed)
            );
            let remedy = "lower one of them, or use more text";
            return Err(Error::too_little(&text.corpus().name(), found, remedy));
        }
        let start_of = |row| range.start + row * length;
        let parts = (0..rows as u64).map(|row| Part { start: start_of(row), length, warm_up: 0 });
        Self::over(text, parts.collect(), steps)
    }

    /// Windows for evaluation: the tokens of `range` after its first are split into equal parts, and each token is
    /// predicted exactly once (or `limit` of them, from the start of every part). Rows that end early are padded
    /// with [`IGNORE`].
    ///
    /// # Errors
    /// [`Error::Setting`] if a size is 0. [`Error::Input`] if there are fewer than two tokens. Otherwise as
    /// [`EncodedText::reader`].
    pub fn evaluation(text: &EncodedText, range: Range<u64>, how: Evaluation) -> Result<Self> {
        check_shape(how.rows, how.steps)?;
        let predictable = range.end.saturating_sub(range.start).saturating_sub(1);
        let limit = how.limit.unwrap_or(predictable).min(predictable);
        if predictable == 0 {
            let found = "has fewer than two tokens to evaluate on";
            let expected = "use more text";
            return Err(Error::too_little(&text.corpus().name(), found, expected));
        }
        if limit == 0 {
            return Err(Error::out_of_range("limit", 0, "1 or more"));
        }
        let rows = (how.rows as u64).min(limit);
        let parts = (0..rows).map(|row| {
            let before = even_split(predictable, row, rows);
            let warm_up = how.warm_up.min(before);
            let counted = even_split(limit, row + 1, rows) - even_split(limit, row, rows);
            Part { start: range.start + before - warm_up, length: warm_up + counted, warm_up }
        });
        Self::over(text, parts.collect(), how.steps)
    }

    fn over(text: &EncodedText, parts: Vec<Part>, steps: usize) -> Result<Self> {
        let total_steps = parts.iter().map(|part| part.length).max().unwrap_or(0);
        let steps = steps.min(usize::try_from(total_steps).unwrap_or(usize::MAX));
        let rows = parts
            .into_iter()
            .map(|part| Ok(Row { part, reader: text.reader(part.start)?, input: 0 }))
            .collect::<Result<_>>()?;
        let ids = vec![0; steps];
        Ok(Self { text: text.clone(), rows, steps, total_steps, next: None, unknown_count: 0, ids })
    }

    /// Windows per epoch, at least 1.
    pub fn len(&self) -> u64 {
        self.total_steps.div_ceil(self.steps as u64)
    }

    /// Always false: a text without a single window is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `B`.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The number of targets so far that were not in the vocabulary.
    pub fn unknown_count(&self) -> u64 {
        self.unknown_count
    }

    /// Fills `batch` with window `index` and returns true, or returns false beyond the last window. The order of calls
    /// does not affect the batches; consecutive windows need no seek and no allocation.
    ///
    /// # Errors
    /// [`Error::Input`] if a file changed, or contains a symbol that is not in a vocabulary without an unknown
    /// token; [`Error::Io`] if a file cannot be read.
    pub fn batch(&mut self, index: u64, batch: &mut TextBatch) -> Result<bool> {
        if index >= self.len() {
            return Ok(false);
        }
        let first = index * self.steps as u64;
        let steps = (self.total_steps - first).min(self.steps as u64) as usize;
        batch.reshape(self.rows.len(), steps);
        let follows = self.next.take() == Some(index);
        for (b, row) in self.rows.iter_mut().enumerate() {
            let count = row.part.length.saturating_sub(first).min(steps as u64) as usize;
            if count == 0 {
                continue;
            }
            if !follows {
                row.go_to(first)?;
            }
            let ids = &mut self.ids[..count];
            row.reader.read(ids)?;
            row.write(ids, first, b, batch);
        }
        self.unknown_count += self.text.vocabulary().unknown_among(&batch.targets) as u64;
        self.next = Some(index + 1);
        Ok(true)
    }
}

impl Row {
    /// Moves to a step of its part and reads its input.
    fn go_to(&mut self, step: u64) -> Result<()> {
        self.reader.seek(self.part.start + step)?;
        let mut input = [0];
        self.reader.read(&mut input)?;
        self.input = input[0];
        Ok(())
    }

    /// Writes the targets `ids` of the steps starting at `first`, and the inputs, which are the tokens before them, to row
    /// `b`.
    fn write(&mut self, ids: &[u32], first: u64, b: usize, batch: &mut TextBatch) {
        for (step, &target) in ids.iter().enumerate() {
            let place = step * batch.rows + b;
            let counts = first + step as u64 >= self.part.warm_up;
            batch.inputs[place] = self.input;
            batch.targets[place] = if counts { target } else { IGNORE };
            self.input = target;
        }
    }
}

/// The start of part `row` when `total` is split into `rows` parts: the first parts are one larger if it does not
/// divide, so that no part of a smaller total is larger than the same part of a greater one.
fn even_split(total: u64, row: u64, rows: u64) -> u64 {
    row * (total / rows) + row.min(total % rows)
}

fn check_shape(rows: usize, steps: usize) -> Result<()> {
    match (rows, steps) {
        (0, _) => Err(Error::out_of_range("batch_size", rows, "1 or more")),
        (_, 0) => Err(Error::out_of_range("seq_length", steps, "1 or more")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
