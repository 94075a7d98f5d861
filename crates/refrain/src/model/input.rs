//! What stands below the recurrent layers of a model: a vector for each id, or frames as they are, and the dropout on it.

use refrain_kernels::{Backend, InputSpec, Real};
use serde::{Deserialize, Serialize};

use super::recurrent::{MAX_SIZE, MAX_VOCABULARY};
use crate::Result;
use crate::data::{Padded, TextBatch};
use crate::error::within;
use crate::layer::{DropoutMask, DropoutRate, Embedding, Source, StackInput, drop_in_place, workspace};
use crate::params::{Init, LayoutBuilder, Weights};

/// What a model over ids or frames reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InputKind {
    /// Ids below `vocab_size`, each of which has a vector.
    Ids {
        /// `V`.
        vocab_size: usize,
        /// `E`.
        embedding_size: usize,
    },
    /// Frames of so many features.
    Frames {
        /// `I`.
        size: usize,
    },
}

impl InputKind {
    /// Numbers a step.
    pub fn size(self) -> usize {
        match self {
            InputKind::Ids { embedding_size, .. } => embedding_size,
            InputKind::Frames { size } => size,
        }
    }

    /// Checks that every size is one that a model can have.
    ///
    /// # Errors
    /// [`crate::Error::Setting`], naming the size and its bounds.
    pub fn validate(self) -> Result<()> {
        match self {
            InputKind::Ids { vocab_size, embedding_size } => {
                within("vocab_size", vocab_size, 1, MAX_VOCABULARY)?;
                within("embedding_size", embedding_size, 1, MAX_SIZE)
            }
            InputKind::Frames { size } => within("input_size", size, 1, MAX_SIZE),
        }
    }

    /// For people: `embedding of 64`.
    pub(super) fn summary(self) -> String {
        match self {
            InputKind::Ids { embedding_size, .. } => format!("embedding of {embedding_size}"),
            InputKind::Frames { size } => format!("frames of {size}"),
        }
    }
}

/// What the lowest recurrent layer reads.
#[derive(Clone, Debug)]
pub(super) struct Input {
    source: InputSource,
    dropout: DropoutRate,
    /// Numbers a step that the network itself puts behind those of the input.
    beside: usize,
}

#[derive(Clone, Debug)]
enum InputSource {
    /// Ids, whose vectors are the lowest layer's own business.
    Ids(InputSpec),
    /// The vectors of ids, looked up.
    Embedding(Embedding),
    /// Frames of so many features.
    Frames(usize),
}

/// What is read in one pass.
#[derive(Clone, Copy)]
pub(super) struct Read<'a> {
    /// `[T, B]`, for a layer over ids.
    pub(super) ids: &'a [u32],
    /// `[T, B, I]`, for a layer over frames.
    pub(super) frames: &'a [f32],
    /// `B`.
    pub(super) rows: usize,
    /// Steps of each row; all full if absent.
    pub(super) lengths: Option<&'a [usize]>,
    /// The mask of a training pass; none when evaluating.
    pub(super) dropout: Option<DropoutMask>,
}

workspace! {
    /// What a pass leaves behind.
    pub(super) struct InputWorkspace<B> {
        vectors: Vec<B::Real>,
        frames: B::Frames,
    }
}

/// Where the input is in the order of dropout masks, behind all layers of a stack.
pub(super) const INPUT: u64 = 1 << 20;

/// How the vectors of ids usually start.
pub(super) const USUAL_START: Init = Init::Normal(1.0);

/// How the vectors of words start that are read to be labelled, half as far from 0 as is usual: labelled data are few, most
/// of their words are rare, and what a rare one starts with is never quite unlearned. From 1, how much a classifier of
/// sentences gets right is a matter of its seed (SST-2: 79.4 to 82.5 %), from 0.5 more and less so; from 0.1 it learns too
/// little by the time that it knows its examples by heart. Translators learn from many pairs, and faster from 1.
pub(super) const LABELLED_START: Init = Init::Normal(0.5);

impl Input {
    /// Ids, one-hot.
    pub(super) fn one_hot(vocab_size: usize) -> Self {
        Self::undropped(InputSource::Ids(InputSpec::OneHot { vocab_size }))
    }

    /// Ids with a vector each, in a table of `prefix.weight` all of which the lowest layer multiplies beforehand.
    pub(super) fn table(
        layout: &mut LayoutBuilder,
        prefix: &str,
        vocab_size: usize,
        size: usize,
        start: Init,
    ) -> Self {
        let embedding = Embedding::new(layout, prefix, vocab_size, size, start).weight();
        Self::undropped(InputSource::Ids(InputSpec::Embedded { vocab_size, size, embedding }))
    }

    /// Ids, whose vectors, `prefix.weight`, are looked up and dropped like the outputs of layers, or frames of measured
    /// numbers, which are not dropped.
    pub(super) fn new(
        layout: &mut LayoutBuilder,
        prefix: &str,
        kind: InputKind,
        dropout: DropoutRate,
        start: Init,
    ) -> Self {
        match kind {
            InputKind::Ids { vocab_size, embedding_size } => {
                let embedding = Embedding::new(layout, prefix, vocab_size, embedding_size, start);
                Self { source: InputSource::Embedding(embedding), dropout, beside: 0 }
            }
            InputKind::Frames { size } => Self::of_frames(size, DropoutRate::default()),
        }
    }

    /// Frames, which are dropped.
    pub(super) fn of_frames(size: usize, dropout: DropoutRate) -> Self {
        Self { dropout, ..Self::undropped(InputSource::Frames(size)) }
    }

    fn undropped(source: InputSource) -> Self {
        Self { source, dropout: DropoutRate::default(), beside: 0 }
    }

    /// The same with so many numbers more a step.
    pub(super) fn with_beside(self, beside: usize) -> Self {
        Self { beside, ..self }
    }

    /// What the lowest recurrent layer reads.
    pub(super) fn spec(&self) -> InputSpec {
        match &self.source {
            InputSource::Ids(spec) => *spec,
            InputSource::Embedding(embedding) => InputSpec::Frames { size: embedding.size() + self.beside },
            InputSource::Frames(size) => InputSpec::Frames { size: size + self.beside },
        }
    }

    /// Where the vectors of ids lie in the arena, if ids have vectors.
    pub(super) fn embedding(&self) -> Option<usize> {
        match &self.source {
            InputSource::Ids(InputSpec::Embedded { embedding, .. }) => Some(*embedding),
            InputSource::Embedding(embedding) => Some(embedding.weight()),
            _ => None,
        }
    }

    /// Whether it has something to learn from the gradient of what is read.
    pub(super) fn learns(&self) -> bool {
        matches!(self.source, InputSource::Embedding(_))
    }

    /// Leaves what is read in the workspace; behind each step's own numbers stands what is `beside` them.
    pub(super) fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: Read<'_>,
        beside: Option<&B::Frames>,
        workspace: &mut InputWorkspace<B>,
    ) {
        let InputWorkspace { vectors, frames } = workspace;
        let size = match &self.source {
            InputSource::Ids(_) => return,
            InputSource::Embedding(embedding) => {
                embedding.forward(backend, &weights.params, read.ids, vectors);
                embedding.size()
            }
            InputSource::Frames(size) => {
                vectors.clear();
                vectors.extend(read.frames.iter().map(|&x| B::Real::of(x.into())));
                *size
            }
        };
        *frames = backend.frames(size, vectors);
        if let Some(beside) = beside {
            let own = std::mem::take(frames);
            backend.join(&[backend.view(&own), backend.view(beside)], frames);
        }
        drop_in_place(backend, read.dropout, self.dropout, INPUT, read.rows, frames);
    }

    /// What the lowest recurrent layer reads, after [`Input::forward`].
    pub(super) fn above<'a, B: Backend>(
        &self,
        read: Read<'a>,
        workspace: &'a InputWorkspace<B>,
    ) -> StackInput<'a, B> {
        let Read { ids, rows, lengths, dropout, .. } = read;
        let source = match self.source {
            InputSource::Ids(_) => Source::Ids(ids),
            _ => Source::Frames(&workspace.frames),
        };
        StackInput { source, rows, lengths, dropout }
    }

    /// The backward pass from the gradient of what is read, which is dropped on the way; gives that of what stood beside,
    /// `[T, B, _]`.
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        read: Read<'_>,
        d_frames: &mut B::Frames,
        grads: &mut B::Buffer,
    ) -> Vec<B::Real> {
        let InputSource::Embedding(embedding) = &self.source else { return vec![] };
        drop_in_place(backend, read.dropout, self.dropout, INPUT, read.rows, d_frames);
        let d_frames = backend.read_frames(backend.view(d_frames));
        if self.beside == 0 {
            embedding.backward(backend, read.ids, &d_frames, grads);
            return vec![];
        }
        let steps = d_frames.chunks_exact(embedding.size() + self.beside);
        let (own, beside): (Vec<_>, Vec<_>) = steps.map(|step| step.split_at(embedding.size())).unzip();
        embedding.backward(backend, read.ids, &own.concat(), grads);
        beside.concat()
    }
}

impl<B: Backend> InputWorkspace<B> {
    /// What the layers above read, `[T, B, _]`, on the host.
    pub(super) fn values(&self, backend: &B) -> Vec<B::Real> {
        backend.read_frames(backend.view(&self.frames))
    }
}

impl<'a> Read<'a> {
    /// Ids alone; without `lengths` a single step of each row.
    pub(super) fn of_ids(ids: &'a [u32], lengths: Option<&'a [usize]>, dropout: Option<DropoutMask>) -> Self {
        Self { ids, frames: &[], rows: lengths.map_or(ids.len(), <[usize]>::len), lengths, dropout }
    }

    /// Frames alone.
    pub(super) fn of_frames(frames: &'a Padded<f32>, dropout: Option<DropoutMask>) -> Self {
        Self { frames: &frames.values, ..Self::of_ids(&[], Some(&frames.lengths), dropout) }
    }

    /// The inputs of texts.
    pub(super) fn of_texts(texts: &'a TextBatch, dropout: Option<DropoutMask>) -> Self {
        let TextBatch { inputs, rows, lengths, .. } = texts;
        Self { ids: inputs, frames: &[], rows: *rows, lengths: lengths.as_deref(), dropout }
    }
}
