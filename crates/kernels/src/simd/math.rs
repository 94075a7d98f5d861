//! Exponential, logistic and hyperbolic tangent over [`Vector`], accurate to a few units in the last place. A NaN
//! input gives NaN, so that a diverging run is detected.

use super::vector::Vector;

/// The transcendental functions of every vector.
pub(crate) trait Functions: Vector {
    /// `e^x`, clamped to the range of `f32`.
    #[inline(always)]
    fn exp(self) -> Self {
        exp(self)
    }

    /// `1 / (1 + e^-x)`.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let one = self.splat(1.0);
        one / (one + exp(self.splat(0.0) - self))
    }

    /// Hyperbolic tangent.
    #[inline(always)]
    fn tanh(self) -> Self {
        tanh(self)
    }
}

impl<V: Vector> Functions for V {}

/// `e^x` by `2^n * e^r`, `|r| <= ln(2)/2`, with a Taylor-like minimax polynomial of degree 6 (the coefficients of
/// Cephes' `expf`, Moshier 1989). Inputs beyond the range of `f32` are clamped: the result is never infinite.
#[inline(always)]
fn exp<V: Vector>(x: V) -> V {
    // ln(2) in two parts, the first with few bits, so that `x - n ln 2` is accurate.
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

/// A rational minimax approximation, odd numerator of degree 13 over even denominator of degree 6, the
/// coefficients of Eigen's `ptanh`; beyond the clamp `tanh` is 1 to within four units in the last place.
#[inline(always)]
fn tanh<V: Vector>(x: V) -> V {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Isa;
    use crate::simd::{Job, Simd};

    /// Largest error of the three functions against `f64`, relative to the value, over all of a range.
    struct Errors;

    impl Job for Errors {
        type Output = [f64; 3];

        #[inline(always)]
        fn run<V: Vector>(self, v: V) -> [f64; 3] {
            let mut worst = [0.0_f64; 3];
            for i in -40_000..=40_000 {
                let x = i as f32 * 5e-4;
                let exact = f64::from(x);
                let values = [v.splat(x).exp(), v.splat(x).sigmoid(), v.splat(x).tanh()];
                let exact_values = [exact.exp(), 1.0 / (1.0 + (-exact).exp()), exact.tanh()];
                for ((worst, got), want) in worst.iter_mut().zip(values).zip(exact_values) {
                    let error = (f64::from(got.maximum()) - want).abs();
                    *worst = worst.max(if want == 0.0 { error } else { error / want.abs() });
                }
            }
            worst
        }
    }

    /// The results of the functions for one number.
    struct Apply(f32);

    impl Job for Apply {
        type Output = [f32; 3];

        #[inline(always)]
        fn run<V: Vector>(self, v: V) -> [f32; 3] {
            let mut all = [0.0; 3];
            let mut lanes = vec![0.0; V::LANES];
            for (out, value) in
                all.iter_mut().zip([v.splat(self.0).exp(), v.splat(self.0).sigmoid(), v.splat(self.0).tanh()])
            {
                value.store(&mut lanes);
                *out = lanes[0];
            }
            all
        }
    }

    #[test]
    fn functions_are_accurate_to_a_few_units_in_the_last_place() {
        for isa in Isa::available() {
            let worst = Simd::new(isa).unwrap().run(Errors);
            assert!(worst.iter().all(|&error| error < 5e-7), "{isa}: {worst:?}");
        }
    }

    #[test]
    fn extremes_stay_finite_and_nan_is_propagated() {
        for isa in Isa::available() {
            let simd = Simd::new(isa).unwrap();
            for x in [f32::INFINITY, 1e30, 200.0] {
                assert!(simd.run(Apply(x)).iter().all(|y| y.is_finite()), "{isa} {x}");
                let ([_, sigmoid, tanh], [_, _, minus_tanh]) = (simd.run(Apply(x)), simd.run(Apply(-x)));
                let ones = [sigmoid, tanh, -minus_tanh];
                assert!(ones.iter().all(|y| (1.0 - y).abs() <= 2.0 * f32::EPSILON), "{isa} {x}: {ones:?}");
            }
            assert!(simd.run(Apply(f32::NAN)).iter().all(|y| y.is_nan()), "{isa}");
        }
    }
}
