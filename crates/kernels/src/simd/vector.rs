//! The trait that all fast kernels are written over.

use crate::bf16::Bf16;
use std::ops::{Add, Div, Mul, Sub};

/// A vector of `LANES` values of `f32`.
///
/// A value is also proof that the processor has the instructions: the first one comes from `unsafe` code or from the
/// portable implementation, so the operations on values are safe.
pub(crate) trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Lanes.
    const LANES: usize;
    /// Rows of the register tile for a panel of `n` vectors, `TILE_ROWS[n]`: as many as keep the accumulators and the
    /// current operands in registers.
    const TILE_ROWS: [usize; 5];
    /// `LANES` integers of 32 bits, or pairs of 16.
    type Ints: Copy;
    /// Passes in which a register tile of bfloat16 processes its pairs: one if the processor multiplies pairs; two if
    /// they are converted to `f32`, the first value of every pair and then the second.
    const PASSES: usize;
    /// The operand of one pass over `LANES` pairs of bfloat16.
    type Pairs: Copy;

    fn splat(self, x: f32) -> Self;
    /// `self * a + b`, fused if the hardware can.
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
    /// Reads the operand of pass `PASS` from `LANES` pairs of bfloat16.
    ///
    /// # Safety
    /// `from` is valid for reading `2 * LANES` values.
    unsafe fn load_pairs<const PASS: usize>(self, from: *const Bf16) -> Self::Pairs;
    /// The operand of pass `PASS` with the same pair in every lane.
    fn splat_pair<const PASS: usize>(self, pair: [Bf16; 2]) -> Self::Pairs;
    /// `self` plus, for every lane, the products of `x` and `w` in one pass.
    fn add_pairs(self, x: Self::Pairs, w: Self::Pairs) -> Self;
    /// Writes pairs of bfloat16, rounded to the nearest: the first of each from `self`, the second from `odd`.
    ///
    /// # Safety
    /// `to` is valid for writing `2 * LANES` values.
    unsafe fn store_pairs(self, odd: Self, to: *mut Bf16);

    /// Transposes a square of `LANES` rows of `LANES` values.
    ///
    /// # Safety
    /// `from` is valid for reading, `to` for writing, such a square with rows at the given strides.
    unsafe fn transpose(self, from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize);

    /// Zero sums.
    fn zero_ints(self) -> Self::Ints;
    /// The same pair in every lane.
    fn splat_ints(self, pair: [i16; 2]) -> Self::Ints;
    /// Reads `LANES` pairs of bytes.
    ///
    /// # Safety
    /// `from` is valid for reading `2 * LANES` bytes.
    unsafe fn load_bytes(self, from: *const i8) -> Self::Ints;
    /// Writes `LANES` 16-bit integers, rounded to nearest, ties to even. Values out of range give unspecified
    /// integers.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` values.
    unsafe fn store_ints(self, to: *mut i16);
    /// For every lane, `sum + x[0] * w[0] + x[1] * w[1]`, exact as long as the sum fits.
    fn add_products(self, sums: Self::Ints, x: Self::Ints, w: Self::Ints) -> Self::Ints;
    /// The sums as `f32`, rounded to nearest.
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
/// `run` and everything it calls must be `#[inline(always)]`: only what is inlined into the instruction set's entry
/// function is compiled with its features.
pub(crate) trait Job {
    type Output;

    fn run<V: Vector>(self, v: V) -> Self::Output;
}
