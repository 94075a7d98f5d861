//! The trait over which every fast kernel is written.

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
