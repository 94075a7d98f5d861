//! Many streams of text at once.

use std::sync::Arc;

use refrain_kernels::Backend;

use super::group::{Group, Shared};
use super::stream::Stream;
use super::{Options, Piece, StreamId};
use crate::model::{LanguageModel, Network, Weights};
use crate::text::Vocabulary;
use crate::{Handle, Result};

/// A thread gets a group of its own for this many streams at least: a step reads all weights, whether for one row or
/// for several.
const MIN_ROWS: usize = 4;
/// And for this many multiplications a step: to wake it takes about as long as some hundred thousand.
const MIN_WORK: usize = 2_000_000;

/// Steps streams of text together. They join and leave between steps; what a stream writes follows from its prompt
/// and its options alone, bit for bit.
pub struct Generator<'m, B: Backend> {
    shared: Shared<'m, B>,
    /// One for each thread; those in use come first.
    groups: Vec<Group<B>>,
    /// Streams that are worth a group.
    least: usize,
    /// The streams that ended with the last step.
    ended: Vec<Stream>,
    joined: u64,
}

impl<'m, B: Backend> Generator<'m, B> {
    /// A generator without streams, on one thread. For a model of `lines`, a line end begins a new sequence. It borrows the
    /// weights, or shares them and then lives as long as it is wanted.
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
        // Each weight is multiplied once a row, but for those of an embedding.
        let least = MIN_WORK.div_ceil(model.layout().len()).max(MIN_ROWS);
        Self { shared, groups: vec![Group::new(model)], least, ended: vec![], joined: 0 }
    }

    /// Shares out the streams among `threads` threads of the backend, where there are enough of them. This changes
    /// no text.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.groups.resize_with(threads.max(self.groups.len()), || Group::new(&self.shared.model));
        self
    }

    /// Adds a stream that goes on from `prompt` (from the start of a line, if that is empty) and takes part in the
    /// next step. It reads a symbol of its prompt a step, then draws one a step, until it meets one of the options'
    /// stops or has drawn `length` symbols.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for characters that the model has never seen; [`crate::Error::Setting`] for options that
    /// cannot be. The other streams go on.
    pub fn join(&mut self, prompt: &str, length: usize, options: &Options) -> Result<StreamId> {
        let id = StreamId(self.joined);
        let stream = Stream::new(id, &self.shared.vocabulary, prompt, length, options)?;
        self.joined += 1;
        self.groups[0].push((stream, self.shared.model.zero_state::<B>(1)));
        Ok(id)
    }

    /// Removes a stream before its end, and gives what was held back of its text because it might have become a
    /// stop; `None` if the stream has left already.
    pub fn cancel(&mut self, id: StreamId) -> Option<Vec<u8>> {
        self.groups.iter_mut().find_map(|group| group.cancel(id)).map(Stream::into_held)
    }

    /// How many streams take part in the next step.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.streams().len()).sum()
    }

    /// Whether all streams have left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One symbol further with every stream. Gives a piece, in no particular order, for each stream that drew a
    /// symbol or came to its end; those that came to their end have left.
    pub fn step(&mut self) -> impl Iterator<Item = Piece<'_>> {
        let used = self.share_out();
        let Self { shared, groups, ended, .. } = self;
        shared.backend.parallel(&mut groups[..used], |_, group| group.step(shared));
        ended.clear();
        groups.iter_mut().for_each(|group| group.remove_ended(ended));
        groups.iter().flat_map(Group::streams).chain(&*ended).filter_map(Stream::piece)
    }

    /// Steps until `stream` has ended, and gives its text from here on. What other streams write is lost.
    pub fn finish(&mut self, stream: StreamId) -> Vec<u8> {
        let mut text = vec![];
        while self.groups.iter().flat_map(Group::streams).any(|other| other.id() == stream) {
            let piece = self.step().find(|piece| piece.stream == stream);
            text.extend_from_slice(piece.map_or(&[], |piece| piece.text));
        }
        text
    }

    /// Brings the groups to equal sizes, as many as the streams are enough for; says how many those are.
    fn share_out(&mut self) -> usize {
        let used = (self.len() / self.least).clamp(1, self.groups.len());
        loop {
            let size = |&g: &usize| self.groups[g].streams().len();
            let to = (0..used).min_by_key(size).unwrap_or(0);
            // A group out of use gives away all it has, one in use what it has too many.
            let fair = |g: usize| if g < used { size(&to) + 1 } else { 0 };
            let from = (0..self.groups.len()).find(|g| size(g) > fair(*g));
            let Some(moved) = from.and_then(|g| self.groups[g].pop()) else { return used };
            self.groups[to].push(moved);
        }
    }
}

/// One stream, text as it is made.
pub struct TextStream<'m, B: Backend> {
    generator: Generator<'m, B>,
    id: StreamId,
}

impl<'m, B: Backend> TextStream<'m, B> {
    /// A stream of a generator that has no others; it ends at one of the options' stops.
    ///
    /// # Errors
    /// As [`Generator::join`].
    pub fn new(mut generator: Generator<'m, B>, prompt: &str, options: &Options) -> Result<Self> {
        let id = generator.join(prompt, usize::MAX, options)?;
        Ok(Self { generator, id })
    }

    /// What was held back because it might have become a stop, at the end of a stream that is broken off.
    pub fn finish(mut self) -> Vec<u8> {
        self.generator.cancel(self.id).unwrap_or_default()
    }
}

impl<B: Backend> Iterator for TextStream<'_, B> {
    type Item = Vec<u8>;

    /// The text of one more symbol, with what was held back before it; empty while it may become a stop.
    fn next(&mut self) -> Option<Vec<u8>> {
        while !self.generator.is_empty() {
            // No piece comes while the prompt is read.
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
