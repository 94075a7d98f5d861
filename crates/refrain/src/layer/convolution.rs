//! A 3 x 3 convolution, followed by 2 x 2 max pooling and ReLU.
//!
//! The neighbourhood of every pixel is copied to a row (im2col), so that the convolution is a linear layer over rows;
//! im2col, pooling and their gradients run on the host. Images are `[B, height, width, channels]`, padded with zeros.

use refrain_kernels::{Backend, Real};

use super::linear::{Linear, LinearBack};
use super::workspace::workspace;
use crate::params::{Init, LayoutBuilder, Weights};

/// Width and height of a neighbourhood.
const SIDE: usize = 3;

/// The size of an image `[height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Channels per pixel.
    pub channels: usize,
}

impl ImageSize {
    /// Values per image.
    pub fn len(self) -> usize {
        self.width * self.height * self.channels
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One layer of an image encoder.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// Size of the input.
    size: ImageSize,
    /// Applied to neighbourhoods.
    linear: Linear,
}

workspace! {
    /// Results and buffers of a pass; reused.
    pub struct ConvolutionWorkspace<B> {
        patches: B::Frames,
        d_patches: B::Frames,
        /// Host copies of both, and the gradient of `outputs`.
        host_values: Vec<B::Real>,
        /// Before pooling, `[B, height, width, O]`.
        outputs: Vec<B::Real>,
        /// Index in `outputs` of each pooled value.
        places: Vec<u32>,
        /// `[B, height / 2, width / 2, O]`.
        pooled: Vec<B::Real>,
    }
}

/// Inputs of a convolution's backward pass, and the gradients.
pub struct ConvolutionBack<'a, B: Backend> {
    /// Gradient of the output of the forward pass, `[B, height / 2, width / 2, O]`.
    pub d_pooled: &'a [B::Real],
    /// Whether to compute the gradient of the images.
    pub d_images: bool,
    /// The arena of gradients, added to.
    pub grads: &'a mut B::Buffer,
}

impl Convolution {
    /// Adds the parameters `prefix.weight` and `prefix.bias` for images of this `size`.
    pub fn new(layout: &mut LayoutBuilder, prefix: &str, size: ImageSize, output_channels: usize) -> Self {
        let input_size = SIDE * SIDE * size.channels;
        // ReLU sets half of the outputs to zero (He et al. 2015, equation 10).
        let init = Init::Uniform((6.0 / input_size as f32).sqrt());
        Self { size, linear: Linear::starting(layout, prefix, input_size, output_channels, init) }
    }

    /// The size of the output: half as many columns and rows.
    pub fn output(&self) -> ImageSize {
        let ImageSize { width, height, .. } = self.size;
        ImageSize { width: width / 2, height: height / 2, channels: self.linear.output_size }
    }

    /// From images `[B, height, width, channels]` to `[B, height / 2, width / 2, O]`.
    pub fn forward<'w, B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        images: &[B::Real],
        workspace: &'w mut ConvolutionWorkspace<B>,
        scratch: &mut B::Scratch,
    ) -> &'w [B::Real] {
        let ConvolutionWorkspace { patches, host_values, outputs, .. } = workspace;
        self.im2col(images, host_values);
        *patches = backend.frames(self.linear.input_size, host_values);
        self.linear.outputs(backend, weights, backend.view(patches), outputs, scratch);
        self.pool(outputs, &mut workspace.pooled, &mut workspace.places);
        &workspace.pooled
    }

    /// The backward pass; returns the gradient of the images if requested, otherwise an empty vector.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        workspace: &mut ConvolutionWorkspace<B>,
        back: ConvolutionBack<'_, B>,
        scratch: &mut B::Scratch,
    ) -> Vec<B::Real> {
        let ConvolutionBack { d_pooled, d_images, grads } = back;
        let ConvolutionWorkspace { patches, d_patches, host_values: d_outputs, outputs, places, pooled } =
            workspace;
        d_outputs.clear();
        d_outputs.resize(outputs.len(), B::Real::of(0.0));
        for ((&d, &y), &place) in d_pooled.iter().zip(&*pooled).zip(&*places) {
            if y > B::Real::of(0.0) {
                d_outputs[place as usize] = d;
            }
        }
        let back = LinearBack { d_outputs, d_input: d_images.then_some(&mut *d_patches), grads };
        self.linear.backward(backend, weights, backend.view(patches), back, scratch);
        if d_images { self.add_patches(&backend.read_frames(backend.view(d_patches))) } else { vec![] }
    }

    /// im2col: overwrites `patches` with `[B, height, width, 9 channels]`.
    fn im2col<R: Real>(&self, images: &[R], patches: &mut Vec<R>) {
        let ImageSize { width, height, channels } = self.size;
        let line = SIDE * channels;
        patches.clear();
        patches.resize(images.len() * SIDE * SIDE, R::zero());
        let rows = patches.chunks_exact_mut(width * SIDE * line).enumerate();
        for (at, row) in rows {
            let y = at % height;
            for (x, patch) in row.chunks_exact_mut(SIDE * line).enumerate() {
                for (dy, part) in patch.chunks_exact_mut(line).enumerate() {
                    if let Some(span) = self.span(x, y, dy) {
                        let from = (at + dy - 1) * width * channels;
                        part[span.at..][..span.len].copy_from_slice(&images[from + span.from..][..span.len]);
                    }
                }
            }
        }
    }

    /// The reverse: the gradient of a pixel is the sum over the neighbourhoods that contain it.
    fn add_patches<R: Real>(&self, d_patches: &[R]) -> Vec<R> {
        let ImageSize { width, height, channels } = self.size;
        let line = SIDE * channels;
        let mut d_images = vec![R::zero(); d_patches.len() / (SIDE * SIDE)];
        for (at, row) in d_patches.chunks_exact(width * SIDE * line).enumerate() {
            let y = at % height;
            for (x, patch) in row.chunks_exact(SIDE * line).enumerate() {
                for (dy, part) in patch.chunks_exact(line).enumerate() {
                    if let Some(span) = self.span(x, y, dy) {
                        let to = (at + dy - 1) * width * channels + span.from;
                        let pixels = d_images[to..][..span.len].iter_mut();
                        pixels.zip(&part[span.at..]).for_each(|(sum, &d)| *sum = *sum + d);
                    }
                }
            }
        }
        d_images
    }

    /// The part of line `dy` of the neighbourhood of a pixel that is within the image.
    fn span(&self, x: usize, y: usize, dy: usize) -> Option<Span> {
        let ImageSize { width, height, channels } = self.size;
        (1..=height).contains(&(y + dy)).then(|| {
            let (first, last) = (x.max(1) - 1, (x + 1).min(width - 1));
            Span {
                at: (first + 1 - x) * channels,
                from: first * channels,
                len: (last + 1 - first) * channels,
            }
        })
    }

    /// The maximum of each 2 x 2 outputs, or zero if all are negative, and its index.
    fn pool<R: Real>(&self, outputs: &[R], pooled: &mut Vec<R>, places: &mut Vec<u32>) {
        let ImageSize { width: columns, height: rows, channels } = self.output();
        let line = self.size.width * channels;
        pooled.clear();
        places.clear();
        for image in (0..outputs.len()).step_by(self.size.height * line) {
            for corner in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                let at = image + 2 * corner.0 * line + 2 * corner.1 * channels;
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

/// A range of values that a line of a neighbourhood and a line of an image share.
struct Span {
    /// Its start in the line of the neighbourhood.
    at: usize,
    /// Its start in the line of the image.
    from: usize,
    len: usize,
}

#[cfg(test)]
mod tests {
    use refrain_kernels::Reference;

    use super::*;
    use crate::params::Layout;

    /// Columns, rows, channels; pooling drops the last column and row of odd sizes.
    const SIZES: [(usize, usize, usize); 3] = [(4, 6, 2), (5, 3, 1), (2, 2, 3)];

    #[test]
    fn a_convolution_agrees_with_its_definition() {
        let backend = Reference::<f64>::new();
        for (width, height, channels) in SIZES {
            let size = ImageSize { width, height, channels };
            let (layout, layer) = Layout::build(|layout| Convolution::new(layout, "c", size, 3));
            let params: Vec<f64> = layout.init(2).into_iter().map(f64::from).collect();
            let mut weights = Weights::new(&layout, &backend, &params);
            weights.pack(&backend, false);
            let images: Vec<f64> =
                (0..2 * width * height * channels).map(|i| (i as f64 * 1.3).sin()).collect();
            let mut workspace = ConvolutionWorkspace::default();
            let got = layer.forward(&backend, &weights, &images, &mut workspace, &mut Default::default());
            let pixel = |b: usize, y: isize, x: isize, c: usize| {
                let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
                let at = ((b * height) as isize + y) * width as isize + x;
                if inside { images[at as usize * channels + c] } else { 0.0 }
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
            assert_eq!(got.len(), 2 * layer.output().len());
            assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} {expected:?}");
        }
    }
}
