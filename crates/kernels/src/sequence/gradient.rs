//! The gradient of a weight matrix: the product of all pre-activation gradients with all inputs, over time.

use crate::bf16::Bf16;
use crate::buffer::{Aligned, Plain};
use crate::element::Element;
use crate::panel::{Init, Operand, PANEL_WIDTH, Panel, Planes, Product, Term, Weights};
use crate::simd::{Job, Simd, Vector};
use crate::values::{ValuesRef, match_kind};
use std::ops::Range;

/// Scratch memory for gradients.
#[derive(Default)]
pub(crate) struct Scratch {
    single: Gathered<f32>,
    half: Gathered<Bf16>,
    /// A product whose columns extend beyond the matrix.
    edge: Aligned,
    /// Column sums, and rows of products that do not end on a whole vector.
    pub(crate) row: Aligned,
}

/// A chunk of positions, gathered for products over them.
#[derive(Default)]
struct Gathered<E> {
    /// `z` of some units of one gate: `[positions][units]` of `f32`, `[units][positions]` of bfloat16.
    z: Aligned<E>,
    /// `x` in panels over the positions.
    x: Aligned<E>,
}

/// `d_w[gate * H + unit, col] += sum over k of z[plane of gate, k, unit] * x[k, col]`.
#[derive(Clone, Copy)]
pub(crate) struct WeightGradient<'a> {
    pub(crate) simd: Simd,
    /// Number of positions that `k` runs over: steps times rows.
    pub(crate) steps: usize,
    pub(crate) hidden_size: usize,
    pub(crate) z: Planes<'a>,
    /// The planes are `first_plane..first_plane + gates.len()`; the gate of each.
    pub(crate) first_plane: usize,
    pub(crate) gates: &'a [usize],
    /// `[steps][x_width]`, rows `x_stride` apart.
    pub(crate) x: ValuesRef<'a>,
    pub(crate) x_stride: usize,
    pub(crate) x_width: usize,
}

impl WeightGradient<'_> {
    /// Adds to the matrix `[G*H, x_width]`.
    pub(crate) fn add_to(&self, matrix: &mut [f32], scratch: &mut Scratch) {
        scratch.edge.resize_scratch(MAX_UNITS * PANEL_WIDTH * self.simd.lanes());
        match (self.z.data, self.x) {
            (ValuesRef::F32(z), ValuesRef::F32(x)) => {
                self.add(z, x, matrix, &mut scratch.single, &mut scratch.edge);
            }
            (ValuesRef::Bf16(z), ValuesRef::Bf16(x)) => {
                self.add(z, x, matrix, &mut scratch.half, &mut scratch.edge);
            }
            _ => unreachable!("activations of different kinds"),
        }
    }

    fn add<E: Gather>(
        &self,
        z: &[E],
        x: &[E],
        matrix: &mut [f32],
        gathered: &mut Gathered<E>,
        edge: &mut Aligned,
    ) {
        let lanes = self.simd.lanes();
        let blocks = self.x_width.div_ceil(lanes);
        let panels = blocks.div_ceil(PANEL_WIDTH);
        let panel_blocks = |p: usize| p * blocks / panels..(p + 1) * blocks / panels;
        let units_at_once = E::units_at_once(lanes);
        gathered.x.resize_scratch(E::CHUNK * blocks * lanes);
        gathered.z.resize_scratch(E::CHUNK * units_at_once);
        for from in (0..self.steps).step_by(E::CHUNK) {
            let steps = E::CHUNK.min(self.steps - from);
            let k = steps.next_multiple_of(E::k_step(lanes));
            for p in 0..panels {
                let blocks = panel_blocks(p);
                let out = &mut gathered.x[blocks.start * lanes * k..][..blocks.len() * lanes * k];
                let (x, stride, width) = (&x[from * self.x_stride..], self.x_stride, self.x_width);
                E::gather_panel(self.simd, GatherPanel { x, stride, width, steps, blocks, out });
            }
            for unit in (0..self.hidden_size).step_by(units_at_once) {
                let units = units_at_once.min(self.hidden_size - unit);
                for (slot, gate) in self.gates.iter().enumerate() {
                    let first = (self.first_plane + slot) * self.z.plane + from * self.z.row_stride + unit;
                    let (z, stride) = (&z[first..], self.z.row_stride);
                    E::gather_units(
                        self.simd,
                        GatherUnits { z, stride, steps, units, k, out: &mut gathered.z },
                    );
                    let first_row = gate * self.hidden_size + unit;
                    let matrix = &mut matrix[first_row * self.x_width..][..units * self.x_width];
                    for p in 0..panels {
                        let blocks = panel_blocks(p);
                        let weights =
                            E::weights(&gathered.x[blocks.start * lanes * k..][..blocks.len() * lanes * k]);
                        let panel = Panel { weights, k, width: blocks.len() };
                        let a = E::operand(&gathered.z, units_at_once, k);
                        let term = Term { a, panel, at: 0 };
                        self.multiply(&term, (blocks.start * lanes, units), matrix, edge);
                    }
                }
            }
        }
    }

    /// Adds one tile: `rows` rows of the matrix by one panel of its columns, starting at column `from`.
    fn multiply(
        &self,
        term: &Term<'_>,
        (from, rows): (usize, usize),
        matrix: &mut [f32],
        edge: &mut Aligned,
    ) {
        let (terms, width) = (std::slice::from_ref(term), term.panel.width);
        let columns = width * self.simd.lanes();
        if from + columns <= self.x_width {
            let (c, c_stride) = (&mut matrix[from..], self.x_width);
            return Product { rows, terms, init: Init::Accumulate, width, c, c_stride }.run(self.simd);
        }
        Product { rows, terms, init: Init::Zero, width, c: edge, c_stride: columns }.run(self.simd);
        for (row, edge) in matrix.chunks_exact_mut(self.x_width).zip(edge.chunks_exact(columns)) {
            for (out, sum) in row[from..].iter_mut().zip(edge) {
                *out += sum;
            }
        }
    }
}

/// How a number type is gathered for products over positions.
trait Gather: Element + Plain {
    /// Positions that are gathered, multiplied and added to the matrix at a time.
    const CHUNK: usize;

    /// Units of a gate that are multiplied at a time.
    fn units_at_once(lanes: usize) -> usize;
    /// Chunks are padded with zeros to a multiple of this.
    fn k_step(lanes: usize) -> usize;
    fn gather_panel(simd: Simd, gather: GatherPanel<'_, Self>);
    fn gather_units(simd: Simd, gather: GatherUnits<'_, Self>);
    /// The gathered numbers as the two operands of a product.
    fn operand(z: &[Self], units: usize, k: usize) -> Operand<'_>;
    fn weights(x: &[Self]) -> Weights<'_>;
}

/// Copies a chunk of `x` into a panel of `blocks`.
struct GatherPanel<'a, E> {
    x: &'a [E],
    stride: usize,
    width: usize,
    steps: usize,
    blocks: Range<usize>,
    out: &'a mut [E],
}

/// Copies a chunk of the first `units` columns of `z`.
struct GatherUnits<'a, E> {
    z: &'a [E],
    stride: usize,
    steps: usize,
    units: usize,
    /// Positions, including padding.
    k: usize,
    out: &'a mut [E],
}

impl Gather for f32 {
    const CHUNK: usize = 256;

    // A multiple of the register tile's rows on AVX2 (three) and on AVX-512 (six).
    fn units_at_once(lanes: usize) -> usize {
        3 * lanes
    }
    fn k_step(_: usize) -> usize {
        1
    }
    fn gather_panel(simd: Simd, gather: GatherPanel<'_, f32>) {
        simd.run(gather);
    }
    fn gather_units(simd: Simd, gather: GatherUnits<'_, f32>) {
        simd.run(gather);
    }
    fn operand(z: &[f32], units: usize, k: usize) -> Operand<'_> {
        Operand::columns(z, units, k)
    }
    fn weights(x: &[f32]) -> Weights<'_> {
        Weights::F32(x)
    }
}

impl Job for GatherPanel<'_, f32> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { x, stride, width, steps, blocks, out } = self;
        let lanes = V::LANES;
        for (k, row) in (0..steps).zip(out.chunks_exact_mut(blocks.len() * lanes)) {
            for (block, out) in blocks.clone().zip(row.chunks_exact_mut(lanes)) {
                let x = &x[k * stride + block * lanes..];
                let valid = width - block * lanes;
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

impl Job for GatherUnits<'_, f32> {
    type Output = ();

    /// `[positions][units at once]`.
    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { z, stride, steps, units, out, .. } = self;
        let blocks = units.div_ceil(V::LANES);
        for (k, row) in out.chunks_exact_mut(f32::units_at_once(V::LANES)).take(steps).enumerate() {
            for (block, out) in row.chunks_exact_mut(V::LANES).enumerate().take(blocks) {
                v.load(&z[k * stride + block * V::LANES..]).store(out);
            }
        }
    }
}

impl Gather for Bf16 {
    // Large enough that the sums stay in tiles much longer than it takes to load and store them.
    const CHUNK: usize = 512;

    fn units_at_once(_: usize) -> usize {
        UNITS
    }
    fn k_step(lanes: usize) -> usize {
        2 * lanes
    }
    fn gather_panel(simd: Simd, gather: GatherPanel<'_, Bf16>) {
        simd.run(gather);
    }
    fn gather_units(simd: Simd, gather: GatherUnits<'_, Bf16>) {
        simd.run(gather);
    }
    fn operand(z: &[Bf16], _: usize, k: usize) -> Operand<'_> {
        Operand::rows(ValuesRef::Bf16(z), k, k)
    }
    fn weights(x: &[Bf16]) -> Weights<'_> {
        Weights::Bf16(x)
    }
}

/// Two rows of tiles.
const UNITS: usize = 32;

/// Maximum of units at once, for any number type.
const MAX_UNITS: usize = 48;

/// Two rows of one vector, zeros starting at position `steps`.
#[inline(always)]
fn two_rows<V: Vector>(v: V, from: &[Bf16], at: usize, stride: usize, k: usize, steps: usize) -> [V; 2] {
    let mut rows = [v.splat(0.0); 2];
    for (i, row) in rows.iter_mut().enumerate() {
        if k + i < steps {
            *row = Bf16::load(v, &from[(k + i) * stride + at..]);
        }
    }
    rows
}

impl Job for GatherPanel<'_, Bf16> {
    type Output = ();

    /// `[positions / 2][width][lanes][2]`. Rows of activations are padded to whole vectors.
    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { x, stride, steps, blocks, out, .. } = self;
        let pairs = out.chunks_exact_mut(2 * blocks.len() * V::LANES);
        for (k, row) in pairs.enumerate() {
            for (block, out) in blocks.clone().zip(row.chunks_exact_mut(2 * V::LANES)) {
                let [even, odd] = two_rows(v, x, block * V::LANES, stride, 2 * k, steps);
                // SAFETY: `out` holds the pairs of one vector.
                unsafe { even.store_pairs(odd, out.as_mut_ptr()) };
            }
        }
    }
}

impl Job for GatherUnits<'_, Bf16> {
    type Output = ();

    /// `[units][positions]`: pairs of positions are transposed as if they were one number.
    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        const MAX_LANES: usize = 16;
        let Self { z, stride, steps, units, k, out } = self;
        let mut pairs = [Bf16::default(); 2 * MAX_LANES * MAX_LANES];
        assert!(V::LANES <= MAX_LANES && k.is_multiple_of(2 * V::LANES));
        assert!(units.next_multiple_of(V::LANES) * k <= out.len());
        for unit in (0..units).step_by(V::LANES) {
            for from in (0..k).step_by(2 * V::LANES) {
                for (i, pair) in pairs.chunks_exact_mut(2 * V::LANES).enumerate().take(V::LANES) {
                    let [even, odd] = two_rows(v, z, unit, stride, from + 2 * i, steps);
                    // SAFETY: `pair` holds the pairs of one vector.
                    unsafe { even.store_pairs(odd, pair.as_mut_ptr()) };
                }
                // SAFETY: a square of pairs on both sides: `pairs` is one, `out` has one vector of rows of `k`
                // values, of which `2 * LANES` start at `from`.
                unsafe {
                    let to = out.as_mut_ptr().add(unit * k + from);
                    v.transpose(pairs.as_ptr().cast(), V::LANES, to.cast(), k / 2);
                }
            }
        }
    }
}

/// Sums of the columns of one plane of `rows` rows.
pub(crate) fn column_sums<'a>(
    simd: Simd,
    z: Planes<'_>,
    plane: usize,
    rows: usize,
    scratch: &'a mut Scratch,
) -> &'a [f32] {
    let sums = &mut scratch.row;
    sums.resize_scratch(z.row_stride);
    sums.fill(0.0);
    match_kind!(ValuesRef, z.data, data => {
        let rows = &data[plane * z.plane..][..rows * z.row_stride];
        simd.run(ColumnSums { rows, sums });
    });
    sums
}

struct ColumnSums<'a, E> {
    rows: &'a [E],
    sums: &'a mut [f32],
}

impl<E: Element> Job for ColumnSums<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        for row in self.rows.chunks_exact(self.sums.len()) {
            for (sum, x) in self.sums.chunks_exact_mut(V::LANES).zip(row.chunks_exact(V::LANES)) {
                (v.load(sum) + E::load(v, x)).store(sum);
            }
        }
    }
}
