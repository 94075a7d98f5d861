//! Layer normalisation (Ba, Kiros & Hinton 2016, equations 3 and 4): the values of a position minus their mean, divided
//! by their deviation, with a trained gain and bias per unit.
//!
//! Each position is normalised separately, so that the other rows of a batch do not affect a row, and processing a text
//! token by token gives results that are bit-identical to those at once.

use refrain_kernels::{Backend, Real};

use crate::params::{Init, LayoutBuilder};

/// Keeps the deviation of equal values from being zero; PyTorch's default.
const EPSILON: f64 = 1e-5;

/// Gain and bias, `[W]` each.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    width: usize,
    gain: usize,
    bias: usize,
}

/// Results of a forward pass for the backward pass.
#[derive(Debug, Default)]
pub struct NormWorkspace<R> {
    /// The normalised values, before the gain, `[T, B, W]`.
    normalised: Vec<R>,
    /// One over the deviation, `[T, B]`; 0 for padding.
    scales: Vec<R>,
}

impl LayerNorm {
    /// Adds the parameters `prefix.weight`, the gain, and `prefix.bias`.
    pub fn new(layout: &mut LayoutBuilder, prefix: &str, width: usize) -> Self {
        let gain = layout.vector(format!("{prefix}.weight"), width, Init::Constant(1.0));
        let bias = layout.vector(format!("{prefix}.bias"), width, Init::Constant(0.0));
        Self { width, gain, bias }
    }

    /// Normalises activations `[T, B, W]` of `rows` rows; zeros beyond the `lengths`, `[B]`, if there are any.
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        params: &B::Buffer,
        x: B::View<'_>,
        rows: usize,
        lengths: Option<&[usize]>,
        workspace: &mut NormWorkspace<B::Real>,
    ) -> B::Frames {
        let NormWorkspace { normalised, scales } = workspace;
        *normalised = backend.read_frames(x);
        scales.clear();
        let (gain, bias) = (self.read(backend, params, self.gain), self.read(backend, params, self.bias));
        let mut outputs = vec![B::Real::of(0.0); normalised.len()];
        let positions = normalised.chunks_exact_mut(self.width).zip(outputs.chunks_exact_mut(self.width));
        for (at, (position, outputs)) in positions.enumerate() {
            if lengths.is_some_and(|lengths| at / rows >= lengths[at % rows]) {
                scales.push(B::Real::of(0.0));
                continue;
            }
            scales.push(normalise(position));
            let affine = outputs.iter_mut().zip(&*position).zip(&gain).zip(&bias);
            affine.for_each(|(((y, &x), &gain), &bias)| *y = gain * x + bias);
        }
        backend.frames(self.width, &outputs)
    }

    /// The backward pass: overwrites `d_output`, the gradient of the output, with that of the input.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        params: &B::Buffer,
        workspace: &NormWorkspace<B::Real>,
        d_output: &mut B::Frames,
        grads: &mut B::Buffer,
    ) {
        let zero = B::Real::of(0.0);
        let (mut d_gain, mut d_bias) = (vec![zero; self.width], vec![zero; self.width]);
        let gain = self.read(backend, params, self.gain);
        let mut d_values = backend.read_frames(backend.view(d_output));
        let positions =
            d_values.chunks_exact_mut(self.width).zip(workspace.normalised.chunks_exact(self.width));
        for ((d, x), &scale) in positions.zip(&workspace.scales) {
            if scale == zero {
                d.fill(zero);
                continue;
            }
            d_bias.iter_mut().zip(&*d).for_each(|(sum, &d)| *sum = *sum + d);
            d_gain.iter_mut().zip(&*d).zip(x).for_each(|((sum, &d), &x)| *sum = *sum + d * x);
            d.iter_mut().zip(&gain).for_each(|(d, &gain)| *d = *d * gain);
            let size = B::Real::of(self.width as f64);
            let (mean, slope) = (sum_of(d, d, |d, _| d) / size, sum_of(d, x, |d, x| d * x) / size);
            d.iter_mut().zip(x).for_each(|(d, &x)| *d = scale * (*d - mean - x * slope));
        }
        backend.add_part(&d_gain, grads, self.gain);
        backend.add_part(&d_bias, grads, self.bias);
        *d_output = backend.d_frames(self.width, &d_values);
    }

    fn read<B: Backend>(&self, backend: &B, params: &B::Buffer, at: usize) -> Vec<B::Real> {
        backend.read_part(params, at..at + self.width)
    }
}

/// Normalises values to mean 0 and deviation 1; returns the scale.
fn normalise<R: Real>(values: &mut [R]) -> R {
    let size = R::of(values.len() as f64);
    let mean = sum_of(values, values, |x, _| x) / size;
    values.iter_mut().for_each(|x| *x = *x - mean);
    let variance = sum_of(values, values, |x, y| x * y) / size;
    let scale = (variance + R::of(EPSILON)).sqrt().recip();
    values.iter_mut().for_each(|x| *x = *x * scale);
    scale
}

/// The sum of the `terms` of two slices, in lanes that the compiler can keep in a vector. Its order depends on the
/// width only.
fn sum_of<R: Real>(a: &[R], b: &[R], term: impl Fn(R, R) -> R) -> R {
    const LANES: usize = 16;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [R::zero(); LANES];
    for (a, b) in a.iter().zip(b) {
        lanes.iter_mut().zip(a).zip(b).for_each(|((lane, &a), &b)| *lane = *lane + term(a, b));
    }
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b));
    lanes.into_iter().chain(rest).sum()
}
