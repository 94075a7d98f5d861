//! Exponential, logistic and hyperbolic tangent over [`Vector`], accurate to a few units in the last place. A NaN
//! goes in and comes out: a run that diverges must be seen to diverge.

use super::vector::Vector;

/// `e^x` by `2^n * e^r`, `|r| <= ln(2)/2`, with a Taylor-like minimax polynomial of degree 6 (the coefficients of
/// Cephes' `expf`, Moshier 1989). Inputs beyond what `f32` can hold are clamped: the result is never infinite.
#[inline(always)]
pub(super) fn exp<V: Vector>(x: V) -> V {
    // ln(2) in two parts, the first exact in few bits, so that `x - n ln 2` loses nothing.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.splat(-87.0).max(x.splat(88.0).min(x));
    let n = (x * x.splat(std::f32::consts::LOG2_E)).round();
    let r = n.mul_add(x.splat(-LN_2_HIGH), x);
    let r = n.mul_add(x.splat(-LN_2_LOW), r);
    let p = x.splat(1.987_569_1e-4).mul_add(r, x.splat(1.398_199_9e-3));
    let p = p.mul_add(r, x.splat(8.333_452e-3));
    let p = p.mul_add(r, x.splat(4.166_579_6e-2));
    let p = p.mul_add(r, x.splat(1.666_666_5e-1));
    let p = p.mul_add(r, x.splat(0.5));
    let p = p.mul_add(r * r, r + x.splat(1.0));
    p * n.exp2_integral()
}

#[inline(always)]
pub(super) fn sigmoid<V: Vector>(x: V) -> V {
    let one = x.splat(1.0);
    one / (one + exp(x.splat(0.0) - x))
}

/// A rational minimax approximation, odd numerator of degree 13 over even denominator of degree 6, the
/// coefficients of Eigen's `ptanh`; beyond the clamp `tanh` is 1 to within half a unit in the last place.
#[inline(always)]
pub(super) fn tanh<V: Vector>(x: V) -> V {
    const CLAMP: f32 = 7.905_311;
    let x = x.splat(-CLAMP).max(x.splat(CLAMP).min(x));
    let s = x * x;
    let p = x.splat(-2.760_768_5e-16).mul_add(s, x.splat(2.000_188e-13));
    let p = p.mul_add(s, x.splat(-8.604_672e-11));
    let p = p.mul_add(s, x.splat(5.122_297e-8));
    let p = p.mul_add(s, x.splat(1.485_722_4e-5));
    let p = p.mul_add(s, x.splat(6.372_619_3e-4));
    let p = p.mul_add(s, x.splat(4.893_524_6e-3));
    let q = x.splat(1.198_258_4e-6).mul_add(s, x.splat(1.185_347_1e-4));
    let q = q.mul_add(s, x.splat(2.268_434_6e-3));
    let q = q.mul_add(s, x.splat(4.893_525e-3));
    x * p / q
}
