//! AVX-512: 16 lanes, 32 registers.

use super::vector::{Job, Vector};
use crate::bf16::Bf16;
use std::arch::x86_64::*;
use std::mem::transmute;
use std::ops::{Add, Div, Mul, Sub};

/// Compiles a job for AVX-512 (F, DQ, BW, VL: every relevant processor has all four).
///
/// # Safety
/// The processor has them.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
pub(super) unsafe fn run<J: Job>(job: J) -> J::Output {
    job.run(Avx512::<false>(_mm512_setzero_ps()))
}

/// Compiles a job for AVX-512 with the instructions that multiply and accumulate pairs, of bfloat16 and of integers.
///
/// # Safety
/// The processor has them, and the features of [`run`].
#[target_feature(enable = "avx512bf16,avx512vnni,avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
pub(super) unsafe fn run_with_dots<J: Job>(job: J) -> J::Output {
    job.run(Avx512::<true>(_mm512_setzero_ps()))
}

/// Only [`run`] and [`run_with_dots`] create the first value, so every value proves that the processor has AVX-512,
/// and with `DOTS` the dot products of pairs.
#[derive(Clone, Copy)]
pub(super) struct Avx512<const DOTS: bool>(__m512);

macro_rules! operator {
    ($trait:ident, $method:ident, $intrinsic:ident) => {
        impl<const DOTS: bool> $trait for Avx512<DOTS> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: a value proves the feature.
                Self(unsafe { $intrinsic(self.0, other.0) })
            }
        }
    };
}
operator!(Add, add, _mm512_add_ps);
operator!(Sub, sub, _mm512_sub_ps);
operator!(Mul, mul, _mm512_mul_ps);
operator!(Div, div, _mm512_div_ps);

// SAFETY of every block below: a value proves the features; pointers are guaranteed by the caller.
#[allow(clippy::undocumented_unsafe_blocks)]
impl<const DOTS: bool> Vector for Avx512<DOTS> {
    const LANES: usize = 16;
    const TILE_ROWS: [usize; 5] = [0, 6, 6, 8, 6];
    type Ints = __m512i;
    const PASSES: usize = if DOTS { 1 } else { 2 };
    type Pairs = __m512i;

    #[inline(always)]
    fn splat(self, x: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, a.0, b.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
    }
    #[inline(always)]
    fn exp2_integral(self) -> Self {
        unsafe {
            let biased = _mm512_add_epi32(_mm512_cvtps_epi32(self.0), _mm512_set1_epi32(127));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased)))
        }
    }
    #[inline(always)]
    fn where_positive(self, condition: Self) -> Self {
        unsafe {
            let mask = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(condition.0, _mm512_setzero_ps());
            Self(_mm512_maskz_mov_ps(mask, self.0))
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
    #[inline(always)]
    fn maximum(self) -> f32 {
        unsafe { _mm512_reduce_max_ps(self.0) }
    }
    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store_ptr(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn load_bf16(self, from: *const Bf16) -> Self {
        unsafe {
            let halves = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(halves)))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut Bf16) {
        unsafe {
            let upper = _mm512_srli_epi32::<16>(self.rounded());
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(upper));
        }
    }
    #[inline(always)]
    unsafe fn load_pairs<const PASS: usize>(self, from: *const Bf16) -> __m512i {
        unsafe { self.of_pairs::<PASS>(_mm512_loadu_si512(from.cast())) }
    }
    #[inline(always)]
    fn splat_pair<const PASS: usize>(self, pair: [Bf16; 2]) -> __m512i {
        unsafe { self.of_pairs::<PASS>(_mm512_set1_epi32(i32::from(pair[0].0) | i32::from(pair[1].0) << 16)) }
    }
    #[inline(always)]
    fn add_pairs(self, x: __m512i, w: __m512i) -> Self {
        unsafe {
            Self(match DOTS {
                true => _mm512_dpbf16_ps(
                    self.0,
                    transmute::<__m512i, __m512bh>(x),
                    transmute::<__m512i, __m512bh>(w),
                ),
                false => _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(w), self.0),
            })
        }
    }
    #[inline(always)]
    unsafe fn store_pairs(self, odd: Self, to: *mut Bf16) {
        unsafe {
            let even = _mm512_srli_epi32::<16>(self.rounded());
            let odd = _mm512_and_si512(odd.rounded(), _mm512_set1_epi32(!0xffff));
            _mm512_storeu_si512(to.cast(), _mm512_or_si512(even, odd));
        }
    }
    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        unsafe {
            // Pairs, then quadruples of rows within each quarter; then the quarters.
            let mut r = [self.0; 16];
            for (i, r) in r.iter_mut().enumerate() {
                *r = _mm512_loadu_ps(from.add(i * from_stride));
            }
            let mut q = [self.0; 16];
            for i in [0, 4, 8, 12] {
                let (a, b) = (_mm512_unpacklo_ps(r[i], r[i + 1]), _mm512_unpackhi_ps(r[i], r[i + 1]));
                let (c, d) = (_mm512_unpacklo_ps(r[i + 2], r[i + 3]), _mm512_unpackhi_ps(r[i + 2], r[i + 3]));
                q[i] = _mm512_shuffle_ps::<0b01_00_01_00>(a, c);
                q[i + 1] = _mm512_shuffle_ps::<0b11_10_11_10>(a, c);
                q[i + 2] = _mm512_shuffle_ps::<0b01_00_01_00>(b, d);
                q[i + 3] = _mm512_shuffle_ps::<0b11_10_11_10>(b, d);
            }
            for i in 0..4 {
                // Quarters 0 and 2, 1 and 3 of the four rows of quarters.
                let (a, b) = (
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(q[i], q[i + 4]),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(q[i], q[i + 4]),
                );
                let (c, d) = (
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(q[i + 8], q[i + 12]),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(q[i + 8], q[i + 12]),
                );
                let row = |n: usize| to.add(n * to_stride);
                _mm512_storeu_ps(row(i), _mm512_shuffle_f32x4::<0b10_00_10_00>(a, c));
                _mm512_storeu_ps(row(i + 4), _mm512_shuffle_f32x4::<0b10_00_10_00>(b, d));
                _mm512_storeu_ps(row(i + 8), _mm512_shuffle_f32x4::<0b11_01_11_01>(a, c));
                _mm512_storeu_ps(row(i + 12), _mm512_shuffle_f32x4::<0b11_01_11_01>(b, d));
            }
        }
    }
    #[inline(always)]
    fn zero_ints(self) -> __m512i {
        unsafe { _mm512_setzero_si512() }
    }
    #[inline(always)]
    fn splat_ints(self, pair: [i16; 2]) -> __m512i {
        unsafe { _mm512_set1_epi32(i32::from(pair[0] as u16) | i32::from(pair[1]) << 16) }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const i8) -> __m512i {
        unsafe { _mm512_cvtepi8_epi16(_mm256_loadu_si256(from.cast())) }
    }
    #[inline(always)]
    unsafe fn store_ints(self, to: *mut i16) {
        unsafe { _mm256_storeu_si256(to.cast(), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(self.0))) }
    }
    #[inline(always)]
    fn add_products(self, sums: __m512i, x: __m512i, w: __m512i) -> __m512i {
        unsafe {
            match DOTS {
                true => _mm512_dpwssd_epi32(sums, x, w),
                false => _mm512_add_epi32(sums, _mm512_madd_epi16(x, w)),
            }
        }
    }
    #[inline(always)]
    fn to_floats(self, sums: __m512i) -> Self {
        Self(unsafe { _mm512_cvtepi32_ps(sums) })
    }
}

impl<const DOTS: bool> Avx512<DOTS> {
    /// The operand of one pass over pairs of bfloat16: the pairs, or one value of each as `f32`.
    #[inline(always)]
    fn of_pairs<const PASS: usize>(self, pairs: __m512i) -> __m512i {
        // SAFETY: a value proves the features.
        unsafe {
            match PASS {
                _ if DOTS => pairs,
                0 => _mm512_slli_epi32::<16>(pairs),
                _ => _mm512_and_si512(pairs, _mm512_set1_epi32(!0xffff)),
            }
        }
    }

    /// The bits, rounded to bfloat16 (nearest, ties to even) in the upper halves. A NaN produced by arithmetic stays
    /// NaN.
    #[inline(always)]
    fn rounded(self) -> __m512i {
        // SAFETY: a value proves the features.
        unsafe {
            let bits = _mm512_castps_si512(self.0);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd)
        }
    }
}
