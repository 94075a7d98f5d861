//! What stands below the recurrent layers of a model: a vector for each id, or frames as they are, and the dropout on it.

use refrain_kernels::{Backend, InputSpec, Real};
use serde::{Deserialize, Serialize};

use super::architecture::{MAX_SIZE, MAX_VOCABULARY, within};
use crate::Result;
use crate::layer::{DropoutMask, DropoutRate, Embedding, Source, StackInput};
use crate::params::{Init, Layout};

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
    /// [`crate::Error::Config`], naming the size and its bounds.
    pub fn validate(self) -> Result<()> {
        match self {
            InputKind::Ids { vocab_size, embedding_size } => {
                within("vocabulary size", vocab_size, 1, MAX_VOCABULARY)?;
                within("embedding size", embedding_size, 1, MAX_SIZE)
            }
            InputKind::Frames { size } => within("number of features", size, 1, MAX_SIZE),
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

/// The layer over such input, whose outputs are frames.
#[derive(Clone, Debug)]
pub(super) struct Input {
    kind: InputKind,
    embedding: Option<Embedding>,
    dropout: DropoutRate,
    /// Numbers a step that the network itself puts behind those of the input.
    beside: usize,
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

/// What a pass leaves behind.
pub(super) struct InputWorkspace<B: Backend> {
    vectors: Vec<B::Real>,
    frames: B::Frames,
}

/// Where the input is in the order of dropout masks, behind all layers of a stack.
pub(super) const INPUT: u64 = 1 << 20;

/// How the vectors of words start that are read to be labelled, half as far from 0 as is usual: labelled data are few, most
/// of their words are rare, and what a rare one starts with is never quite unlearned. From 1, how much a classifier of
/// sentences gets right is a matter of its seed (SST-2: 79.4 to 82.5 %), from 0.5 more and less so; from 0.1 it learns too
/// little by the time that it knows its examples by heart. Translators learn from many pairs, and faster from 1.
const LABELLED_START: Init = Init::Normal(0.5);

impl Input {
    /// Appends the table of vectors to `layout`, `prefix.weight`, if ids are read. Vectors are dropped like the outputs of
    /// layers; measured numbers are not.
    pub(super) fn new(layout: &mut Layout, prefix: &str, kind: InputKind, dropout: DropoutRate) -> Self {
        match kind {
            InputKind::Ids { vocab_size, embedding_size } => {
                let embedding = Some(Embedding::new(layout, prefix, vocab_size, embedding_size));
                Self { kind, embedding, dropout, beside: 0 }
            }
            InputKind::Frames { size } => Self::of_frames(size, DropoutRate::default()),
        }
    }

    /// The same for sequences to be labelled.
    pub(super) fn labelled(self, layout: &mut Layout) -> Self {
        if let Some(embedding) = &self.embedding {
            embedding.start(layout, LABELLED_START);
        }
        self
    }

    /// A layer over frames, which are dropped.
    pub(super) fn of_frames(size: usize, dropout: DropoutRate) -> Self {
        Self { kind: InputKind::Frames { size }, embedding: None, dropout, beside: 0 }
    }

    /// The same with so many numbers more a step.
    pub(super) fn with_beside(self, beside: usize) -> Self {
        Self { beside, ..self }
    }

    /// What the layers above read.
    pub(super) fn spec(&self) -> InputSpec {
        InputSpec::Frames { size: self.kind.size() + self.beside }
    }

    /// Whether there is something to learn, for which the way back is wanted.
    pub(super) fn learns(&self) -> bool {
        self.embedding.is_some()
    }

    /// Leaves what the layers above read in `pass`; behind each step's own numbers stands what is `beside` them.
    pub(super) fn forward<B: Backend>(
        &self,
        backend: &B,
        params: &B::Buffer,
        read: Read<'_>,
        beside: Option<&B::Frames>,
        pass: &mut InputWorkspace<B>,
    ) {
        let InputWorkspace { vectors, frames } = pass;
        match &self.embedding {
            Some(embedding) => embedding.forward(backend, params, read.ids, vectors),
            None => {
                vectors.clear();
                vectors.extend(read.frames.iter().map(|&x| B::Real::of(x.into())));
            }
        }
        *frames = backend.frames(self.kind.size(), vectors);
        if let Some(beside) = beside {
            let own = std::mem::take(frames);
            backend.join(&[backend.view(&own), backend.view(beside)], frames);
        }
        if let Some(mask) = read.dropout.and_then(|mask| mask.on(self.dropout, INPUT, read.rows)) {
            backend.dropout_in_place(&mask, frames);
        }
    }

    /// The way back from the gradient of what the layers above read, which is dropped on the way; gives that of what stood
    /// beside, `[T, B, _]`.
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        read: Read<'_>,
        d_frames: &mut B::Frames,
        grads: &mut B::Buffer,
    ) -> Vec<B::Real> {
        let Some(embedding) = &self.embedding else { return vec![] };
        if let Some(mask) = read.dropout.and_then(|mask| mask.on(self.dropout, INPUT, read.rows)) {
            backend.dropout_in_place(&mask, d_frames);
        }
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

    /// The same as the layers above read it, after [`Input::forward`].
    pub(super) fn above<'p, B: Backend>(self, pass: &'p InputWorkspace<B>) -> StackInput<'p, B>
    where
        'a: 'p,
    {
        let Read { rows, lengths, dropout, .. } = self;
        StackInput { source: Source::Frames(&pass.frames), rows, lengths, dropout }
    }
}

impl<B: Backend> Default for InputWorkspace<B> {
    fn default() -> Self {
        Self { vectors: vec![], frames: B::Frames::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_to_be_labelled_start_half_as_far_from_0() {
        let kind = InputKind::Ids { vocab_size: 30, embedding_size: 7 };
        let mut layout = Layout::default();
        let input = Input::new(&mut layout, "embedding", kind, DropoutRate::default());
        let half: Vec<f32> = layout.init(3).iter().map(|x| x / 2.0).collect();
        input.labelled(&mut layout);
        assert_eq!(layout.init(3), half);
    }
}
