//! The gradient of a weight matrix: the product of all pre-activation gradients with all inputs, over time.

use crate::buffer::Aligned;
use crate::panel::{Init, Operand, PANEL_WIDTH, Panel, Product};
use crate::simd::{Job, Simd, Vector};
use std::ops::Range;

/// Memory that gradients are gathered in.
#[derive(Default)]
pub(crate) struct Scratch {
    /// A stretch of `z`, one vector of columns: `[stretch][lanes]`.
    z: Aligned,
    /// A stretch of `x` in panels: `[panel][stretch][width][lanes]`.
    x: Aligned,
    /// A product whose columns run past the matrix.
    edge: Aligned,
    /// Column sums, and rows of products that do not end on a whole vector.
    pub(crate) row: Aligned,
}

/// `d_w[gate * H + unit, col] += sum over k of z[k, slot of gate, unit] * x[k, col]`.
#[derive(Clone, Copy)]
pub(crate) struct WeightGradient<'a> {
    pub(crate) simd: Simd,
    /// `k` runs over these: steps times rows.
    pub(crate) steps: usize,
    pub(crate) hidden_size: usize,
    /// `[steps][unit block][z_slots][lanes]`, rows `z_stride` apart.
    pub(crate) z: &'a [f32],
    pub(crate) z_stride: usize,
    pub(crate) z_slots: usize,
    /// The slots in question are `first_slot..first_slot + gates.len()`; each one's gate.
    pub(crate) first_slot: usize,
    pub(crate) gates: &'a [usize],
    /// `[steps][x_width]` in blocks of one vector: rows `x_stride` apart, blocks `x_block_stride`.
    pub(crate) x: &'a [f32],
    pub(crate) x_stride: usize,
    pub(crate) x_block_stride: usize,
    pub(crate) x_width: usize,
}

/// Steps that are gathered, multiplied and added to the matrix at a time.
const STRETCH: usize = 128;

impl WeightGradient<'_> {
    /// Adds to the matrix `[G*H, x_width]`.
    pub(crate) fn add_to(&self, matrix: &mut [f32], scratch: &mut Scratch) {
        let lanes = self.simd.lanes();
        let blocks = self.x_width.div_ceil(lanes);
        let panels = blocks.div_ceil(PANEL_WIDTH);
        let panel_blocks = |p: usize| p * blocks / panels..(p + 1) * blocks / panels;
        scratch.x.resize_scratch(STRETCH * blocks * lanes);
        scratch.z.resize_scratch(STRETCH * lanes);
        scratch.edge.resize_scratch(lanes * PANEL_WIDTH * lanes);
        for from in (0..self.steps).step_by(STRETCH) {
            let steps = from..self.steps.min(from + STRETCH);
            for p in 0..panels {
                let blocks = panel_blocks(p);
                let out = &mut scratch.x[blocks.start * lanes * steps.len()..];
                self.simd.run(GatherPanel { from: self, steps: steps.clone(), blocks, out });
            }
            for unit in (0..self.hidden_size).step_by(lanes) {
                for (slot, gate) in self.gates.iter().enumerate() {
                    let column = (unit / lanes * self.z_slots + self.first_slot + slot) * lanes;
                    let z = &self.z[steps.start * self.z_stride + column..];
                    self.simd.run(GatherColumn {
                        z,
                        stride: self.z_stride,
                        steps: steps.len(),
                        out: &mut scratch.z,
                    });
                    let rows = lanes.min(self.hidden_size - unit);
                    let first_row = gate * self.hidden_size + unit;
                    let matrix = &mut matrix[first_row * self.x_width..][..rows * self.x_width];
                    for p in 0..panels {
                        self.multiply(steps.len(), panel_blocks(p), rows, matrix, scratch);
                    }
                }
            }
        }
    }

    /// Adds one tile: `rows` rows of the matrix by one panel of its columns.
    fn multiply(
        &self,
        steps: usize,
        blocks: Range<usize>,
        rows: usize,
        matrix: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let lanes = self.simd.lanes();
        let (from, width) = (blocks.start * lanes, blocks.len() * lanes);
        let panel =
            Panel { data: &scratch.x[from * steps..][..width * steps], k: steps, width: blocks.len() };
        let a = Operand::columns(&scratch.z, lanes, steps);
        if from + width <= self.x_width {
            let (c, c_stride) = (&mut matrix[from..], self.x_width);
            return self.simd.run(Product { rows, a, panel, init: Init::Accumulate, c, c_stride });
        }
        let c = &mut scratch.edge;
        self.simd.run(Product { rows, a, panel, init: Init::Zero, c, c_stride: width });
        for (row, edge) in matrix.chunks_exact_mut(self.x_width).zip(scratch.edge.chunks_exact(width)) {
            for (out, sum) in row[from..].iter_mut().zip(edge) {
                *out += sum;
            }
        }
    }
}

/// Copies a stretch of `x` into a panel, `[steps][blocks][lanes]`.
struct GatherPanel<'a> {
    from: &'a WeightGradient<'a>,
    steps: Range<usize>,
    blocks: Range<usize>,
    out: &'a mut [f32],
}

impl Job for GatherPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { from, steps, blocks, out } = self;
        let lanes = V::LANES;
        for (k, row) in steps.zip(out.chunks_exact_mut(blocks.len() * lanes)) {
            for (block, out) in blocks.clone().zip(row.chunks_exact_mut(lanes)) {
                let x = &from.x[k * from.x_stride + block * from.x_block_stride..];
                let valid = from.x_width - block * lanes;
                if valid >= lanes {
                    v.load(x).store(out);
                } else {
                    out[..valid].copy_from_slice(&x[..valid]);
                    out[valid..].fill(0.0);
                }
            }
        }
    }
}

/// Copies a column of vectors, `[steps][lanes]`, out of rows `stride` apart.
struct GatherColumn<'a> {
    z: &'a [f32],
    stride: usize,
    steps: usize,
    out: &'a mut [f32],
}

impl Job for GatherColumn<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        for (k, out) in self.out.chunks_exact_mut(V::LANES).take(self.steps).enumerate() {
            v.load(&self.z[k * self.stride..]).store(out);
        }
    }
}

/// Sums of the columns of rows of `row_len` values (whole vectors).
pub(crate) fn column_sums<'a>(
    simd: Simd,
    rows: &[f32],
    row_len: usize,
    scratch: &'a mut Scratch,
) -> &'a [f32] {
    scratch.row.resize_scratch(row_len);
    scratch.row.fill(0.0);
    simd.run(ColumnSums { rows, row_len, sums: &mut scratch.row });
    &scratch.row
}

struct ColumnSums<'a> {
    rows: &'a [f32],
    row_len: usize,
    sums: &'a mut [f32],
}

impl Job for ColumnSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        for row in self.rows.chunks_exact(self.row_len) {
            for (sum, x) in self.sums.chunks_exact_mut(V::LANES).zip(row.chunks_exact(V::LANES)) {
                (v.load(sum) + v.load(x)).store(sum);
            }
        }
    }
}
