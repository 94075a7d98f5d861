//! Eight-bit weights with one scale per output, multiplied with 16-bit activations.
//!
//! The products of one chunk of `K` are summed exactly, in integers, so that a row's result depends only on the row.
//! The error comes from rounding weights to 255 levels; activations keep fifteen bits.

use super::operand::Operand;
use crate::buffer::Aligned;
use crate::simd::{Job, Simd, Vector};

/// The largest quantised weight; -128 is not used, so that the range is symmetric.
const MAX_WEIGHT: f32 = 127.0;

/// The largest quantised activation: with it, the sum of `K_CHUNK` products fits into 32 bits.
const MAX_ACTIVATION: f32 = 32_767.0;

/// Raises the scales of the columns of `rows`, `[rows][lanes]`, as their largest weights require.
pub(super) fn widen_scales(rows: &[f32], scales: &mut [f32]) {
    for row in rows.chunks_exact(scales.len()) {
        for (scale, w) in scales.iter_mut().zip(row) {
            *scale = scale.max(w.abs() / MAX_WEIGHT);
        }
    }
}

/// Rounds pairs of rows to 8-bit integers, into a panel's rows of `width` vectors, at offset `at` of each row.
pub(super) fn interleave_bytes(rows: &[f32], scales: &[f32], width: usize, at: usize, to: &mut [i8]) {
    let lanes = scales.len();
    let byte = |w: f32, scale: f32| if scale > 0.0 { (w / scale).round_ties_even() as i8 } else { 0 };
    for (pair, to) in rows.chunks_exact(2 * lanes).zip(to.chunks_exact_mut(2 * width * lanes)) {
        let (even, odd) = pair.split_at(lanes);
        for (lane, to) in to[2 * at..][..2 * lanes].chunks_exact_mut(2).enumerate() {
            to.copy_from_slice(&[byte(even[lane], scales[lane]), byte(odd[lane], scales[lane])]);
        }
    }
}

/// Rows of activations in 16 bits, with one scale per row.
#[derive(Default)]
pub(crate) struct Quantised {
    values: Aligned<i16>,
    scales: Aligned,
}

impl Quantised {
    /// Rounds `rows` rows of `width` values, `stride` apart, to rows of `k` values, padded with zeros.
    pub(crate) fn rows(
        &mut self,
        simd: Simd,
        data: &[f32],
        stride: usize,
        (rows, width, k): (usize, usize, usize),
    ) -> Operand<'_> {
        self.values.resize_scratch(rows * k);
        self.scales.resize_scratch(rows);
        for (r, to) in self.values.chunks_exact_mut(k).enumerate() {
            let (to, padding) = to.split_at_mut(width);
            padding.fill(0);
            self.scales[r] = simd.run(Round { row: &data[r * stride..][..width], to });
        }
        Operand::bytes(&self.values, &self.scales, k)
    }
}

/// Rounds one row; returns its scale.
struct Round<'a> {
    row: &'a [f32],
    /// Of the same length as `row`.
    to: &'a mut [i16],
}

impl Job for Round<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> f32 {
        // Values that are not finite have no integer representation; they make the whole row NaN instead.
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
        let scale = largest / MAX_ACTIVATION + nothing;
        // The inverse of a smaller value would not be finite.
        let inverse = if scale >= f32::MIN_POSITIVE { 1.0 / scale } else { 0.0 };
        let (to, to_rest) = self.to.split_at_mut(self.row.len() - rest.len());
        for (x, to) in self.row.chunks_exact(V::LANES).zip(to.chunks_exact_mut(V::LANES)) {
            // SAFETY: both have `LANES` values.
            unsafe { (v.load(x) * v.splat(inverse)).store_ints(to.as_mut_ptr()) };
        }
        for (to, x) in to_rest.iter_mut().zip(rest) {
            *to = (x * inverse).round_ties_even() as i16;
        }
        scale
    }
}
