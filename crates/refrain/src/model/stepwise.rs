//! What networks have in common: recurrent layers over an input, and a linear layer that gives outputs at every step.

use refrain_kernels::{Backend, CrossEntropy, Loss, Real, State};

use super::input::{Input, InputWorkspace, Read};
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
    /// What a pass through an input and the recurrent layers over it leaves behind.
    pub(super) struct BackboneWorkspace<B> {
        pub(super) input: InputWorkspace<B>,
        pub(super) stack: StackWorkspace<B>,
    }
}

/// The same with a linear layer over the output of every step.
#[derive(Clone, Debug)]
pub struct Stepwise {
    pub(super) backbone: Backbone,
    pub(super) output: Linear,
}

workspace! {
    /// What a pass through a network with outputs at every step leaves behind; reused from pass to pass.
    pub struct StepwiseWorkspace<B> {
        pub(super) backbone: BackboneWorkspace<B>,
        /// `[T, B, O]`, and their gradient.
        pub(super) outputs: Vec<B::Real>,
        pub(super) d_outputs: Vec<B::Real>,
        pub(super) scratch: B::Scratch,
    }
}

impl Backbone {
    /// Reads on from `state`, which becomes the one after what is read; `beside` each step's own numbers stand these.
    pub(super) fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: Read<'_>,
        beside: Option<&B::Frames>,
        state: &mut [State<B::Real>],
        workspace: &mut BackboneWorkspace<B>,
    ) {
        let BackboneWorkspace { input, stack } = workspace;
        self.input.forward(backend, weights, read, beside, input);
        self.stack.forward(backend, weights, &self.input.above(read, input), state, stack);
    }

    /// The backward pass from the gradient of the output in `workspace.stack.d_output`; gives that of what stood beside.
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: Read<'_>,
        workspace: &mut BackboneWorkspace<B>,
        back: StackBack<'_, B>,
    ) -> Vec<B::Real> {
        let BackboneWorkspace { input, stack } = workspace;
        let StackBack { grads, d_final, d_initial, d_input } = back;
        let d_input = d_input || self.input.learns();
        let back = StackBack { grads: &mut *grads, d_final, d_initial, d_input };
        self.stack.backward(backend, weights, &self.input.above(read, input), stack, back);
        self.input.backward(backend, read, &mut stack.d_output, grads)
    }

    /// Its recurrent layers, as people call them where there are several stacks.
    pub(super) fn tapes<'w, B: Backend>(
        &'w self,
        name: &'static str,
        workspace: &'w BackboneWorkspace<B>,
    ) -> Vec<Tapes<'w, B>> {
        vec![Tapes { name, stack: &self.stack, tapes: workspace.stack.tapes() }]
    }
}

impl Stepwise {
    /// Reads on from `state`, which becomes the one after what is read.
    pub(super) fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: Read<'_>,
        state: &mut [State<B::Real>],
        workspace: &mut StepwiseWorkspace<B>,
    ) {
        self.backbone.forward(backend, weights, read, None, state, &mut workspace.backbone);
    }

    /// The outputs `[T, B, O]` after what was read.
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

    /// The backward pass from the gradients of the outputs in `workspace.d_outputs`; gives that of what stood beside the
    /// input.
    pub(super) fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: Read<'_>,
        workspace: &mut StepwiseWorkspace<B>,
        grads: &mut B::Buffer,
    ) -> Vec<B::Real> {
        let StepwiseWorkspace { backbone, d_outputs, scratch, .. } = workspace;
        let (output, d_output) = backbone.stack.output_and_gradient(backend);
        let back = LinearBack { d_outputs, d_input: Some(d_output), grads: &mut *grads };
        self.output.backward(backend, weights, output, back, scratch);
        self.backbone.backward(backend, weights, read, backbone, StackBack::new(grads))
    }

    /// The cross-entropy of the outputs, as logits, against `targets`, `[T, B]`, after what was read.
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

    /// The same, and the backward pass from it, with every gradient times `targets.scale`.
    pub(super) fn learn<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        read: Read<'_>,
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

/// What the outputs should have been.
#[derive(Clone, Copy)]
pub(super) struct Targets<'a> {
    /// `[T, B]`, [`refrain_kernels::IGNORE`] for none.
    pub(super) ids: &'a [u32],
    /// Factor on every gradient.
    pub(super) scale: f64,
}
