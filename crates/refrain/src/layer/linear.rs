//! Linear layers in a layout: the matrix with all matrices, the bias behind them.

use refrain_kernels::LinearSpec;

use crate::params::{Init, Layout};

/// Appends the matrix of a linear layer, `prefix.weight`; its bias, if it has one, comes by [`push_bias`].
pub(crate) fn push_linear(
    layout: &mut Layout,
    prefix: &str,
    input_size: usize,
    output_size: usize,
) -> LinearSpec {
    let weight = layout.push(format!("{prefix}.weight"), &[output_size, input_size], init(input_size));
    LinearSpec { input_size, output_size, weight, bias: None }
}

/// Appends a linear layer's bias, `prefix.bias`.
pub(crate) fn push_bias(layout: &mut Layout, prefix: &str, linear: &mut LinearSpec) {
    linear.bias = Some(layout.push(format!("{prefix}.bias"), &[linear.output_size], init(linear.input_size)));
}

fn init(input_size: usize) -> Init {
    Init::Uniform(1.0 / (input_size as f32).sqrt())
}
