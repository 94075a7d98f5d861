//! The trait over which every fast kernel is written.

use crate::bf16::Bf16;
use std::ops::{Add, Div, Mul, Sub};

/// A vector of `LANES` values of `f32`.
///
/// A value is also a witness that the processor has the instructions: the only ways to make the first one are
/// `unsafe` or belong to the portable implementation, so the operations on values are safe.
pub(crate) trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Lanes.
    const LANES: usize;
    /// Rows of the register tile for a panel of `n` vectors, `TILE_ROWS[n]`: as many as leave the accumulators,
    /// and the operands in flight, in registers.
    const TILE_ROWS: [usize; 5];
    /// `LANES` integers of 32 bits, or pairs of 16.
    type Ints: Copy;
    /// Passes in which a register tile of bfloat16 takes its pairs: one where the processor multiplies pairs; two where
    /// they become `f32` first, the first of every pair and then the second.
    const PASSES: usize;
    /// What one pass takes of `LANES` pairs of bfloat16.
    type Pairs: Copy;

    fn splat(self, x: f32) -> Self;
    /// `self * a + b`, fused where the hardware can.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The larger; `other` if either is NaN.
    fn max(self, other: Self) -> Self;
    /// The smaller; `other` if either is NaN.
    fn min(self, other: Self) -> Self;
    /// To the nearest integer, ties to even.
    fn round(self) -> Self;
    /// `2^self` for integral lanes within `-126..=127`.
    fn exp2_integral(self) -> Self;
    /// Keeps the lanes where `condition > 0`, zero elsewhere.
    fn where_positive(self, condition: Self) -> Self;
    /// Sum of the lanes, in a fixed order.
    fn sum(self) -> f32;
    /// Largest lane.
    fn maximum(self) -> f32;

    /// Reads `LANES` values.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` values.
    unsafe fn load_ptr(self, from: *const f32) -> Self;
    /// Writes `LANES` values.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` values.
    unsafe fn store_ptr(self, to: *mut f32);

    /// Reads `LANES` values of bfloat16.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` values.
    unsafe fn load_bf16(self, from: *const Bf16) -> Self;
    /// Writes `LANES` values of bfloat16, rounded to the nearest.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` values.
    unsafe fn store_bf16(self, to: *mut Bf16);
    /// Reads what pass `PASS` takes of `LANES` pairs of bfloat16.
    ///
    /// # Safety
    /// `from` is valid for reading `2 * LANES` values.
    unsafe fn load_pairs<const PASS: usize>(self, from: *const Bf16) -> Self::Pairs;
    /// What pass `PASS` takes of the same pair in every lane.
    fn splat_pair<const PASS: usize>(self, pair: [Bf16; 2]) -> Self::Pairs;
    /// `self` and, for every lane, the products that a pass takes of `x` and `w`.
    fn add_pairs(self, x: Self::Pairs, w: Self::Pairs) -> Self;
    /// Writes pairs of bfloat16, rounded to the nearest: the first of each from `self`, the second from `odd`.
    ///
    /// # Safety
    /// `to` is valid for writing `2 * LANES` values.
    unsafe fn store_pairs(self, odd: Self, to: *mut Bf16);

    /// Transposes a square of `LANES` rows of `LANES` values.
    ///
    /// # Safety
    /// `from` is valid for reading, `to` for writing, such a square at rows so many values apart.
    unsafe fn transpose(self, from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize);

    /// Zero sums.
    fn no_ints(self) -> Self::Ints;
    /// The same pair in every lane.
    fn splat_ints(self, pair: [i16; 2]) -> Self::Ints;
    /// Reads `LANES` pairs of bytes.
    ///
    /// # Safety
    /// `from` is valid for reading `2 * LANES` bytes.
    unsafe fn load_bytes(self, from: *const i8) -> Self::Ints;
    /// Writes `LANES` integers of 16 bits, to the nearest, ties to even. What has no such integer becomes any.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` values.
    unsafe fn store_ints(self, to: *mut i16);
    /// For every lane, `sum + x[0] * w[0] + x[1] * w[1]`, exact as long as the sum fits.
    fn add_products(self, sums: Self::Ints, x: Self::Ints, w: Self::Ints) -> Self::Ints;
    /// The sums as numbers, to the nearest.
    fn to_floats(self, sums: Self::Ints) -> Self;

    /// The first `LANES` values of a slice.
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self {
        assert!(from.len() >= Self::LANES);
        // SAFETY: the slice is long enough.
        unsafe { self.load_ptr(from.as_ptr()) }
    }

    /// Overwrites the first `LANES` values of a slice.
    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: the slice is long enough.
        unsafe { self.store_ptr(to.as_mut_ptr()) }
    }
}

/// An algorithm written once over [`Vector`] and compiled for every instruction set.
///
/// `run` and all that it calls must be `#[inline(always)]`: only what is inlined into the instruction set's entry
/// is compiled with its features.
pub(crate) trait Job {
    type Output;

    fn run<V: Vector>(self, v: V) -> Self::Output;
}
