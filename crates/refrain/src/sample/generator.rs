//! Generating many streams of text at once.

use std::sync::Arc;

use refrain_kernels::Backend;

use super::group::{Group, Shared};
use super::stream::Stream;
use super::{Piece, SamplingOptions, StreamId};
use crate::model::{LanguageModel, Network, Weights};
use crate::text::Vocabulary;
use crate::{Handle, Result};

/// Minimum number of streams per thread: a time step reads all weights, for one row or several.
const MIN_ROWS: usize = 4;
/// Minimum number of multiplications per time step and thread; waking a thread costs a few hundred thousand.
const MIN_WORK: usize = 2_000_000;

/// Steps streams of text together. They join and leave between steps; the text of a stream depends only on its prompt
/// and options, bit for bit.
pub struct Generator<'m, B: Backend> {
    shared: Shared<'m, B>,
    /// One per thread; those in use come first.
    groups: Vec<Group<B>>,
    /// Minimum number of streams per group.
    min_streams: usize,
    /// The streams that ended with the last step.
    ended: Vec<Stream>,
    next_id: u64,
}

impl<'m, B: Backend> Generator<'m, B> {
    /// A generator without streams, on one thread. For a model of `lines`, a newline begins a new sequence. It borrows or
    /// shares the weights.
    pub fn new(
        backend: &B,
        model: &LanguageModel,
        weights: impl Into<Handle<'m, Weights<B>>>,
        vocabulary: &Arc<Vocabulary>,
        lines: bool,
    ) -> Self {
        let end = vocabulary.line_end().filter(|_| lines);
        let (backend, vocabulary) = (backend.clone(), vocabulary.clone());
        let shared = Shared { backend, model: model.clone(), weights: weights.into(), vocabulary, end };
        // Each weight is multiplied once per row, except those of an embedding.
        let min_streams = MIN_WORK.div_ceil(model.layout().len()).max(MIN_ROWS);
        Self { shared, groups: vec![Group::new(model)], min_streams, ended: vec![], next_id: 0 }
    }

    /// Distributes the streams over at most `threads` threads of the backend. This changes no text.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.groups.resize_with(threads.max(self.groups.len()), || Group::new(&self.shared.model));
        self
    }

    /// Adds a stream that continues `prompt` (the start of a line if it is empty). At each step it reads one token of its
    /// prompt, then samples one token per step, until a stop sequence or `length` tokens.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for characters that are not in the vocabulary; [`crate::Error::Setting`] for invalid
    /// options. Other streams are not affected.
    pub fn join(&mut self, prompt: &str, length: usize, options: &SamplingOptions) -> Result<StreamId> {
        let id = StreamId(self.next_id);
        let stream = Stream::new(id, &self.shared.vocabulary, prompt, length, options)?;
        self.next_id += 1;
        self.groups[0].push((stream, self.shared.model.zero_state::<B>(1)));
        Ok(id)
    }

    /// Removes a stream, and returns its pending text, which might have become a stop sequence; `None` if the stream has
    /// already ended.
    pub fn cancel(&mut self, id: StreamId) -> Option<Vec<u8>> {
        self.groups.iter_mut().find_map(|group| group.cancel(id)).map(Stream::into_pending)
    }

    /// Number of active streams.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.streams().len()).sum()
    }

    /// Whether all streams have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Advances every stream by one token. Returns a piece, in arbitrary order, for each stream that sampled a token or
    /// ended; streams that ended are removed.
    pub fn step(&mut self) -> impl Iterator<Item = Piece<'_>> {
        let used = self.balance();
        let Self { shared, groups, ended, .. } = self;
        shared.backend.parallel(&mut groups[..used], |_, group| group.step(shared));
        ended.clear();
        groups.iter_mut().for_each(|group| group.remove_ended(ended));
        groups.iter().flat_map(Group::streams).chain(&*ended).filter_map(Stream::piece)
    }

    /// Steps until `stream` has ended, and returns its text from here on. The text of other streams is discarded.
    pub fn finish(&mut self, stream: StreamId) -> Vec<u8> {
        let mut text = vec![];
        while self.groups.iter().flat_map(Group::streams).any(|other| other.id() == stream) {
            let piece = self.step().find(|piece| piece.stream == stream);
            text.extend_from_slice(piece.map_or(&[], |piece| piece.text));
        }
        text
    }

    /// Distributes the streams evenly over groups of at least `min_streams`; returns the number of groups.
    fn balance(&mut self) -> usize {
        let used = (self.len() / self.min_streams).clamp(1, self.groups.len());
        loop {
            let size = |&g: &usize| self.groups[g].streams().len();
            let to = (0..used).min_by_key(size).unwrap_or(0);
            // Unused groups give up all streams, used ones the excess.
            let allowed = |g: usize| if g < used { size(&to) + 1 } else { 0 };
            let from = (0..self.groups.len()).find(|g| size(g) > allowed(*g));
            let Some(moved) = from.and_then(|g| self.groups[g].pop()) else { return used };
            self.groups[to].push(moved);
        }
    }
}

/// The text of one stream, token by token.
pub struct TextStream<'m, B: Backend> {
    generator: Generator<'m, B>,
    id: StreamId,
}

impl<'m, B: Backend> TextStream<'m, B> {
    /// A stream of a generator without others; it ends at a stop sequence.
    ///
    /// # Errors
    /// As [`Generator::join`].
    pub fn new(mut generator: Generator<'m, B>, prompt: &str, options: &SamplingOptions) -> Result<Self> {
        let id = generator.join(prompt, usize::MAX, options)?;
        Ok(Self { generator, id })
    }

    /// Ends the stream, and returns its pending text, which might have become a stop sequence.
    pub fn finish(mut self) -> Vec<u8> {
        self.generator.cancel(self.id).unwrap_or_default()
    }
}

impl<B: Backend> Iterator for TextStream<'_, B> {
    type Item = Vec<u8>;

    /// The text of one more token, with pending text before it; empty while the text may become a stop sequence.
    fn next(&mut self) -> Option<Vec<u8>> {
        while !self.generator.is_empty() {
            // There are no pieces while the prompt is read.
            if let Some(piece) = self.generator.step().next() {
                return (!piece.text.is_empty() || piece.end.is_none()).then(|| piece.text.to_vec());
            }
        }
        None
    }
}

#[cfg(test)]
#[path = "generator_tests.rs"]
mod tests;
