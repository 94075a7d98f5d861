//! A linear layer `y = W x + b` over all positions, forward and backward, one chunk of positions at a time.

use crate::bf16::Bf16;
use crate::buffer::Aligned;
use crate::element::Element;
use crate::frames::{Frames, FramesView};
use crate::panel::{Columns, Init, Operand, Panels, Planes, Product, Quantised, Term, Transpose};
use crate::precision::Precision;
use crate::sequence::{Scratch, WeightGradient};
use crate::simd::{Job, Simd, Vector};
use crate::spec::LinearSpec;
use crate::values::{Kind, Values, ValuesRef};

/// A linear layer's weights, packed.
pub struct PackedLinear {
    simd: Simd,
    precision: Precision,
    spec: LinearSpec,
    /// `O` padded to whole vectors and to whole steps of the products.
    padded: usize,
    /// `x -> y`.
    forward: Panels,
    /// `d_y -> d_x`.
    back: Panels,
    /// `[padded]`.
    bias: Aligned,
}

/// Scratch memory of a linear layer.
#[derive(Default)]
pub struct LinearScratch {
    /// `[CHUNK, padded]`: outputs, or their gradients.
    outputs: Aligned,
    /// The gradients in bfloat16, if products read them so.
    rounded: Aligned<Bf16>,
    quantised: Quantised,
    gradient: Scratch,
}

/// Positions per chunk.
pub(crate) const CHUNK: usize = 128;

impl PackedLinear {
    pub(crate) fn new(simd: Simd, precision: Precision, spec: &LinearSpec) -> Self {
        Self {
            simd,
            precision,
            spec: *spec,
            padded: precision.padded(spec.output_size, simd),
            forward: Panels::default(),
            back: Panels::default(),
            bias: Aligned::default(),
        }
    }

    pub(crate) fn simd(&self) -> Simd {
        self.simd
    }

    pub(crate) fn spec(&self) -> &LinearSpec {
        &self.spec
    }

    pub(crate) fn pack(&mut self, params: &[f32], training: bool) {
        let (simd, lanes, format) = (self.simd, self.simd.lanes(), self.precision.format());
        let (i, o) = (self.spec.input_size, self.spec.output_size);
        let weight = &params[self.spec.weight_range()];
        self.bias.resize_scratch(self.padded);
        self.bias.fill(0.0);
        if let Some(bias) = self.spec.bias_range() {
            self.bias[..o].copy_from_slice(&params[bias]);
        }
        let columns = Columns { groups: o.div_ceil(lanes), group: 1, one_group_per_panel: false };
        self.forward.pack(simd, format, i, columns, |block, ks, out| {
            let (first, rows) = (block * lanes, lanes.min(o - block * lanes));
            let from = &weight[first * i + ks.start..];
            simd.run(Transpose { from, stride: i, rows, columns: ks.len(), to: out });
        });
        if training {
            let columns = Columns { groups: i.div_ceil(lanes), group: 1, one_group_per_panel: false };
            self.back.pack(simd, format, o, columns, |block, ks, out| {
                let cols = block * lanes..i.min((block + 1) * lanes);
                for (k, to) in ks.zip(out.chunks_exact_mut(lanes)) {
                    to[cols.len()..].fill(0.0);
                    to[..cols.len()].copy_from_slice(&weight[k * i..][cols.clone()]);
                }
            });
        }
    }

    /// Overwrites `into` with the outputs of all rows, in the format that further products read.
    pub(crate) fn forward(&self, frames: FramesView<'_>, into: &mut Frames, scratch: &mut LinearScratch) {
        into.resize(self.precision.kind(), frames.rows(), self.spec.output_size, self.padded);
        for from in (0..frames.rows()).step_by(CHUNK) {
            let rows = CHUNK.min(frames.rows() - from);
            self.forward_chunk(frames, from, rows, scratch);
            let (outputs, at) = (&scratch.outputs[..rows * self.padded], from * self.padded);
            match into.data_mut() {
                Values::F32(into) => into[at..][..outputs.len()].copy_from_slice(outputs),
                Values::Bf16(into) => self.simd.run(RoundAll { from: outputs, to: &mut into[at..] }),
            }
        }
    }

    /// Overwrites `all` with the outputs of all rows, `[rows, O]`.
    pub(crate) fn outputs(&self, frames: FramesView<'_>, all: &mut Vec<f32>, scratch: &mut LinearScratch) {
        all.clear();
        for from in (0..frames.rows()).step_by(CHUNK) {
            let rows = CHUNK.min(frames.rows() - from);
            self.forward_chunk(frames, from, rows, scratch);
            let outputs = scratch.outputs.chunks_exact(self.padded).take(rows);
            outputs.for_each(|row| all.extend_from_slice(&row[..self.spec.output_size]));
        }
    }

    /// Backward pass: overwrites `d_input`, adds to `grads`.
    pub(crate) fn backward(
        &self,
        frames: FramesView<'_>,
        d_output: FramesView<'_>,
        mut d_input: Option<&mut Frames>,
        grads: &mut [f32],
        scratch: &mut LinearScratch,
    ) {
        if let Some(d_input) = d_input.as_deref_mut() {
            self.make_room(d_input, frames.rows());
        }
        let width = self.spec.output_size;
        scratch.outputs.resize_scratch(CHUNK * self.padded);
        for from in (0..frames.rows()).step_by(CHUNK) {
            let rows = CHUNK.min(frames.rows() - from);
            let (d_output, stride) = d_output.gradients_from(from);
            let gathered = scratch.outputs.chunks_exact_mut(self.padded).take(rows);
            for (to, from) in gathered.zip(d_output.chunks(stride)) {
                to[..width].copy_from_slice(&from[..width]);
                to[width..].fill(0.0);
            }
            self.backward_chunk(frames, from, rows, d_input.as_deref_mut(), grads, scratch);
        }
    }

    /// Resizes `d_input` for gradients of `rows` inputs.
    pub(crate) fn make_room(&self, d_input: &mut Frames, rows: usize) {
        let size = self.spec.input_size;
        d_input.resize(Kind::F32, rows, size, size.next_multiple_of(self.simd.lanes()));
    }

    /// Computes the outputs of a chunk of rows into `scratch`.
    pub(crate) fn forward_chunk(
        &self,
        frames: FramesView<'_>,
        from: usize,
        rows: usize,
        scratch: &mut LinearScratch,
    ) {
        let (lanes, k) = (self.simd.lanes(), self.forward.k());
        scratch.outputs.resize_scratch(CHUNK * self.padded);
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
                c: &mut scratch.outputs[blocks.start * lanes..],
                c_stride: self.padded,
            }
            .run(self.simd);
        }
    }

    /// Backward pass of a chunk whose output gradients are in `scratch`.
    pub(crate) fn backward_chunk(
        &self,
        frames: FramesView<'_>,
        from: usize,
        rows: usize,
        d_input: Option<&mut Frames>,
        grads: &mut [f32],
        scratch: &mut LinearScratch,
    ) {
        let (lanes, spec) = (self.simd.lanes(), &self.spec);
        let d_output = match self.precision.kind() {
            Kind::F32 => ValuesRef::F32(&scratch.outputs),
            Kind::Bf16 => {
                scratch.rounded.resize_scratch(scratch.outputs.len());
                let (from, to) = (&scratch.outputs[..rows * self.padded], &mut scratch.rounded[..]);
                self.simd.run(RoundAll { from, to });
                ValuesRef::Bf16(&scratch.rounded)
            }
        };
        if let Some(d_input) = d_input {
            let stride = d_input.stride();
            let a = Operand::rows(d_output, self.padded, self.back.k());
            for p in 0..self.back.count() {
                let panel = self.back.panel(p);
                let at = from * stride + self.back.blocks_of(p).start * lanes;
                Product {
                    rows,
                    terms: &[Term { a, panel, at: 0 }],
                    init: Init::Zero,
                    width: panel.width,
                    c: &mut d_input.gradients_mut()[at..],
                    c_stride: stride,
                }
                .run(self.simd);
            }
        }
        let gradient = WeightGradient {
            simd: self.simd,
            steps: rows,
            hidden_size: spec.output_size,
            z: Planes { data: d_output, row_stride: self.padded, plane: 0 },
            first_plane: 0,
            gates: &[0],
            x: frames.data().from(from * frames.stride()),
            x_stride: frames.stride(),
            x_width: spec.input_size,
        };
        gradient.add_to(&mut grads[spec.weight_range()], &mut scratch.gradient);
        if let Some(bias) = spec.bias_range() {
            for row in scratch.outputs.chunks_exact(self.padded).take(rows) {
                for (sum, d) in grads[bias.clone()].iter_mut().zip(row) {
                    *sum += d;
                }
            }
        }
    }
}

impl LinearScratch {
    /// The outputs of a chunk of `rows` rows, and the distance between rows.
    pub(crate) fn rows_mut(&mut self, layer: &PackedLinear, rows: usize) -> (&mut [f32], usize) {
        (&mut self.outputs[..rows * layer.padded], layer.padded)
    }
}

/// Rounds whole vectors to bfloat16.
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
