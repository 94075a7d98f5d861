//! AVX2 with fused multiply-add: 8 lanes, 16 registers.

use super::vector::{Job, Vector};
use crate::bf16::Bf16;
use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Sub};

/// Compiles a job for AVX2 and FMA.
///
/// # Safety
/// The processor has both.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run<J: Job>(job: J) -> J::Output {
    job.run(Avx2(_mm256_setzero_ps()))
}

/// Only [`run`] creates the first value, so every value proves that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

macro_rules! operator {
    ($trait:ident, $method:ident, $intrinsic:ident) => {
        impl $trait for Avx2 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: a value proves the feature.
                Self(unsafe { $intrinsic(self.0, other.0) })
            }
        }
    };
}
operator!(Add, add, _mm256_add_ps);
operator!(Sub, sub, _mm256_sub_ps);
operator!(Mul, mul, _mm256_mul_ps);
operator!(Div, div, _mm256_div_ps);

// SAFETY of every block below: a value proves the features; pointers are guaranteed by the caller.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Vector for Avx2 {
    const LANES: usize = 8;
    const TILE_ROWS: [usize; 5] = [0, 6, 6, 4, 3];
    type Ints = __m256i;
    const PASSES: usize = 2;
    type Pairs = Self;

    #[inline(always)]
    fn splat(self, x: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, a.0, b.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
    }
    #[inline(always)]
    fn exp2_integral(self) -> Self {
        unsafe {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(self.0), _mm256_set1_epi32(127));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased)))
        }
    }
    #[inline(always)]
    fn where_positive(self, condition: Self) -> Self {
        unsafe {
            let mask = _mm256_cmp_ps::<_CMP_GT_OQ>(condition.0, _mm256_setzero_ps());
            Self(_mm256_and_ps(self.0, mask))
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
        }
    }
    #[inline(always)]
    fn maximum(self) -> f32 {
        unsafe {
            let half = _mm_max_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
        }
    }
    #[inline(always)]
    unsafe fn load_ptr(self, from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store_ptr(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn load_bf16(self, from: *const Bf16) -> Self {
        unsafe {
            let halves = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(halves)))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut Bf16) {
        unsafe {
            let upper = _mm256_srli_epi32::<16>(self.rounded());
            let packed = _mm256_packus_epi32(upper, upper);
            let packed = _mm256_permute4x64_epi64::<0b00_00_10_00>(packed);
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(packed));
        }
    }
    #[inline(always)]
    unsafe fn load_pairs<const PASS: usize>(self, from: *const Bf16) -> Self {
        unsafe { self.one_of_pairs::<PASS>(_mm256_loadu_si256(from.cast())) }
    }
    #[inline(always)]
    fn splat_pair<const PASS: usize>(self, pair: [Bf16; 2]) -> Self {
        unsafe {
            self.one_of_pairs::<PASS>(_mm256_set1_epi32(i32::from(pair[0].0) | i32::from(pair[1].0) << 16))
        }
    }
    #[inline(always)]
    fn add_pairs(self, x: Self, w: Self) -> Self {
        x.mul_add(w, self)
    }
    #[inline(always)]
    unsafe fn store_pairs(self, odd: Self, to: *mut Bf16) {
        unsafe {
            let even = _mm256_srli_epi32::<16>(self.rounded());
            let odd = _mm256_and_si256(odd.rounded(), _mm256_set1_epi32(!0xffff));
            _mm256_storeu_si256(to.cast(), _mm256_or_si256(even, odd));
        }
    }
    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        unsafe {
            // Pairs, then quadruples of rows within each half; then the halves.
            let mut r = [self.0; 8];
            for (i, r) in r.iter_mut().enumerate() {
                *r = _mm256_loadu_ps(from.add(i * from_stride));
            }
            let mut q = [self.0; 8];
            for i in [0, 4] {
                let (a, b) = (_mm256_unpacklo_ps(r[i], r[i + 1]), _mm256_unpackhi_ps(r[i], r[i + 1]));
                let (c, d) = (_mm256_unpacklo_ps(r[i + 2], r[i + 3]), _mm256_unpackhi_ps(r[i + 2], r[i + 3]));
                q[i] = _mm256_shuffle_ps::<0b01_00_01_00>(a, c);
                q[i + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(a, c);
                q[i + 2] = _mm256_shuffle_ps::<0b01_00_01_00>(b, d);
                q[i + 3] = _mm256_shuffle_ps::<0b11_10_11_10>(b, d);
            }
            for i in 0..4 {
                let (low, high) = (q[i], q[i + 4]);
                _mm256_storeu_ps(to.add(i * to_stride), _mm256_permute2f128_ps::<0x20>(low, high));
                _mm256_storeu_ps(to.add((i + 4) * to_stride), _mm256_permute2f128_ps::<0x31>(low, high));
            }
        }
    }
    #[inline(always)]
    fn zero_ints(self) -> __m256i {
        unsafe { _mm256_setzero_si256() }
    }
    #[inline(always)]
    fn splat_ints(self, pair: [i16; 2]) -> __m256i {
        unsafe { _mm256_set1_epi32(i32::from(pair[0] as u16) | i32::from(pair[1]) << 16) }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const i8) -> __m256i {
        unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(from.cast())) }
    }
    #[inline(always)]
    unsafe fn store_ints(self, to: *mut i16) {
        unsafe {
            let ints = _mm256_cvtps_epi32(self.0);
            let packed = _mm256_packs_epi32(ints, ints);
            let packed = _mm256_permute4x64_epi64::<0b00_00_10_00>(packed);
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(packed));
        }
    }
    #[inline(always)]
    fn add_products(self, sums: __m256i, x: __m256i, w: __m256i) -> __m256i {
        unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(x, w)) }
    }
    #[inline(always)]
    fn to_floats(self, sums: __m256i) -> Self {
        Self(unsafe { _mm256_cvtepi32_ps(sums) })
    }
}

impl Avx2 {
    /// The first value of each pair of bfloat16 as `f32`, or the second.
    #[inline(always)]
    fn one_of_pairs<const SECOND: usize>(self, pairs: __m256i) -> Self {
        // SAFETY: a value proves the features.
        unsafe {
            Self(_mm256_castsi256_ps(match SECOND {
                0 => _mm256_slli_epi32::<16>(pairs),
                _ => _mm256_and_si256(pairs, _mm256_set1_epi32(!0xffff)),
            }))
        }
    }

    /// The bits, rounded to bfloat16 (nearest, ties to even) in the upper halves. A NaN produced by arithmetic stays
    /// NaN.
    #[inline(always)]
    fn rounded(self) -> __m256i {
        // SAFETY: a value proves the features.
        unsafe {
            let bits = _mm256_castps_si256(self.0);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd)
        }
    }
}
