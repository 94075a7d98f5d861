//! Linear layers, `W x + b`.

use refrain_kernels::{Backend, LinearSpec};

use crate::params::{Init, LayoutBuilder, LinearId, Weights};

/// A linear layer from `I` features to `O`.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// `I`.
    pub input_size: usize,
    /// `O`.
    pub output_size: usize,
    /// Identifies its weights, for [`Weights::linear`].
    pub id: LinearId,
}

/// Inputs of a linear layer's backward pass, and the gradients.
pub struct LinearBack<'a, B: Backend> {
    /// Gradient of the outputs, `[rows, O]`.
    pub d_outputs: &'a [B::Real],
    /// Gradient of the inputs, `[rows, I]`, overwritten, if requested.
    pub d_input: Option<&'a mut B::Frames>,
    /// The arena of gradients, added to.
    pub grads: &'a mut B::Buffer,
}

impl Linear {
    /// Adds the parameters `prefix.weight` and `prefix.bias`.
    pub fn new(layout: &mut LayoutBuilder, prefix: &str, input_size: usize, output_size: usize) -> Self {
        Self::starting(layout, prefix, input_size, output_size, Init::of_products(input_size))
    }

    /// Like [`Linear::new`], with another initialisation of the matrix.
    pub(super) fn starting(
        layout: &mut LayoutBuilder,
        prefix: &str,
        input_size: usize,
        output_size: usize,
        init: Init,
    ) -> Self {
        let weight = layout.matrix(format!("{prefix}.weight"), [output_size, input_size], init);
        Self::tied(layout, prefix, input_size, output_size, weight)
    }

    /// Like [`Linear::new`], with the matrix of another layer, at the offset `weight`.
    pub(crate) fn tied(
        layout: &mut LayoutBuilder,
        prefix: &str,
        input_size: usize,
        output_size: usize,
        weight: usize,
    ) -> Self {
        let bias = layout.vector(format!("{prefix}.bias"), output_size, Init::of_products(input_size));
        let spec = LinearSpec { input_size, output_size, weight, bias: Some(bias) };
        Self { input_size, output_size, id: layout.linear(spec) }
    }

    /// Adds the matrix `prefix.weight` only.
    pub fn without_bias(
        layout: &mut LayoutBuilder,
        prefix: &str,
        input_size: usize,
        output_size: usize,
    ) -> Self {
        let init = Init::of_products(input_size);
        let weight = layout.matrix(format!("{prefix}.weight"), [output_size, input_size], init);
        let spec = LinearSpec { input_size, output_size, weight, bias: None };
        Self { input_size, output_size, id: layout.linear(spec) }
    }

    /// Overwrites `outputs`, `[rows, O]`, from inputs `[rows, I]`.
    pub fn outputs<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        input: B::View<'_>,
        outputs: &mut Vec<B::Real>,
        scratch: &mut B::Scratch,
    ) {
        backend.linear_outputs(weights.linear(self.id), input, outputs, scratch);
    }

    /// The backward pass with the `input` of the forward pass.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        input: B::View<'_>,
        back: LinearBack<'_, B>,
        scratch: &mut B::Scratch,
    ) {
        let LinearBack { d_outputs, d_input, grads } = back;
        let d_outputs = backend.d_frames(self.output_size, d_outputs);
        let layer = weights.linear(self.id);
        backend.linear_backward(layer, input, backend.view(&d_outputs), d_input, grads, scratch);
    }
}
