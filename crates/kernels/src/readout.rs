//! The readout: a linear layer to logits, fused with softmax and cross-entropy, forward and backward, one chunk of
//! positions at a time. Logits are never stored for more than one chunk.

use crate::backend::{IGNORE, Loss};
use crate::frames::{Frames, FramesView};
use crate::linear::{CHUNK, LinearScratch, PackedLinear};
use crate::simd::{Functions, Job, Vector};

/// Arguments of the backward pass; see [`crate::CrossEntropy`].
pub(crate) struct Backward<'a> {
    pub(crate) scale: f32,
    pub(crate) smoothing: f32,
    pub(crate) d_frames: &'a mut Frames,
    pub(crate) grads: &'a mut [f32],
}

/// See [`crate::Backend::cross_entropy`].
pub(crate) fn cross_entropy(
    layer: &PackedLinear,
    frames: FramesView<'_>,
    targets: &[u32],
    mut backward: Option<Backward<'_>>,
    scratch: &mut LinearScratch,
) -> Loss {
    if let Some(backward) = &mut backward {
        layer.make_room(backward.d_frames, frames.rows());
    }
    let mut loss = Loss::default();
    for (from, targets) in (0..frames.rows()).step_by(CHUNK).zip(targets.chunks(CHUNK)) {
        let rows = targets.len();
        layer.forward_chunk(frames, from, rows, scratch);
        let (logits, vp) = scratch.rows_mut(layer, rows);
        let vocab_size = layer.spec().output_size;
        let gradient = backward.as_ref().map(|b| (b.scale, b.smoothing));
        loss.add(layer.simd().run(SoftmaxCrossEntropy { logits, vp, vocab_size, targets, gradient }));
        if let Some(Backward { d_frames, grads, .. }) = &mut backward {
            layer.backward_chunk(frames, from, rows, Some(d_frames), grads, scratch);
        }
    }
    loss
}

/// Losses of rows of logits. With `gradient`, replaces the logits by their gradients, `scale * (softmax - target
/// distribution)`; the target distribution is one-hot with label smoothing.
struct SoftmaxCrossEntropy<'a> {
    /// `[rows, vp]`; columns starting at `vocab_size` are set to zero.
    logits: &'a mut [f32],
    vp: usize,
    vocab_size: usize,
    targets: &'a [u32],
    /// Scale and smoothing.
    gradient: Option<(f32, f32)>,
}

impl Job for SoftmaxCrossEntropy<'_> {
    type Output = Loss;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> Loss {
        let mut loss = Loss::default();
        for (row, &target) in self.logits.chunks_exact_mut(self.vp).zip(self.targets) {
            if target == IGNORE {
                row.fill(0.0);
                continue;
            }
            row[self.vocab_size..].fill(f32::NEG_INFINITY);
            let target_logit = row[target as usize];
            let mut largest = v.splat(f32::NEG_INFINITY);
            for x in row.chunks_exact(V::LANES) {
                largest = largest.max(v.load(x));
            }
            let largest = largest.maximum();
            let mut sum = v.splat(0.0);
            for x in row.chunks_exact_mut(V::LANES) {
                let e = (v.load(x) - v.splat(largest)).exp();
                e.store(x);
                sum = sum + e;
            }
            row[self.vocab_size..].fill(0.0);
            let sum = sum.sum();
            loss.nats += f64::from(sum).ln() + f64::from(largest) - f64::from(target_logit);
            loss.count += 1;
            if let Some((scale, smoothing)) = self.gradient {
                let factor = v.splat(scale / sum);
                for x in row.chunks_exact_mut(V::LANES) {
                    (v.load(x) * factor).store(x);
                }
                row[target as usize] -= scale * (1.0 - smoothing);
                if smoothing > 0.0 {
                    let uniform = scale * smoothing / self.vocab_size as f32;
                    row[..self.vocab_size].iter_mut().for_each(|x| *x -= uniform);
                }
            }
        }
        loss
    }
}
