//! Common parts of networks: recurrent layers over an input, and a linear layer with outputs at every time step.

use refrain_kernels::{Backend, CrossEntropy, Loss, Real, State};

use super::input::{Input, InputWorkspace, PassInput};
use super::network::Tapes;
use crate::layer::{Linear, LinearBack, Stack, StackBack, StackWorkspace, workspace};
use crate::params::Weights;

/// An input and the recurrent layers over it.
#[derive(Clone, Debug)]
pub(super) struct Backbone {
    pub(super) input: Input,
    pub(super) stack: Stack,
}

workspace! {
    /// Buffers of a [`Backbone`].
    pub(super) struct BackboneWorkspace<B> {
        pub(super) input: InputWorkspace<B>,
        pub(super) stack: StackWorkspace<B>,
    }
}

/// A backbone with a linear layer over the output of every time step.
#[derive(Clone, Debug)]
pub struct Stepwise {
    pub(super) backbone: Backbone,
    pub(super) output: Linear,
}

workspace! {
    /// Buffers of networks with outputs at every time step, reused.
    pub struct StepwiseWorkspace<B> {
        pub(super) backbone: BackboneWorkspace<B>,
        /// `[T, B, O]`, and their gradient.
        pub(super) outputs: Vec<B::Real>,
        pub(super) d_outputs: Vec<B::Real>,
        pub(super) scratch: B::Scratch,
    }
}

impl Backbone {
    /// Runs from `state`, which is updated; `extra` is appended to the input of each time step.
    pub(super) fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        extra: Option<&B::Frames>,
        state: &mut [State<B::Real>],
        workspace: &mut BackboneWorkspace<B>,
    ) {
        let BackboneWorkspace { input, stack } = workspace;
        self.input.forward(backend, weights, read, extra, input);
        self.stack.forward(backend, weights, &self.input.above(read, input), state, stack);
    }

    /// The backward pass from the gradient of the output in `workspace.stack.d_output`; returns the gradient of `extra`.
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        workspace: &mut BackboneWorkspace<B>,
        back: StackBack<'_, B>,
    ) -> Vec<B::Real> {
        let BackboneWorkspace { input, stack } = workspace;
        let StackBack { grads, d_final, d_initial, d_input } = back;
        let d_input = d_input || self.input.needs_gradient();
        let back = StackBack { grads: &mut *grads, d_final, d_initial, d_input };
        self.stack.backward(backend, weights, &self.input.above(read, input), stack, back);
        self.input.backward(backend, read, &mut stack.d_output, grads)
    }

    /// The tapes of its recurrent layers, `name` as in [`Tapes::name`].
    pub(super) fn tapes<'w, B: Backend>(
        &'w self,
        name: &'static str,
        workspace: &'w BackboneWorkspace<B>,
    ) -> Vec<Tapes<'w, B>> {
        vec![Tapes { name, stack: &self.stack, tapes: workspace.stack.tapes() }]
    }
}

impl Stepwise {
    /// Runs from `state`, which is updated.
    pub(super) fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        state: &mut [State<B::Real>],
        workspace: &mut StepwiseWorkspace<B>,
    ) {
        self.backbone.forward(backend, weights, read, None, state, &mut workspace.backbone);
    }

    /// The outputs `[T, B, O]` of the last pass.
    ///
    /// # Panics
    /// Before the first pass.
    pub(super) fn outputs<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        workspace: &'w mut StepwiseWorkspace<B>,
    ) -> &'w [B::Real] {
        let StepwiseWorkspace { backbone, outputs, scratch, .. } = workspace;
        self.output.outputs(backend, weights, backbone.stack.output(backend), outputs, scratch);
        outputs
    }

    /// The backward pass from the gradients of the outputs in `workspace.d_outputs`; returns the gradient of `extra`.
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        workspace: &mut StepwiseWorkspace<B>,
        grads: &mut B::Buffer,
    ) -> Vec<B::Real> {
        let StepwiseWorkspace { backbone, d_outputs, scratch, .. } = workspace;
        let (output, d_output) = backbone.stack.output_and_gradient(backend);
        let back = LinearBack { d_outputs, d_input: Some(d_output), grads: &mut *grads };
        self.output.backward(backend, weights, output, back, scratch);
        self.backbone.backward(backend, weights, read, backbone, StackBack::new(grads))
    }

    /// The cross-entropy of the outputs, as logits, against `targets`, `[T, B]`, after the forward pass.
    pub(super) fn cross_entropy<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        targets: &[u32],
        workspace: &mut StepwiseWorkspace<B>,
    ) -> Loss {
        let StepwiseWorkspace { backbone, scratch, .. } = workspace;
        let output = backbone.stack.output(backend);
        backend.cross_entropy(weights.linear(self.output.id), output, targets, None, scratch)
    }

    /// The cross-entropy and the backward pass, with every gradient times `targets.scale`.
    pub(super) fn cross_entropy_backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: PassInput<'_>,
        targets: Targets<'_>,
        workspace: &mut StepwiseWorkspace<B>,
        back: StackBack<'_, B>,
    ) -> Loss {
        let StepwiseWorkspace { backbone, scratch, .. } = workspace;
        let (output, d_frames) = backbone.stack.output_and_gradient(backend);
        let (scale, smoothing) = (B::Real::of(targets.scale), B::Real::of(0.0));
        let backward = CrossEntropy { scale, smoothing, d_frames, grads: &mut *back.grads };
        let readout = weights.linear(self.output.id);
        let loss = backend.cross_entropy(readout, output, targets.ids, Some(backward), scratch);
        self.backbone.backward(backend, weights, read, backbone, back);
        loss
    }
}

/// Targets of the outputs.
#[derive(Clone, Copy)]
pub(super) struct Targets<'a> {
    /// `[T, B]`, [`refrain_kernels::IGNORE`] for none.
    pub(super) ids: &'a [u32],
    /// Factor of every gradient.
    pub(super) scale: f64,
}
