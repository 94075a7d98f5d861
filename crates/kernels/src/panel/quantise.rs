//! Eight-bit weights: bytes with a scale for each output, multiplied with activations of sixteen bits.
//!
//! The products of one stretch are summed in integers, exactly, so that a row's result depends on nothing but the
//! row. Rounding a weight to one of 255 steps is what costs accuracy; the activations keep fifteen bits.

use super::product::{Integers, K_CHUNK};
use crate::buffer::Aligned;
use crate::panel::Operand;
use crate::simd::{Job, Simd, Vector};

/// The largest byte in use; -128 is not, so that the range is symmetric.
const LARGEST_BYTE: f32 = 127.0;

/// What is added to a byte so that it is stored without a sign.
const OFFSET: i32 = 128;

/// Largest activation: with it, the sum of [`K_CHUNK`] products fits into 32 bits, with and without what is owed.
const LARGEST: f32 = 32_767.0;
const _: () = assert!(K_CHUNK as i64 * LARGEST as i64 * (255 + OFFSET as i64) < i32::MAX as i64);

/// Raises the scales of the columns of `rows`, `[rows][lanes]`, to what their largest weights need.
pub(super) fn widen_scales(rows: &[f32], scales: &mut [f32]) {
    for row in rows.chunks_exact(scales.len()) {
        for (scale, w) in scales.iter_mut().zip(row) {
            *scale = scale.max(w.abs() / LARGEST_BYTE);
        }
    }
}

/// Rounds quads of rows to bytes, into a panel's rows of `width` vectors, from value `at` of a row on.
pub(super) fn interleave_bytes(rows: &[f32], scales: &[f32], width: usize, at: usize, to: &mut [u8]) {
    let lanes = scales.len();
    let byte = |w: f32, scale: f32| {
        let byte = if scale > 0.0 { (w / scale).round_ties_even() as i8 } else { 0 };
        (i32::from(byte) + OFFSET) as u8
    };
    for (quad, to) in rows.chunks_exact(4 * lanes).zip(to.chunks_exact_mut(4 * width * lanes)) {
        for (lane, to) in to[4 * at..][..4 * lanes].chunks_exact_mut(4).enumerate() {
            to.iter_mut().enumerate().for_each(|(i, to)| *to = byte(quad[i * lanes + lane], scales[lane]));
        }
    }
}

/// Rows of activations in sixteen bits: see [`Integers`].
#[derive(Default)]
pub(crate) struct Quantised {
    values: Aligned<i16>,
    scales: Aligned,
    debts: Aligned<i32>,
}

impl Quantised {
    /// Rounds `rows` rows of `width` values, `stride` apart; they are then `k` apart, zeros at their ends.
    pub(crate) fn rows(
        &mut self,
        simd: Simd,
        data: &[f32],
        stride: usize,
        (rows, width, k): (usize, usize, usize),
    ) -> Operand<'_> {
        let chunks = k.div_ceil(K_CHUNK);
        self.values.resize_scratch(rows * k);
        self.scales.resize_scratch(rows);
        self.debts.resize_scratch(rows * chunks);
        let debts = self.debts.chunks_exact_mut(chunks);
        for (r, (to, debts)) in self.values.chunks_exact_mut(k).zip(debts).enumerate() {
            self.scales[r] = simd.run(Round { row: &data[r * stride..][..width], to, debts });
        }
        let Self { values, scales, debts } = self;
        Operand::integers(Integers { values, scales, debts, chunks }, k)
    }
}

/// Rounds one row; gives its scale.
struct Round<'a> {
    row: &'a [f32],
    /// Whole quads.
    to: &'a mut [i16],
    debts: &'a mut [i32],
}

impl Job for Round<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> f32 {
        // What is not finite has no byte; it makes the whole row NaN instead.
        let (zero, mut largest, mut nothing) = (v.splat(0.0), v.splat(0.0), v.splat(0.0));
        let whole = self.row.chunks_exact(V::LANES);
        let rest = whole.remainder();
        for x in whole {
            let x = v.load(x);
            largest = x.max(zero - x).max(largest);
            nothing = x.mul_add(zero, nothing);
        }
        let (mut largest, mut nothing) = (largest.maximum(), nothing.sum());
        for x in rest {
            largest = largest.max(x.abs());
            nothing += x * 0.0;
        }
        // Plain loops: the instruction set's entry compiles them with its features.
        let scale = largest / LARGEST + nothing;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        let (to, padding) = self.to.split_at_mut(self.row.len());
        for (to, x) in to.iter_mut().zip(self.row) {
            *to = (x * inverse).round_ties_even().clamp(-LARGEST, LARGEST) as i16;
        }
        padding.fill(0);
        for (chunk, debt) in self.to.chunks_mut(K_CHUNK).zip(self.debts) {
            *debt = -OFFSET * chunk.iter().map(|&x| i32::from(x)).sum::<i32>();
            chunk.chunks_exact_mut(4).for_each(|quad| quad.swap(1, 2));
        }
        scale
    }
}
