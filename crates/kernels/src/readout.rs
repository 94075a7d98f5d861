//! The readout: a linear layer to logits, fused with softmax and cross-entropy, forward and backward in one sweep
//! over stretches of positions. Logits never exist for more than a stretch.

use crate::IGNORE;
use crate::backend::Loss;
use crate::buffer::Aligned;
use crate::frames::{Frames, FramesView};
use crate::panel::{Init, Operand, Panels, Product};
use crate::sequence::{Scratch, WeightGradient};
use crate::simd::{Functions, Job, Simd, Vector};
use crate::spec::ReadoutSpec;

/// A readout's weights, packed.
pub struct PackedReadout {
    simd: Simd,
    spec: ReadoutSpec,
    /// `V` padded to whole vectors.
    vp: usize,
    /// `h -> logits`.
    forward: Panels,
    /// `d_logits -> d_h`.
    back: Panels,
    /// `[Vp]`.
    bias: Aligned,
}

/// Memory of a readout.
#[derive(Default)]
pub struct ReadoutScratch {
    /// `[stretch, Vp]`: logits, then their gradients.
    logits: Aligned,
    gradient: Scratch,
}

/// Positions in a stretch.
const STRETCH: usize = 128;

/// Where the gradients go; see [`crate::CrossEntropy`].
pub(crate) struct Backward<'a> {
    pub(crate) scale: f32,
    pub(crate) d_frames: &'a mut Frames,
    pub(crate) grads: &'a mut [f32],
}

impl PackedReadout {
    pub(crate) fn new(simd: Simd, spec: &ReadoutSpec) -> Self {
        Self {
            simd,
            spec: *spec,
            vp: spec.vocab_size.next_multiple_of(simd.lanes()),
            forward: Panels::default(),
            back: Panels::default(),
            bias: Aligned::default(),
        }
    }

    pub(crate) fn pack(&mut self, params: &[f32], training: bool) {
        let (lanes, spec) = (self.simd.lanes(), self.spec);
        let (h, v) = (spec.input_size, spec.vocab_size);
        let weight = &params[spec.weight_range()];
        self.bias.resize_scratch(self.vp);
        self.bias.fill(0.0);
        self.bias[..v].copy_from_slice(&params[spec.bias_range()]);
        self.forward.pack(self.simd, h, (self.vp / lanes, 1), |block, out| {
            for lane in 0..lanes {
                let row = weight.chunks_exact(h).nth(block * lanes + lane).unwrap_or_default();
                for k in 0..h {
                    out.row(k)[lane] = row.get(k).copied().unwrap_or(0.0);
                }
            }
        });
        if training {
            self.back.pack(self.simd, v, (h.div_ceil(lanes), 1), |block, out| {
                let cols = block * lanes..h.min((block + 1) * lanes);
                for (k, row) in weight.chunks_exact(h).enumerate() {
                    let to = out.row(k);
                    to[cols.len()..].fill(0.0);
                    to[..cols.len()].copy_from_slice(&row[cols.clone()]);
                }
            });
        }
    }

    /// Logits of all rows, `[rows, V]`.
    pub(crate) fn logits(&self, frames: FramesView<'_>, scratch: &mut ReadoutScratch) -> Vec<f32> {
        let mut all = Vec::with_capacity(frames.rows() * self.spec.vocab_size);
        for from in (0..frames.rows()).step_by(STRETCH) {
            let rows = STRETCH.min(frames.rows() - from);
            self.stretch(frames, from, rows, scratch);
            let logits = scratch.logits.chunks_exact(self.vp).take(rows);
            all.extend(logits.flat_map(|row| &row[..self.spec.vocab_size]));
        }
        all
    }

    pub(crate) fn cross_entropy(
        &self,
        frames: FramesView<'_>,
        targets: &[u32],
        mut backward: Option<Backward<'_>>,
        scratch: &mut ReadoutScratch,
    ) -> Loss {
        if let Some(backward) = &mut backward {
            backward.d_frames.resize(frames.rows(), self.spec.input_size, self.simd.lanes());
        }
        let mut loss = Loss::default();
        for (from, targets) in (0..frames.rows()).step_by(STRETCH).zip(targets.chunks(STRETCH)) {
            self.stretch(frames, from, targets.len(), scratch);
            let logits = &mut scratch.logits[..targets.len() * self.vp];
            let vocab_size = self.spec.vocab_size;
            let scale = backward.as_ref().map(|b| b.scale);
            loss.add(self.simd.run(SoftmaxCrossEntropy { logits, vp: self.vp, vocab_size, targets, scale }));
            if let Some(backward) = &mut backward {
                self.stretch_back(frames, from, targets.len(), backward, scratch);
            }
        }
        loss
    }

    /// Logits of a stretch of rows, into the scratch.
    fn stretch(&self, frames: FramesView<'_>, from: usize, rows: usize, scratch: &mut ReadoutScratch) {
        let lanes = self.simd.lanes();
        scratch.logits.resize_scratch(STRETCH * self.vp);
        for p in 0..self.forward.count() {
            let blocks = self.forward.blocks_of(p);
            let (data, stride) = frames.rows_from(from);
            self.simd.run(Product {
                rows,
                a: Operand::rows(data, stride, self.spec.input_size),
                panel: self.forward.panel(p),
                init: Init::Row(&self.bias[blocks.start * lanes..blocks.end * lanes]),
                c: &mut scratch.logits[blocks.start * lanes..],
                c_stride: self.vp,
            });
        }
    }

    /// The way back through a stretch whose gradients of logits lie in the scratch.
    fn stretch_back(
        &self,
        frames: FramesView<'_>,
        from: usize,
        rows: usize,
        backward: &mut Backward<'_>,
        scratch: &mut ReadoutScratch,
    ) {
        let (lanes, spec) = (self.simd.lanes(), &self.spec);
        let stride = backward.d_frames.stride();
        for p in 0..self.back.count() {
            self.simd.run(Product {
                rows,
                a: Operand::rows(&scratch.logits, self.vp, spec.vocab_size),
                panel: self.back.panel(p),
                init: Init::Zero,
                c: &mut backward.d_frames.data_mut()[from * stride + self.back.blocks_of(p).start * lanes..],
                c_stride: stride,
            });
        }
        let (x, x_stride) = frames.rows_from(from);
        let gradient = WeightGradient {
            simd: self.simd,
            steps: rows,
            hidden_size: spec.vocab_size,
            z: &scratch.logits,
            z_stride: self.vp,
            z_slots: 1,
            first_slot: 0,
            gates: &[0],
            x,
            x_stride,
            x_block_stride: lanes,
            x_width: spec.input_size,
        };
        gradient.add_to(&mut backward.grads[spec.weight_range()], &mut scratch.gradient);
        let d_bias = &mut backward.grads[spec.bias_range()];
        for row in scratch.logits.chunks_exact(self.vp).take(rows) {
            for (sum, d) in d_bias.iter_mut().zip(row) {
                *sum += d;
            }
        }
    }
}

/// Losses of rows of logits, which with `scale` become their gradients, `scale * (softmax - one-hot)`.
struct SoftmaxCrossEntropy<'a> {
    /// `[rows, vp]`; whatever lies beyond `vocab_size` comes out as zero.
    logits: &'a mut [f32],
    vp: usize,
    vocab_size: usize,
    targets: &'a [u32],
    scale: Option<f32>,
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
            if let Some(scale) = self.scale {
                let factor = v.splat(scale / sum);
                for x in row.chunks_exact_mut(V::LANES) {
                    (v.load(x) * factor).store(x);
                }
                row[target as usize] -= scale;
            }
        }
        loss
    }
}
