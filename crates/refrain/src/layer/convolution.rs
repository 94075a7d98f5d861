//! A convolution of 3 x 3 pixels, then the largest of each 2 x 2 of its outputs, then ReLU.
//!
//! The neighbourhood of every pixel is laid out as a row (im2col), so that the convolution is a linear layer over rows;
//! laying out, pooling and their ways back run on the host. Pictures are `[B, height, width, channels]`; beyond their edges they
//! are zero.

use refrain_kernels::{Backend, LinearSpec, Real};

use crate::params::{Init, Layout};

/// Pixels a side of a neighbourhood.
const SIDE: usize = 3;

/// One layer of a picture's encoder.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// Columns of what it reads; what it gives has half as many.
    width: usize,
    /// Rows, likewise.
    height: usize,
    /// Numbers a pixel.
    channels: usize,
    linear: LinearSpec,
}

/// What a pass leaves behind; reused from pass to pass.
pub struct ConvolutionWorkspace<B: Backend> {
    patches: B::Frames,
    d_patches: B::Frames,
    /// What both are made of on the host, and the gradient of `outputs`.
    laid_out: Vec<B::Real>,
    /// Before pooling, `[B, height, width, O]`.
    outputs: Vec<B::Real>,
    /// Where in `outputs` each pooled number is from.
    places: Vec<u32>,
    /// `[B, height / 2, width / 2, O]`.
    pooled: Vec<B::Real>,
}

impl Convolution {
    /// Appends the matrix to `layout`, under `prefix.weight`; the bias comes by [`Convolution::push_bias`].
    pub(crate) fn new(
        layout: &mut Layout,
        prefix: &str,
        (width, height, channels): (usize, usize, usize),
        output_channels: usize,
    ) -> Self {
        let input_size = SIDE * SIDE * channels;
        // Half of the outputs are cut off by ReLU (He et al. 2015, equation 10).
        let init = Init::Uniform((6.0 / input_size as f32).sqrt());
        let weight = layout.push(format!("{prefix}.weight"), &[output_channels, input_size], init);
        let linear = LinearSpec { input_size, output_size: output_channels, weight, bias: None };
        Self { width, height, channels, linear }
    }

    /// Appends the bias.
    pub(crate) fn push_bias(&mut self, layout: &mut Layout, prefix: &str) {
        let init = Init::Uniform(1.0 / (self.linear.input_size as f32).sqrt());
        self.linear.bias = Some(layout.push(format!("{prefix}.bias"), &[self.linear.output_size], init));
    }

    /// The linear layer over neighbourhoods.
    pub fn linear(&self) -> LinearSpec {
        self.linear
    }

    /// Columns, rows and channels of what it gives.
    pub fn output(&self) -> (usize, usize, usize) {
        (self.width / 2, self.height / 2, self.linear.output_size)
    }

    /// Numbers of a picture that it gives.
    pub fn output_size(&self) -> usize {
        let (width, height, channels) = self.output();
        width * height * channels
    }

    /// From pictures `[B, height, width, channels]` to `[B, height / 2, width / 2, O]`.
    pub fn forward<'p, B: Backend>(
        &self,
        backend: &B,
        layer: &B::Linear,
        pictures: &[B::Real],
        pass: &'p mut ConvolutionWorkspace<B>,
        scratch: &mut B::Scratch,
    ) -> &'p [B::Real] {
        self.lay_out(pictures, &mut pass.laid_out);
        pass.patches = backend.frames(self.linear.input_size, &pass.laid_out);
        backend.linear_outputs(layer, backend.view(&pass.patches), &mut pass.outputs, scratch);
        self.pool(&pass.outputs, &mut pass.pooled, &mut pass.places);
        &pass.pooled
    }

    /// The way back from the gradient of what [`Convolution::forward`] gave: adds to `grads`, and where it is wanted overwrites the
    /// gradient of the pictures.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        layer: &B::Linear,
        d_pooled: &[B::Real],
        d_pictures: Option<&mut Vec<B::Real>>,
        pass: &mut ConvolutionWorkspace<B>,
        (grads, scratch): (&mut B::Buffer, &mut B::Scratch),
    ) {
        let d_outputs = &mut pass.laid_out;
        d_outputs.clear();
        d_outputs.resize(pass.outputs.len(), B::Real::of(0.0));
        for ((&d, &y), &place) in d_pooled.iter().zip(&pass.pooled).zip(&pass.places) {
            if y > B::Real::of(0.0) {
                d_outputs[place as usize] = d;
            }
        }
        let d_outputs = backend.d_frames(self.linear.output_size, d_outputs);
        let (patches, d_outputs) = (backend.view(&pass.patches), backend.view(&d_outputs));
        let d_patches = d_pictures.is_some().then_some(&mut pass.d_patches);
        backend.linear_backward(layer, patches, d_outputs, d_patches, grads, scratch);
        if let Some(d_pictures) = d_pictures {
            let d_patches = backend.read_frames(backend.view(&pass.d_patches));
            self.add_patches(&d_patches, d_pictures);
        }
    }

    /// Every pixel's neighbourhood: overwrites `patches` with `[B, height, width, 9 channels]`.
    fn lay_out<R: Real>(&self, pictures: &[R], patches: &mut Vec<R>) {
        let Self { width, height, channels, .. } = *self;
        let line = SIDE * channels;
        patches.clear();
        patches.resize(pictures.len() * SIDE * SIDE, R::zero());
        let rows = patches.chunks_exact_mut(width * SIDE * line).enumerate();
        for (at, row) in rows {
            let y = at % height;
            for (x, patch) in row.chunks_exact_mut(SIDE * line).enumerate() {
                for (dy, part) in patch.chunks_exact_mut(line).enumerate() {
                    if let Some(span) = self.span(x, y, dy) {
                        let from = (at + dy - 1) * width * channels;
                        part[span.at..][..span.len]
                            .copy_from_slice(&pictures[from + span.from..][..span.len]);
                    }
                }
            }
        }
    }

    /// The way back: every pixel's gradient is the sum over the neighbourhoods that it lies in.
    fn add_patches<R: Real>(&self, d_patches: &[R], d_pictures: &mut Vec<R>) {
        let Self { width, height, channels, .. } = *self;
        let line = SIDE * channels;
        d_pictures.clear();
        d_pictures.resize(d_patches.len() / (SIDE * SIDE), R::zero());
        for (at, row) in d_patches.chunks_exact(width * SIDE * line).enumerate() {
            let y = at % height;
            for (x, patch) in row.chunks_exact(SIDE * line).enumerate() {
                for (dy, part) in patch.chunks_exact(line).enumerate() {
                    if let Some(span) = self.span(x, y, dy) {
                        let to = (at + dy - 1) * width * channels + span.from;
                        let pixels = d_pictures[to..][..span.len].iter_mut();
                        pixels.zip(&part[span.at..]).for_each(|(sum, &d)| *sum = *sum + d);
                    }
                }
            }
        }
    }

    /// What of line `dy` of the neighbourhood of a pixel lies within the picture.
    fn span(&self, x: usize, y: usize, dy: usize) -> Option<Span> {
        (1..=self.height).contains(&(y + dy)).then(|| {
            let (first, last) = (x.max(1) - 1, (x + 1).min(self.width - 1));
            Span {
                at: (first + 1 - x) * self.channels,
                from: first * self.channels,
                len: (last + 1 - first) * self.channels,
            }
        })
    }

    /// The largest of each 2 x 2 outputs, or zero if all are below, and where it is from.
    fn pool<R: Real>(&self, outputs: &[R], pooled: &mut Vec<R>, places: &mut Vec<u32>) {
        let channels = self.linear.output_size;
        let (columns, rows) = (self.width / 2, self.height / 2);
        let line = self.width * channels;
        pooled.clear();
        places.clear();
        for picture in (0..outputs.len()).step_by(self.height * line) {
            for corner in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                let at = picture + 2 * corner.0 * line + 2 * corner.1 * channels;
                for first in at..at + channels {
                    let others = [first + channels, first + line, first + line + channels];
                    let largest = others
                        .into_iter()
                        .fold(first, |best, place| if outputs[place] > outputs[best] { place } else { best });
                    places.push(largest as u32);
                    pooled.push(outputs[largest].max(R::zero()));
                }
            }
        }
    }
}

/// A run of numbers that a line of a neighbourhood and a line of a picture share.
struct Span {
    /// Where it begins in the line of the neighbourhood.
    at: usize,
    /// Where it begins in the line of the picture.
    from: usize,
    len: usize,
}

impl<B: Backend> Default for ConvolutionWorkspace<B> {
    fn default() -> Self {
        Self {
            patches: B::Frames::default(),
            d_patches: B::Frames::default(),
            laid_out: vec![],
            outputs: vec![],
            places: vec![],
            pooled: vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use refrain_kernels::Reference;

    use super::*;

    /// Columns, rows, channels; odd numbers lose their last column and row in pooling.
    const SIZES: [(usize, usize, usize); 3] = [(4, 6, 2), (5, 3, 1), (2, 2, 3)];

    #[test]
    fn it_is_the_definition_written_out() {
        let backend = Reference::<f64>::new();
        for (width, height, channels) in SIZES {
            let mut layout = Layout::default();
            let mut layer = Convolution::new(&mut layout, "c", (width, height, channels), 3);
            layer.push_bias(&mut layout, "c");
            let params: Vec<f64> = layout.init(2).into_iter().map(f64::from).collect();
            let mut linear = backend.linear(&layer.linear());
            backend.pack_linear(&mut linear, &backend.buffer(&params), false);
            let pictures: Vec<f64> =
                (0..2 * width * height * channels).map(|i| (i as f64 * 1.3).sin()).collect();
            let mut pass = ConvolutionWorkspace::default();
            let got = layer.forward(&backend, &linear, &pictures, &mut pass, &mut Default::default());
            let pixel = |b: usize, y: isize, x: isize, c: usize| {
                let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
                let at = ((b * height) as isize + y) * width as isize + x;
                if inside { pictures[at as usize * channels + c] } else { 0.0 }
            };
            let at = |b: usize, y: usize, x: usize, o: usize| {
                let mut sum = params[27 * channels + o];
                for (i, (dy, dx)) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx))).enumerate() {
                    for c in 0..channels {
                        let weight = params[o * 9 * channels + i * channels + c];
                        sum += weight * pixel(b, y as isize + dy, x as isize + dx, c);
                    }
                }
                sum
            };
            let mut expected = vec![];
            for (b, y, x, o) in (0..2).flat_map(|b| {
                let places = (0..height / 2).flat_map(|y| (0..width / 2).map(move |x| (y, x)));
                places.flat_map(move |(y, x)| (0..3).map(move |o| (b, 2 * y, 2 * x, o)))
            }) {
                let four = [at(b, y, x, o), at(b, y, x + 1, o), at(b, y + 1, x, o), at(b, y + 1, x + 1, o)];
                expected.push(four.into_iter().fold(0.0, f64::max));
            }
            assert_eq!(got.len(), 2 * layer.output_size());
            assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} {expected:?}");
        }
    }
}
