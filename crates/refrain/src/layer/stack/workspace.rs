//! Inputs and results of a pass through a stack.

use refrain_kernels::{Backend, Input, State};

use crate::layer::workspace::workspace;
use crate::layer::{DropoutMask, NormWorkspace};

/// The input of a stack in one pass.
pub struct StackInput<'a, B: Backend> {
    /// Ids or frames of all positions, `[T, B]`.
    pub source: Source<'a, B>,
    /// `B`.
    pub rows: usize,
    /// Steps of each row; all rows have the same number if absent.
    pub lengths: Option<&'a [usize]>,
    /// The mask of a training pass; none in evaluation.
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
    /// Results and buffers of a pass through a stack; reused.
    pub struct StackWorkspace<B> {
        pub(super) tapes: Vec<B::Tape>,
        /// Each layer's output, if it differs from that on its tape: directions joined, normalised, with dropout.
        pub(super) outputs: Vec<B::Frames>,
        pub(super) norms: Vec<NormWorkspace<B::Real>>,
        /// Whether `outputs` are valid for this pass, and whether the top layer's is.
        pub(super) derived: bool,
        pub(super) top_derived: bool,
        /// Gradient of the output, `[T, B, D H]`, input of the backward pass, which replaces it by the gradient of the
        /// stack's input, if requested.
        pub d_output: B::Frames,
        pub(super) d_input: B::Frames,
        /// Gradients of one direction.
        pub(super) d_part: B::Frames,
        pub(super) d_other: B::Frames,
    }
}

/// Inputs and results of the backward pass, except for the gradient of the output.
pub struct StackBack<'a, B: Backend> {
    /// The arena of gradients, added to.
    pub grads: &'a mut B::Buffer,
    /// The gradient of the final states, one per spec of the stack.
    pub d_final: Option<&'a [State<B::Real>]>,
    /// The gradient of the initial states, overwritten, one per spec.
    pub d_initial: Option<&'a mut [State<B::Real>]>,
    /// Whether to compute the gradient of the input frames, in `d_output`.
    pub d_input: bool,
}

impl<'a, B: Backend> StackBack<'a, B> {
    /// For the gradients of the parameters only.
    pub fn new(grads: &'a mut B::Buffer) -> Self {
        Self { grads, d_final: None, d_initial: None, d_input: false }
    }
}

impl<'a, B: Backend> StackInput<'a, B> {
    /// The input of the layer above the layers `below`: the last tape's output, or the output derived from it.
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

    /// The top layer's output, and the buffer of its gradient.
    ///
    /// # Panics
    /// Before the first pass.
    pub fn output_and_gradient<'a>(&'a mut self, backend: &B) -> (B::View<'a>, &'a mut B::Frames) {
        let Self { tapes, outputs, top_derived, d_output, .. } = self;
        (top(backend, tapes, outputs.last().filter(|_| *top_derived)), d_output)
    }

    /// The tapes of the layers, lowest first; within a layer the forward direction first.
    pub fn tapes(&self) -> &[B::Tape] {
        &self.tapes
    }
}

/// The top layer's output: the one `derived` from the last tape, or the one on the tape.
fn top<'a, B: Backend>(backend: &B, tapes: &'a [B::Tape], derived: Option<&'a B::Frames>) -> B::View<'a> {
    match (derived, tapes.last()) {
        (Some(frames), _) => backend.view(frames),
        (None, Some(tape)) => backend.output(tape),
        (None, None) => panic!("a stack has an output only after a pass"),
    }
}
