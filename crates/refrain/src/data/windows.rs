//! Carried windows: a text as parallel lanes, each read from end to end with the state carried along.
//!
//! This is truncated backpropagation through time with carried (stateful) lanes: a window of `T` steps is
//! differentiated as a whole, and the state at its end, without gradient, starts the next one. Row `b` of
//! every window belongs to lane `b`, so state row `b` always goes on where it stopped.

use std::ops::Range;

use super::batch::{IGNORE, TextBatch};
use crate::number::thousands;
use crate::text::{EncodedText, IdReader};
use crate::{Error, Result};

/// The windows over one part of a text, for training ([`new`](Self::new)) or for measuring
/// ([`evaluation`](Self::evaluation)).
///
/// The state is zero before window 0, and carried from each window to the next.
#[derive(Debug)]
pub struct Windows {
    text: EncodedText,
    lanes: Vec<Lane>,
    steps: usize,
    /// Steps of the longest lane.
    total_steps: u64,
    /// The window that every lane's reader stands before.
    next: Option<u64>,
    unknown_count: u64,
    /// What one lane adds to a window: `[T]`.
    ids: Vec<u32>,
}

#[derive(Debug)]
struct Lane {
    part: LanePart,
    /// Stands behind the symbol of `input`.
    reader: IdReader,
    /// The id that the next window starts with.
    input: u32,
}

/// The part of the text that one lane reads: symbols `start..=start + length`, of which the first is only an
/// input.
#[derive(Clone, Copy, Debug)]
struct LanePart {
    start: u64,
    /// Steps, warm-up included.
    length: u64,
    /// Steps at the start whose targets do not count.
    warm_up: u64,
}

/// How to lay lanes over a text that is measured, not learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Lanes, `B`; fewer if there are fewer symbols to predict.
    pub rows: usize,
    /// Steps in a window, `T`. It changes no result, only memory and speed.
    pub steps: usize,
    /// Symbols that each lane reads before its own part (as far as the text goes back) to fill its state;
    /// they are not predicted.
    pub warm_up: u64,
    /// Predict this many symbols at most, spread evenly over the text; `None` predicts all.
    pub limit: Option<u64>,
}

impl Evaluation {
    /// The whole text in one lane: each symbol but the first is predicted from all before it.
    pub fn exact(steps: usize) -> Self {
        Self { rows: 1, steps, warm_up: 0, limit: None }
    }
}

impl Windows {
    /// Training lanes: `rows` contiguous parts of `range`, each of `floor((range length - 1) / rows)` steps,
    /// in windows of `steps` steps, of which the last may be shorter. Only the remainder of that division is
    /// left out.
    ///
    /// # Errors
    /// [`Error::Setting`] if `rows` or `steps` is 0.
    /// [`Error::Input`] if a lane is shorter than one window. Else as [`EncodedText::reader`].
    pub fn new(text: &EncodedText, range: Range<u64>, rows: usize, steps: usize) -> Result<Self> {
        check_shape(rows, steps)?;
        let symbols = range.end.saturating_sub(range.start);
        let length = symbols.saturating_sub(1) / rows as u64;
        if length < steps as u64 {
            let needed = (rows as u64).saturating_mul(steps as u64).saturating_add(1);
            let found = format!(
                "the text to train on is too short for `batch_size = {rows}` and `seq_length = {steps}`, with {} of {} \
                 symbols",
                thousands(symbols),
                thousands(needed)
            );
            let remedy = "lower one of them, or give more text";
            return Err(Error::too_little(&text.corpus().name(), found, remedy));
        }
        let start_of = |row| range.start + row * length;
        let parts = (0..rows as u64).map(|row| LanePart { start: start_of(row), length, warm_up: 0 });
        Self::over(text, parts.collect(), steps)
    }

    /// Measuring lanes: the symbols of `range` after its first are cut into equal parts, and each is
    /// predicted exactly once (or `limit` of them, from the start of every part). Rows that end before others
    /// are padded with [`IGNORE`].
    ///
    /// # Errors
    /// [`Error::Setting`] if a size is 0. [`Error::Input`] if there are fewer than two symbols. Else as
    /// [`EncodedText::reader`].
    pub fn evaluation(text: &EncodedText, range: Range<u64>, how: Evaluation) -> Result<Self> {
        check_shape(how.rows, how.steps)?;
        let predictable = range.end.saturating_sub(range.start).saturating_sub(1);
        let wanted = how.limit.unwrap_or(predictable).min(predictable);
        if predictable == 0 {
            let found = "has fewer than two symbols to evaluate on";
            let expected = "one is needed to predict the next from";
            return Err(Error::too_little(&text.corpus().name(), found, expected));
        }
        if wanted == 0 {
            return Err(Error::out_of_range("limit", 0, "1 or more, to have something to measure"));
        }
        let rows = (how.rows as u64).min(wanted);
        let parts = (0..rows).map(|row| {
            let before = even_share(predictable, row, rows);
            let warm_up = how.warm_up.min(before);
            let counted = even_share(wanted, row + 1, rows) - even_share(wanted, row, rows);
            LanePart { start: range.start + before - warm_up, length: warm_up + counted, warm_up }
        });
        Self::over(text, parts.collect(), how.steps)
    }

    fn over(text: &EncodedText, parts: Vec<LanePart>, steps: usize) -> Result<Self> {
        let total_steps = parts.iter().map(|part| part.length).max().unwrap_or(0);
        let steps = steps.min(usize::try_from(total_steps).unwrap_or(usize::MAX));
        let lanes = parts
            .into_iter()
            .map(|part| Ok(Lane { part, reader: text.reader(part.start)?, input: 0 }))
            .collect::<Result<_>>()?;
        let ids = vec![0; steps];
        Ok(Self { text: text.clone(), lanes, steps, total_steps, next: None, unknown_count: 0, ids })
    }

    /// Windows in an epoch, at least 1.
    pub fn len(&self) -> u64 {
        self.total_steps.div_ceil(self.steps as u64)
    }

    /// Always false: a text without a single window is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `B`.
    pub fn rows(&self) -> usize {
        self.lanes.len()
    }

    /// How many of the targets given out so far were symbols that the vocabulary lacks.
    pub fn unknown_count(&self) -> u64 {
        self.unknown_count
    }

    /// Fills `batch` with window `index` and returns true, or returns false past the last window. Any order
    /// gives the same batches; going from one window to the next costs no seek and no allocation.
    ///
    /// # Errors
    /// [`Error::Input`] if a file changed, or has a symbol that the vocabulary lacks while it has no unknown
    /// symbol; [`Error::Io`] if a file cannot be read.
    pub fn batch(&mut self, index: u64, batch: &mut TextBatch) -> Result<bool> {
        if index >= self.len() {
            return Ok(false);
        }
        let first = index * self.steps as u64;
        let steps = (self.total_steps - first).min(self.steps as u64) as usize;
        batch.reshape(self.lanes.len(), steps);
        let follows = self.next.take() == Some(index);
        for (row, lane) in self.lanes.iter_mut().enumerate() {
            let count = lane.part.length.saturating_sub(first).min(steps as u64) as usize;
            if count == 0 {
                continue;
            }
            if !follows {
                lane.go_to(first)?;
            }
            let ids = &mut self.ids[..count];
            lane.reader.read(ids)?;
            lane.write(ids, first, row, batch);
        }
        self.unknown_count += self.text.vocabulary().unknown_among(&batch.targets) as u64;
        self.next = Some(index + 1);
        Ok(true)
    }
}

impl Lane {
    /// Goes to a step of this lane and reads the input of that step.
    fn go_to(&mut self, step: u64) -> Result<()> {
        self.reader.seek(self.part.start + step)?;
        let mut input = [0];
        self.reader.read(&mut input)?;
        self.input = input[0];
        Ok(())
    }

    /// Writes the targets `ids` of the steps from `first` on, and the inputs that stand one symbol before
    /// them.
    fn write(&mut self, ids: &[u32], first: u64, row: usize, batch: &mut TextBatch) {
        for (step, &target) in ids.iter().enumerate() {
            let place = step * batch.rows + row;
            let counts = first + step as u64 >= self.part.warm_up;
            batch.inputs[place] = self.input;
            batch.targets[place] = if counts { target } else { IGNORE };
            self.input = target;
        }
    }
}

/// Where share `row` starts when `total` is dealt out to `rows`: the first shares are one larger where it
/// does not divide, so no share of a smaller total is larger than the same share of a greater one.
fn even_share(total: u64, row: u64, rows: u64) -> u64 {
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
