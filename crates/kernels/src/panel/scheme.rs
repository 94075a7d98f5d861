//! One step of a register tile, for each number format.

use crate::bf16::Bf16;
use crate::simd::Vector;

/// The arithmetic of a register tile.
pub(super) trait Scheme: Copy {
    /// Activations.
    type A: Copy;
    /// Weights.
    type W: Copy;
    /// Values of `k` per step.
    const STEP: usize;
    /// One accumulator.
    type Sum<V: Vector>: Copy;

    fn zero<V: Vector>(v: V) -> Self::Sum<V>;

    /// `sums[R, N] += a[R, STEP] * w[STEP, N]`.
    ///
    /// # Safety
    /// `a` is valid for `R` reads of `STEP` values `row_stride` apart (`k_stride` for consecutive `k`, where a
    /// step takes one), `w` for `STEP` rows of `N` vectors.
    unsafe fn step<V: Vector, const R: usize, const N: usize>(
        v: V,
        a: *const Self::A,
        row_stride: usize,
        w: *const Self::W,
        sums: &mut [[Self::Sum<V>; N]; R],
    );

    /// An accumulator as `f32`, for row `row` and the vector of columns `column`.
    ///
    /// # Safety
    /// The scales that `self` points to are valid for that row and those columns.
    unsafe fn total<V: Vector>(self, v: V, sum: Self::Sum<V>, row: usize, column: usize) -> V;
}

/// Single precision on both sides.
#[derive(Clone, Copy)]
pub(super) struct Single;

impl Scheme for Single {
    type A = f32;
    type W = f32;
    const STEP: usize = 1;
    type Sum<V: Vector> = V;

    #[inline(always)]
    fn zero<V: Vector>(v: V) -> V {
        v.splat(0.0)
    }

    // The shorter operand stays in registers while the other is streamed.
    #[inline(always)]
    #[allow(
        clippy::needless_range_loop,
        reason = "plain loops over constants are unrolled into registers; iterators may not"
    )]
    unsafe fn step<V: Vector, const R: usize, const N: usize>(
        v: V,
        a: *const f32,
        row_stride: usize,
        w: *const f32,
        sums: &mut [[V; N]; R],
    ) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            if R < N {
                let mut x = [v; R];
                for (i, x) in x.iter_mut().enumerate() {
                    *x = v.splat(*a.add(i * row_stride));
                }
                for j in 0..N {
                    let y = v.load_ptr(w.add(j * V::LANES));
                    for i in 0..R {
                        sums[i][j] = x[i].mul_add(y, sums[i][j]);
                    }
                }
            } else {
                let mut y = [v; N];
                for (j, y) in y.iter_mut().enumerate() {
                    *y = v.load_ptr(w.add(j * V::LANES));
                }
                for i in 0..R {
                    let x = v.splat(*a.add(i * row_stride));
                    for j in 0..N {
                        sums[i][j] = x.mul_add(y[j], sums[i][j]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn total<V: Vector>(self, _: V, sum: V, _: usize, _: usize) -> V {
        sum
    }
}

/// bfloat16 on both sides, multiplied and summed in `f32`.
#[derive(Clone, Copy)]
pub(super) struct BFloat16;

impl Scheme for BFloat16 {
    type A = Bf16;
    type W = Bf16;
    const STEP: usize = 2;
    type Sum<V: Vector> = V;

    #[inline(always)]
    fn zero<V: Vector>(v: V) -> V {
        v.splat(0.0)
    }

    #[inline(always)]
    unsafe fn step<V: Vector, const R: usize, const N: usize>(
        v: V,
        a: *const Bf16,
        row_stride: usize,
        w: *const Bf16,
        sums: &mut [[V; N]; R],
    ) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            // Without pair instructions, the first value of every pair and then the second: activations of both would
            // not fit into registers.
            BFloat16::pass::<V, R, N, 0>(v, a, row_stride, w, sums);
            if V::PASSES == 2 {
                BFloat16::pass::<V, R, N, 1>(v, a, row_stride, w, sums);
            }
        }
    }

    #[inline(always)]
    unsafe fn total<V: Vector>(self, _: V, sum: V, _: usize, _: usize) -> V {
        sum
    }
}

impl BFloat16 {
    /// Adds the products of one pass over the pairs.
    ///
    /// # Safety
    /// As for [`Scheme::step`].
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "plain loops over constants are unrolled into registers")]
    unsafe fn pass<V: Vector, const R: usize, const N: usize, const PASS: usize>(
        v: V,
        a: *const Bf16,
        row_stride: usize,
        w: *const Bf16,
        sums: &mut [[V; N]; R],
    ) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let x: [V::Pairs; R] = std::array::from_fn(|i| {
                v.splat_pair::<PASS>(a.add(i * row_stride).cast::<[Bf16; 2]>().read())
            });
            for j in 0..N {
                let y = v.load_pairs::<PASS>(w.add(j * 2 * V::LANES));
                for i in 0..R {
                    sums[i][j] = sums[i][j].add_pairs(x[i], y);
                }
            }
        }
    }
}

/// Activations of 16 bits and weights of 8 bits, summed in integers.
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    /// One scale per row of activations.
    pub(super) rows: *const f32,
    /// One scale per column of weights.
    pub(super) columns: *const f32,
}

impl Scheme for Bytes {
    type A = i16;
    type W = i8;
    const STEP: usize = 2;
    type Sum<V: Vector> = V::Ints;

    #[inline(always)]
    fn zero<V: Vector>(v: V) -> V::Ints {
        v.zero_ints()
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "plain loops over constants are unrolled into registers")]
    unsafe fn step<V: Vector, const R: usize, const N: usize>(
        v: V,
        a: *const i16,
        row_stride: usize,
        w: *const i8,
        sums: &mut [[V::Ints; N]; R],
    ) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let mut x = [v.zero_ints(); R];
            for (i, x) in x.iter_mut().enumerate() {
                *x = v.splat_ints(a.add(i * row_stride).cast::<[i16; 2]>().read());
            }
            for j in 0..N {
                let y = v.load_bytes(w.add(j * 2 * V::LANES));
                for i in 0..R {
                    sums[i][j] = v.add_products(sums[i][j], x[i], y);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn total<V: Vector>(self, v: V, sum: V::Ints, row: usize, column: usize) -> V {
        // SAFETY: guaranteed by the caller.
        unsafe {
            v.to_floats(sum)
                * (v.splat(*self.rows.add(row)) * v.load_ptr(self.columns.add(column * V::LANES)))
        }
    }
}
