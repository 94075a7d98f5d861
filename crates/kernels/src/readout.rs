//! The readout: a linear layer to logits, fused with softmax and cross-entropy, forward and backward in one sweep
//! over stretches of positions. Logits never exist for more than a stretch.

use crate::IGNORE;
use crate::backend::Loss;
use crate::buffer::Aligned;
use crate::element::{Bf16, Element};
use crate::frames::{Frames, FramesView};
use crate::panel::{Columns, Init, Operand, Panels, Planes, Product, Quantised, Term, Transpose};
use crate::precision::Precision;
use crate::sequence::{Scratch, WeightGradient};
use crate::simd::{Functions, Job, Simd, Vector};
use crate::spec::ReadoutSpec;
use crate::values::{Kind, ValuesRef};

/// A readout's weights, packed.
pub struct PackedReadout {
    simd: Simd,
    precision: Precision,
    spec: ReadoutSpec,
    /// `V` padded to whole vectors, and to whole steps of the products.
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
    /// The gradients as products read them, where that is bfloat16.
    rounded: Aligned<Bf16>,
    quantised: Quantised,
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
    pub(crate) fn new(simd: Simd, precision: Precision, spec: &ReadoutSpec) -> Self {
        Self {
            simd,
            precision,
            spec: *spec,
            vp: simd.padded(spec.vocab_size, precision),
            forward: Panels::default(),
            back: Panels::default(),
            bias: Aligned::default(),
        }
    }

    pub(crate) fn pack(&mut self, params: &[f32], training: bool) {
        let (simd, lanes, format) = (self.simd, self.simd.lanes(), self.precision.format());
        let (h, v) = (self.spec.input_size, self.spec.vocab_size);
        let weight = &params[self.spec.weight_range()];
        self.bias.resize_scratch(self.vp);
        self.bias.fill(0.0);
        self.bias[..v].copy_from_slice(&params[self.spec.bias_range()]);
        let columns = Columns { groups: v.div_ceil(lanes), group: 1, alone: false };
        self.forward.pack(simd, format, h, columns, |block, ks, out| {
            let (first, rows) = (block * lanes, lanes.min(v - block * lanes));
            let from = &weight[first * h + ks.start..];
            simd.run(Transpose { from, stride: h, rows, columns: ks.len(), to: out });
        });
        if training {
            let columns = Columns { groups: h.div_ceil(lanes), group: 1, alone: false };
            self.back.pack(simd, format, v, columns, |block, ks, out| {
                let cols = block * lanes..h.min((block + 1) * lanes);
                for (k, to) in ks.zip(out.chunks_exact_mut(lanes)) {
                    to[cols.len()..].fill(0.0);
                    to[..cols.len()].copy_from_slice(&weight[k * h..][cols.clone()]);
                }
            });
        }
    }

    /// Overwrites `all` with the logits of all rows, `[rows, V]`.
    pub(crate) fn logits(&self, frames: FramesView<'_>, all: &mut Vec<f32>, scratch: &mut ReadoutScratch) {
        all.clear();
        for from in (0..frames.rows()).step_by(STRETCH) {
            let rows = STRETCH.min(frames.rows() - from);
            self.stretch(frames, from, rows, scratch);
            let logits = scratch.logits.chunks_exact(self.vp).take(rows);
            logits.for_each(|row| all.extend_from_slice(&row[..self.spec.vocab_size]));
        }
    }

    pub(crate) fn cross_entropy(
        &self,
        frames: FramesView<'_>,
        targets: &[u32],
        mut backward: Option<Backward<'_>>,
        scratch: &mut ReadoutScratch,
    ) -> Loss {
        if let Some(backward) = &mut backward {
            let (size, stride) =
                (self.spec.input_size, self.spec.input_size.next_multiple_of(self.simd.lanes()));
            backward.d_frames.resize(Kind::F32, frames.rows(), size, stride);
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
        let (lanes, k) = (self.simd.lanes(), self.forward.k());
        scratch.logits.resize_scratch(STRETCH * self.vp);
        let a = match (self.precision, frames.data().from(from * frames.stride())) {
            (Precision::Int8, ValuesRef::F32(x)) => {
                scratch.quantised.rows(self.simd, x, frames.stride(), (rows, self.spec.input_size, k))
            }
            (_, x) => Operand::rows(x, frames.stride(), k),
        };
        for p in 0..self.forward.count() {
            let (panel, blocks) = (self.forward.panel(p), self.forward.blocks_of(p));
            Product {
                rows,
                terms: &[Term { a, panel, at: 0 }],
                init: Init::Row(&self.bias[blocks.start * lanes..blocks.end * lanes]),
                width: panel.width,
                c: &mut scratch.logits[blocks.start * lanes..],
                c_stride: self.vp,
            }
            .run(self.simd);
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
        let d_logits = match self.precision.kind() {
            Kind::F32 => ValuesRef::F32(&scratch.logits),
            Kind::Bf16 => {
                scratch.rounded.resize_scratch(scratch.logits.len());
                let (from, to) = (&scratch.logits[..rows * self.vp], &mut scratch.rounded[..]);
                self.simd.run(RoundAll { from, to });
                ValuesRef::Bf16(&scratch.rounded)
            }
        };
        let a = Operand::rows(d_logits, self.vp, self.back.k());
        for p in 0..self.back.count() {
            let panel = self.back.panel(p);
            let at = from * stride + self.back.blocks_of(p).start * lanes;
            Product {
                rows,
                terms: &[Term { a, panel, at: 0 }],
                init: Init::Zero,
                width: panel.width,
                c: &mut backward.d_frames.gradients_mut()[at..],
                c_stride: stride,
            }
            .run(self.simd);
        }
        let gradient = WeightGradient {
            simd: self.simd,
            steps: rows,
            hidden_size: spec.vocab_size,
            z: Planes { data: d_logits, row_stride: self.vp, plane: 0 },
            first_plane: 0,
            gates: &[0],
            x: frames.data().from(from * frames.stride()),
            x_stride: frames.stride(),
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

/// Rounds whole vectors.
struct RoundAll<'a> {
    from: &'a [f32],
    to: &'a mut [Bf16],
}

impl Job for RoundAll<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        for (from, to) in self.from.chunks_exact(V::LANES).zip(self.to.chunks_exact_mut(V::LANES)) {
            Element::store(v.load(from), to);
        }
    }
}
