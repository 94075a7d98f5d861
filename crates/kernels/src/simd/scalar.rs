//! The portable vectors: plain arrays that the compiler vectorises for the target's baseline.

use super::vector::Vector;
use crate::bf16::Bf16;
use std::ops::{Add, Div, Mul, Sub};

/// The portable path.
pub(crate) type Scalar = Array<4>;

/// Sixteen lanes, as AVX-512, so that its layouts are tested on machines without it.
pub(crate) type Wide = Array<16>;

#[derive(Clone, Copy)]
pub(crate) struct Array<const N: usize>([f32; N]);

impl<const N: usize> Array<N> {
    pub(crate) const ZERO: Self = Self([0.0; N]);

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:tt) => {
        impl<const N: usize> $trait for Array<N> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $op b)
            }
        }
    };
}
operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl<const N: usize> Vector for Array<N> {
    const LANES: usize = N;
    const TILE_ROWS: [usize; 5] = [0, 6, 6, 4, 3];
    /// A sum, or two 16-bit halves.
    type Ints = [i32; N];
    const PASSES: usize = 2;
    type Pairs = Self;

    #[inline(always)]
    fn splat(self, x: f32) -> Self {
        Self([x; N])
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        // Two roundings: a fused operation is a library call where the baseline has no such instruction.
        self * a + b
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn round(self) -> Self {
        // Adding and subtracting 1.5 * 2^23 leaves no fraction bits; valid for |x| < 2^22.
        const MAGIC: f32 = 12_582_912.0;
        Self(self.0.map(|x| (x + MAGIC) - MAGIC))
    }
    #[inline(always)]
    fn exp2_integral(self) -> Self {
        Self(self.0.map(|x| f32::from_bits((((x as i32) + 127) << 23) as u32)))
    }
    #[inline(always)]
    fn where_positive(self, condition: Self) -> Self {
        self.zip(condition, |x, c| if c > 0.0 { x } else { 0.0 })
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        self.0.iter().sum()
    }
    #[inline(always)]
    fn maximum(self) -> f32 {
        self.0.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> Self {
        // SAFETY: the caller guarantees N values; the array has no alignment beyond theirs.
        Self(unsafe { from.cast::<[f32; N]>().read() })
    }
    #[inline(always)]
    unsafe fn store_ptr(self, to: *mut f32) {
        // SAFETY: as for `load_ptr`.
        unsafe { to.cast::<[f32; N]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn load_bf16(self, from: *const Bf16) -> Self {
        // SAFETY: as for `load_ptr`.
        Self(unsafe { from.cast::<[Bf16; N]>().read() }.map(Bf16::to_f32))
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut Bf16) {
        // SAFETY: as for `load_ptr`.
        unsafe { to.cast::<[Bf16; N]>().write(self.0.map(Bf16::of)) }
    }
    #[inline(always)]
    unsafe fn load_pairs<const PASS: usize>(self, from: *const Bf16) -> Self {
        // SAFETY: as for `load_ptr`, for N pairs.
        let pairs = unsafe { from.cast::<[[Bf16; 2]; N]>().read() };
        Self(pairs.map(|pair| pair[PASS].to_f32()))
    }
    #[inline(always)]
    fn splat_pair<const PASS: usize>(self, pair: [Bf16; 2]) -> Self {
        Self([pair[PASS].to_f32(); N])
    }
    #[inline(always)]
    fn add_pairs(self, x: Self, w: Self) -> Self {
        x.mul_add(w, self)
    }
    #[inline(always)]
    unsafe fn store_pairs(self, odd: Self, to: *mut Bf16) {
        let pairs: [[Bf16; 2]; N] = std::array::from_fn(|i| [Bf16::of(self.0[i]), Bf16::of(odd.0[i])]);
        // SAFETY: as for `load_ptr`, for N pairs.
        unsafe { to.cast::<[[Bf16; 2]; N]>().write(pairs) }
    }
    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        for i in 0..N {
            for j in 0..N {
                // SAFETY: the caller guarantees N rows of N values on both sides.
                unsafe { *to.add(j * to_stride + i) = *from.add(i * from_stride + j) };
            }
        }
    }
    #[inline(always)]
    fn zero_ints(self) -> [i32; N] {
        [0; N]
    }
    #[inline(always)]
    fn splat_ints(self, pair: [i16; 2]) -> [i32; N] {
        [i32::from(pair[0] as u16) | i32::from(pair[1]) << 16; N]
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const i8) -> [i32; N] {
        // SAFETY: the caller guarantees N pairs; bytes have no alignment.
        let pairs = unsafe { from.cast::<[[i8; 2]; N]>().read() };
        pairs.map(|pair| i32::from(i16::from(pair[0]) as u16) | i32::from(pair[1]) << 16)
    }
    #[inline(always)]
    unsafe fn store_ints(self, to: *mut i16) {
        let ints = self.round().0.map(|x| x as i16);
        // SAFETY: as for `load_ptr`.
        unsafe { to.cast::<[i16; N]>().write(ints) }
    }
    #[inline(always)]
    fn add_products(self, sums: [i32; N], x: [i32; N], w: [i32; N]) -> [i32; N] {
        let low = |pair: i32| i32::from(pair as i16);
        std::array::from_fn(|i| sums[i] + low(x[i]) * low(w[i]) + (x[i] >> 16) * (w[i] >> 16))
    }
    #[inline(always)]
    fn to_floats(self, sums: [i32; N]) -> Self {
        Self(sums.map(|sum| sum as f32))
    }
}
