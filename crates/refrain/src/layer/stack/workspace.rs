//! What goes into a pass through a stack, and what it leaves behind.

use refrain_kernels::{Backend, Input, State};

use crate::layer::workspace::workspace;
use crate::layer::{DropoutMask, NormWorkspace};

/// What a stack reads in one pass.
pub struct StackInput<'a, B: Backend> {
    /// Ids or frames of all positions, `[T, B]`.
    pub source: Source<'a, B>,
    /// `B`.
    pub rows: usize,
    /// Steps of each row; all full if absent.
    pub lengths: Option<&'a [usize]>,
    /// The mask of a training pass; none when evaluating.
    pub dropout: Option<DropoutMask>,
}

/// See [`StackInput::source`].
pub enum Source<'a, B: Backend> {
    /// For a lowest layer over ids.
    Ids(&'a [u32]),
    /// For a lowest layer over frames.
    Frames(&'a B::Frames),
}

workspace! {
    /// What a pass through a stack leaves behind; reused from pass to pass.
    pub struct StackWorkspace<B> {
        pub(super) tapes: Vec<B::Tape>,
        /// Each layer's output as it is read, where that is not what lies on its tape: both directions joined, normalised,
        /// dropped.
        pub(super) outputs: Vec<B::Frames>,
        pub(super) norms: Vec<NormWorkspace<B::Real>>,
        /// Whether `outputs` are those of this pass, and whether the top layer's is.
        pub(super) derived: bool,
        pub(super) top_derived: bool,
        /// Gradient of the output, `[T, B, D H]`, which the backward pass starts from. After it that of the input, if that
        /// was wanted.
        pub d_output: B::Frames,
        pub(super) d_input: B::Frames,
        /// Gradients of one direction.
        pub(super) d_part: B::Frames,
        pub(super) d_other: B::Frames,
    }
}

/// What the backward pass takes and gives beside the gradient of the output.
pub struct StackBack<'a, B: Backend> {
    /// The arena of gradients, added to.
    pub grads: &'a mut B::Buffer,
    /// The gradient of the final states, one a spec of the stack.
    pub d_final: Option<&'a [State<B::Real>]>,
    /// Where that of the initial states goes, overwritten, one a spec.
    pub d_initial: Option<&'a mut [State<B::Real>]>,
    /// Whether the gradient of the input frames is wanted: it is then what `d_output` holds at the end.
    pub d_input: bool,
}

impl<'a, B: Backend> StackBack<'a, B> {
    /// Nothing but the gradients of the parameters.
    pub fn new(grads: &'a mut B::Buffer) -> Self {
        Self { grads, d_final: None, d_initial: None, d_input: false }
    }
}

impl<'a, B: Backend> StackInput<'a, B> {
    /// What the layer above the layers `below` reads: their last tape's output, or what was derived from it.
    pub(super) fn of_layer<'b>(
        &self,
        backend: &B,
        below: &'b [B::Tape],
        derived: Option<&'b [B::Frames]>,
    ) -> Input<'b, B::View<'b>>
    where
        'a: 'b,
    {
        match (below.last(), derived.map(<[B::Frames]>::last)) {
            (Some(_), Some(Some(output))) => Input::Frames(backend.view(output)),
            (Some(tape), _) => Input::Frames(backend.output(tape)),
            (None, _) => match self.source {
                Source::Ids(ids) => Input::Ids(ids),
                Source::Frames(frames) => Input::Frames(backend.view(frames)),
            },
        }
    }
}

impl<B: Backend> StackWorkspace<B> {
    /// The top layer's output, `[T, B, D H]`, after dropout.
    ///
    /// # Panics
    /// Before the first pass.
    pub fn output<'a>(&'a self, backend: &B) -> B::View<'a> {
        top(backend, &self.tapes, self.outputs.last().filter(|_| self.top_derived))
    }

    /// The same, and where its gradient goes.
    ///
    /// # Panics
    /// Before the first pass.
    pub fn output_and_gradient<'a>(&'a mut self, backend: &B) -> (B::View<'a>, &'a mut B::Frames) {
        let Self { tapes, outputs, top_derived, d_output, .. } = self;
        (top(backend, tapes, outputs.last().filter(|_| *top_derived)), d_output)
    }

    /// The tapes of the layers, lowest first; of each layer forwards before backwards.
    pub fn tapes(&self) -> &[B::Tape] {
        &self.tapes
    }
}

/// The top layer's output: what was `derived` from it, or what lies on the last of its tapes.
fn top<'a, B: Backend>(backend: &B, tapes: &'a [B::Tape], derived: Option<&'a B::Frames>) -> B::View<'a> {
    match (derived, tapes.last()) {
        (Some(frames), _) => backend.view(frames),
        (None, Some(tape)) => backend.output(tape),
        (None, None) => panic!("a stack has an output only after a pass"),
    }
}
