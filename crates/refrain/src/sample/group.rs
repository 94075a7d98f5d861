//! Streams that one thread steps together, and their rows of state.

use std::sync::Arc;

use refrain_kernels::{Backend, Real, State};

use super::stream::{Stream, StreamId};
use crate::Handle;
use crate::model::{LanguageModel, Network, Weights, Workspace};
use crate::text::Vocabulary;

/// Shared by all streams of a generator.
pub(super) struct Shared<'m, B: Backend> {
    pub(super) backend: B,
    pub(super) model: LanguageModel,
    pub(super) weights: Handle<'m, Weights<B>>,
    pub(super) vocabulary: Arc<Vocabulary>,
    /// A token that ends a sequence: the next one starts from the zero state, as in training.
    pub(super) end: Option<u32>,
}

/// `B` streams; stream `r` has row `r` of every state.
pub(super) struct Group<B: Backend> {
    streams: Vec<Stream>,
    /// `[B, H]`, one element per layer.
    state: Vec<State<B::Real>>,
    /// `[B]`: the tokens that the streams read in a time step.
    ids: Vec<u32>,
    pass: Workspace<B>,
}

impl<B: Backend> Group<B> {
    pub(super) fn new(model: &LanguageModel) -> Self {
        Self { streams: vec![], state: model.zero_state::<B>(0), ids: vec![], pass: Workspace::default() }
    }

    pub(super) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// One time step of every stream. Streams that have ended stay until they are removed.
    pub(super) fn step(&mut self, shared: &Shared<'_, B>) {
        let Self { streams, state, ids, pass } = self;
        if streams.is_empty() {
            return;
        }
        ids.clear();
        ids.extend(streams.iter().map(Stream::next));
        for row in (0..ids.len()).filter(|&row| Some(ids[row]) == shared.end) {
            rows::clear(state, row, ids.len());
        }
        let Shared { backend, model, weights, vocabulary, .. } = shared;
        model.read(backend, weights, ids, state, pass);
        let logits = match streams.iter().any(Stream::samples) {
            true => model.logits(backend, weights, pass),
            false => &[],
        };
        let mut logits = logits.chunks_exact(model.sizes().vocab_size);
        for stream in streams {
            stream.advance(logits.next().unwrap_or_default(), vocabulary);
        }
    }

    /// Adds a stream with its row of state.
    pub(super) fn push(&mut self, (stream, state): (Stream, Vec<State<B::Real>>)) {
        self.streams.push(stream);
        rows::append(&mut self.state, state);
    }

    /// Removes the last stream with its row of state.
    pub(super) fn pop(&mut self) -> Option<(Stream, Vec<State<B::Real>>)> {
        let rows = self.streams.len();
        self.streams.pop().map(|stream| (stream, rows::split_last(&mut self.state, rows)))
    }

    /// Moves the streams that have ended to `ended`. The last stream takes the row of a removed one.
    pub(super) fn remove_ended(&mut self, ended: &mut Vec<Stream>) {
        while let Some(row) = self.streams.iter().position(Stream::has_ended) {
            ended.push(self.remove(row));
        }
    }

    /// Removes the stream with this id.
    pub(super) fn cancel(&mut self, id: StreamId) -> Option<Stream> {
        let row = self.streams.iter().position(|stream| stream.id() == id)?;
        Some(self.remove(row))
    }

    /// The state of the stream with this id.
    #[cfg(test)]
    pub(super) fn state_of(&self, id: StreamId) -> Option<Vec<State<B::Real>>> {
        let row = self.streams.iter().position(|stream| stream.id() == id)?;
        let of = |values: &Vec<B::Real>| {
            let width = values.len() / self.streams.len();
            values[row * width..][..width].to_vec()
        };
        Some(self.state.iter().map(|state| State { h: of(&state.h), c: of(&state.c) }).collect())
    }

    fn remove(&mut self, row: usize) -> Stream {
        rows::swap_remove(&mut self.state, row, self.streams.len());
        self.streams.swap_remove(row)
    }
}

/// Rows of the states `[B, H]` of all layers.
mod rows {
    use super::{Real, State};

    /// The values of all layers, each with the length of a row: `H`, or 0 if there is no cell state.
    fn values<R>(state: &mut [State<R>], rows: usize) -> impl Iterator<Item = (&mut Vec<R>, usize)> {
        let values = state.iter_mut().flat_map(|state| [&mut state.h, &mut state.c]);
        values.map(move |values| {
            let width = values.len() / rows;
            (values, width)
        })
    }

    pub(super) fn clear<R: Real>(state: &mut [State<R>], row: usize, rows: usize) {
        for (values, width) in values(state, rows) {
            values[row * width..][..width].fill(R::zero());
        }
    }

    pub(super) fn append<R>(state: &mut [State<R>], more: Vec<State<R>>) {
        for (state, mut more) in state.iter_mut().zip(more) {
            state.h.append(&mut more.h);
            state.c.append(&mut more.c);
        }
    }

    pub(super) fn split_last<R>(state: &mut [State<R>], rows: usize) -> Vec<State<R>> {
        let last = |values: &mut Vec<R>| values.split_off(values.len() - values.len() / rows);
        state.iter_mut().map(|state| State { h: last(&mut state.h), c: last(&mut state.c) }).collect()
    }

    /// Replaces `row` by the last row.
    pub(super) fn swap_remove<R: Real>(state: &mut [State<R>], row: usize, rows: usize) {
        for (values, width) in values(state, rows) {
            let last = values.len() - width;
            values.copy_within(last.., row * width);
            values.truncate(last);
        }
    }
}
