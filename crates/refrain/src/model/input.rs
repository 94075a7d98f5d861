//! The input of a model's recurrent layers: embedding vectors of ids, or frames, with dropout.

use refrain_kernels::{Backend, InputSpec, Real};
use serde::{Deserialize, Serialize};

use super::recurrent::{MAX_SIZE, MAX_VOCABULARY};
use crate::Result;
use crate::data::{Padded, TextBatch};
use crate::error::within;
use crate::layer::{DropoutMask, DropoutRate, Embedding, Source, StackInput, drop_in_place, workspace};
use crate::params::{Init, LayoutBuilder, Weights};

/// The input of a model over ids or frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InputKind {
    /// Ids below `vocab_size`, embedded.
    Ids {
        /// `V`.
        vocab_size: usize,
        /// `E`.
        embedding_size: usize,
    },
    /// Frames of features.
    Frames {
        /// `I`.
        size: usize,
    },
}

impl InputKind {
    /// Values per time step.
    pub fn size(self) -> usize {
        match self {
            InputKind::Ids { embedding_size, .. } => embedding_size,
            InputKind::Frames { size } => size,
        }
    }

    /// Checks all sizes against their bounds.
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

    /// For example `embedding of 64`.
    pub(super) fn summary(self) -> String {
        match self {
            InputKind::Ids { embedding_size, .. } => format!("embedding of {embedding_size}"),
            InputKind::Frames { size } => format!("frames of {size}"),
        }
    }
}

/// The input of the lowest recurrent layer.
#[derive(Clone, Debug)]
pub(super) struct Input {
    source: InputSource,
    dropout: DropoutRate,
    /// Values per time step that the network appends to those of the input.
    extra: usize,
}

#[derive(Clone, Debug)]
enum InputSource {
    /// Ids, embedded by the lowest layer.
    Ids(InputSpec),
    /// Ids, embedded here.
    Embedding(Embedding),
    /// Frames of features.
    Frames(usize),
}

/// The input of one pass.
#[derive(Clone, Copy)]
pub(super) struct PassInput<'a> {
    /// `[T, B]`, for models over ids.
    pub(super) ids: &'a [u32],
    /// `[T, B, I]`, for models over frames.
    pub(super) frames: &'a [f32],
    /// `B`.
    pub(super) rows: usize,
    /// Time steps of each row; no padding if absent.
    pub(super) lengths: Option<&'a [usize]>,
    /// The mask of a training pass; none in evaluation.
    pub(super) dropout: Option<DropoutMask>,
}

workspace! {
    /// Buffers of the forward and backward pass.
    pub(super) struct InputWorkspace<B> {
        vectors: Vec<B::Real>,
        frames: B::Frames,
    }
}

/// Index of the input among the dropout masks, after all layers of a stack.
pub(super) const INPUT: u64 = 1 << 20;

/// The usual initial embedding.
pub(super) const DEFAULT_EMBEDDING_INIT: Init = Init::Normal(1.0);

/// The initial embedding of classifiers and taggers, half the usual size: labelled data are few, most words are rare, and
/// training hardly changes the vectors of rare words. With 1, accuracy depends on the random seed (SST-2: 79.4 to 82.5 %);
/// with 0.5 it is higher and varies less; with 0.1 the model overfits before it is as accurate. Translators have more examples
/// and train faster with 1.
pub(super) const LABELLED_EMBEDDING_INIT: Init = Init::Normal(0.5);

impl Input {
    /// Ids, one-hot.
    pub(super) fn one_hot(vocab_size: usize) -> Self {
        Self::undropped(InputSource::Ids(InputSpec::OneHot { vocab_size }))
    }

    /// Embedded ids; the lowest layer multiplies the whole embedding `prefix.weight` beforehand.
    pub(super) fn table(
        layout: &mut LayoutBuilder,
        prefix: &str,
        vocab_size: usize,
        size: usize,
        init: Init,
    ) -> Self {
        let embedding = Embedding::new(layout, prefix, vocab_size, size, init).weight();
        Self::undropped(InputSource::Ids(InputSpec::Embedded { vocab_size, size, embedding }))
    }

    /// Ids embedded by `prefix.weight`, with dropout, or frames of measured values, without dropout.
    pub(super) fn new(
        layout: &mut LayoutBuilder,
        prefix: &str,
        kind: InputKind,
        dropout: DropoutRate,
        init: Init,
    ) -> Self {
        match kind {
            InputKind::Ids { vocab_size, embedding_size } => {
                let embedding = Embedding::new(layout, prefix, vocab_size, embedding_size, init);
                Self { source: InputSource::Embedding(embedding), dropout, extra: 0 }
            }
            InputKind::Frames { size } => Self::of_frames(size, DropoutRate::default()),
        }
    }

    /// Frames with dropout.
    pub(super) fn of_frames(size: usize, dropout: DropoutRate) -> Self {
        Self { dropout, ..Self::undropped(InputSource::Frames(size)) }
    }

    fn undropped(source: InputSource) -> Self {
        Self { source, dropout: DropoutRate::default(), extra: 0 }
    }

    /// The same with `extra` more values per time step.
    pub(super) fn with_extra(self, extra: usize) -> Self {
        Self { extra, ..self }
    }

    /// The input of the lowest recurrent layer.
    pub(super) fn spec(&self) -> InputSpec {
        match &self.source {
            InputSource::Ids(spec) => *spec,
            InputSource::Embedding(embedding) => InputSpec::Frames { size: embedding.size() + self.extra },
            InputSource::Frames(size) => InputSpec::Frames { size: size + self.extra },
        }
    }

    /// Where the embedding is in the arena, if there is one.
    pub(super) fn embedding(&self) -> Option<usize> {
        match &self.source {
            InputSource::Ids(InputSpec::Embedded { embedding, .. }) => Some(*embedding),
            InputSource::Embedding(embedding) => Some(embedding.weight()),
            _ => None,
        }
    }

    /// Whether the embedding needs the gradient of the input.
    pub(super) fn needs_gradient(&self) -> bool {
        matches!(self.source, InputSource::Embedding(_))
    }

    /// Writes the input of the lowest recurrent layer to the workspace; `extra` is appended to each time step.
    pub(super) fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        extra: Option<&B::Frames>,
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
        if let Some(extra) = extra {
            let own = std::mem::take(frames);
            backend.join(&[backend.view(&own), backend.view(extra)], frames);
        }
        drop_in_place(backend, read.dropout, self.dropout, INPUT, read.rows, frames);
    }

    /// The input of the lowest recurrent layer, after [`Input::forward`].
    pub(super) fn above<'a, B: Backend>(
        &self,
        read: PassInput<'a>,
        workspace: &'a InputWorkspace<B>,
    ) -> StackInput<'a, B> {
        let PassInput { ids, rows, lengths, dropout, .. } = read;
        let source = match self.source {
            InputSource::Ids(_) => Source::Ids(ids),
            _ => Source::Frames(&workspace.frames),
        };
        StackInput { source, rows, lengths, dropout }
    }

    /// The backward pass from the gradient of the input, with dropout; returns the gradient of `extra`, `[T, B, _]`.
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        read: PassInput<'_>,
        d_frames: &mut B::Frames,
        grads: &mut B::Buffer,
    ) -> Vec<B::Real> {
        let InputSource::Embedding(embedding) = &self.source else { return vec![] };
        drop_in_place(backend, read.dropout, self.dropout, INPUT, read.rows, d_frames);
        let d_frames = backend.read_frames(backend.view(d_frames));
        if self.extra == 0 {
            embedding.backward(backend, read.ids, &d_frames, grads);
            return vec![];
        }
        let steps = d_frames.chunks_exact(embedding.size() + self.extra);
        let (own, extra): (Vec<_>, Vec<_>) = steps.map(|step| step.split_at(embedding.size())).unzip();
        embedding.backward(backend, read.ids, &own.concat(), grads);
        extra.concat()
    }
}

impl<B: Backend> InputWorkspace<B> {
    /// The input of the lowest recurrent layer, `[T, B, _]`, on the host.
    pub(super) fn values(&self, backend: &B) -> Vec<B::Real> {
        backend.read_frames(backend.view(&self.frames))
    }
}

impl<'a> PassInput<'a> {
    /// Ids; without `lengths` one time step of each row.
    pub(super) fn of_ids(ids: &'a [u32], lengths: Option<&'a [usize]>, dropout: Option<DropoutMask>) -> Self {
        Self { ids, frames: &[], rows: lengths.map_or(ids.len(), <[usize]>::len), lengths, dropout }
    }

    /// Frames.
    pub(super) fn of_frames(frames: &'a Padded<f32>, dropout: Option<DropoutMask>) -> Self {
        Self { frames: &frames.values, ..Self::of_ids(&[], Some(&frames.lengths), dropout) }
    }

    /// The inputs of texts.
    pub(super) fn of_texts(texts: &'a TextBatch, dropout: Option<DropoutMask>) -> Self {
        let TextBatch { inputs, rows, lengths, .. } = texts;
        Self { ids: inputs, frames: &[], rows: *rows, lengths: lengths.as_deref(), dropout }
    }
}
