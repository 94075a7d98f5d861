//! Number types of activations and weights, single precision and bfloat16, with vector loads and stores.

use crate::bf16::Bf16;
use crate::simd::Vector;

/// A number type that kernels load and store in vectors. Any bits are a valid value, so memory may change its type.
pub(crate) trait Element: Copy + Default + Send + Sync + 'static {
    fn of(x: f32) -> Self;
    fn to_f32(self) -> f32;

    /// Reads `LANES` values.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` values.
    unsafe fn load_ptr<V: Vector>(v: V, from: *const Self) -> V;
    /// Writes `LANES` values, rounded to this type.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` values.
    unsafe fn store_ptr<V: Vector>(value: V, to: *mut Self);

    /// The first `LANES` values of a slice.
    #[inline(always)]
    fn load<V: Vector>(v: V, from: &[Self]) -> V {
        assert!(from.len() >= V::LANES);
        // SAFETY: the slice is long enough.
        unsafe { Self::load_ptr(v, from.as_ptr()) }
    }

    /// Overwrites the first `LANES` values of a slice.
    #[inline(always)]
    fn store<V: Vector>(value: V, to: &mut [Self]) {
        assert!(to.len() >= V::LANES);
        // SAFETY: the slice is long enough.
        unsafe { Self::store_ptr(value, to.as_mut_ptr()) }
    }
}

impl Element for f32 {
    fn of(x: f32) -> Self {
        x
    }
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    unsafe fn load_ptr<V: Vector>(v: V, from: *const Self) -> V {
        // SAFETY: guaranteed by the caller.
        unsafe { v.load_ptr(from) }
    }
    #[inline(always)]
    unsafe fn store_ptr<V: Vector>(value: V, to: *mut Self) {
        // SAFETY: guaranteed by the caller.
        unsafe { value.store_ptr(to) }
    }
}

impl Element for Bf16 {
    fn of(x: f32) -> Self {
        Bf16::of(x)
    }
    fn to_f32(self) -> f32 {
        Bf16::to_f32(self)
    }
    #[inline(always)]
    unsafe fn load_ptr<V: Vector>(v: V, from: *const Self) -> V {
        // SAFETY: guaranteed by the caller.
        unsafe { v.load_bf16(from) }
    }
    #[inline(always)]
    unsafe fn store_ptr<V: Vector>(value: V, to: *mut Self) {
        // SAFETY: guaranteed by the caller.
        unsafe { value.store_bf16(to) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Isa;
    use crate::simd::{Job, Simd};

    /// One vector of numbers through every conversion: rounded and converted back, and in pairs.
    struct Convert<'a> {
        even: &'a [f32],
        odd: &'a [f32],
    }

    impl Job for Convert<'_> {
        /// Rounded evens, and the pairs in memory order.
        type Output = [Vec<f32>; 2];

        #[inline(always)]
        fn run<V: Vector>(self, v: V) -> Self::Output {
            let mut halves = vec![Bf16::default(); 2 * V::LANES];
            let mut even = vec![0.0; V::LANES];
            Element::store(v.load(self.even), &mut halves);
            <Bf16 as Element>::load(v, &halves).store(&mut even);
            // SAFETY: room for two vectors.
            unsafe { v.load(self.even).store_pairs(v.load(self.odd), halves.as_mut_ptr()) };
            [even, halves.iter().map(|x| x.to_f32()).collect()]
        }
    }

    #[test]
    fn every_instruction_set_rounds_to_the_nearest() {
        let value = |i: usize| ((i * 7919 % 1000) as f32 - 500.0) * 1.0137_f32.powi((i % 90) as i32 - 45);
        let ties = [1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, -1.0 - 1.0 / 256.0, 0.0, -0.0, f32::INFINITY];
        let all: Vec<f32> = ties.into_iter().chain((0..640).map(value)).collect();
        for isa in Isa::available() {
            let simd = Simd::new(isa).unwrap();
            for numbers in all.windows(2 * simd.lanes()).step_by(simd.lanes()) {
                let (even, odd) = numbers.split_at(simd.lanes());
                let rounded = |xs: &[f32]| xs.iter().map(|&x| Bf16::of(x).to_f32()).collect::<Vec<_>>();
                let [got_even, pairs] = simd.run(Convert { even, odd });
                assert_eq!(got_even, rounded(even), "{isa}");
                let zipped: Vec<f32> =
                    rounded(even).into_iter().zip(rounded(odd)).flat_map(|(e, o)| [e, o]).collect();
                assert_eq!(pairs, zipped, "{isa}");
            }
        }
        assert_eq!(Bf16::of(1.0 + 1.0 / 256.0).to_f32(), 1.0, "ties round to even");
        assert!(Bf16::of(f32::NAN).to_f32().is_nan());
    }

    struct Transpose<'a> {
        from: &'a [f32],
        stride: usize,
    }

    impl Job for Transpose<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<V: Vector>(self, v: V) -> Vec<f32> {
            let mut to = vec![0.0; V::LANES * V::LANES];
            // SAFETY: LANES rows of LANES values on both sides.
            unsafe { v.transpose(self.from.as_ptr(), self.stride, to.as_mut_ptr(), V::LANES) };
            to
        }
    }

    #[test]
    fn every_instruction_set_transposes_and_multiplies_bytes() {
        for isa in Isa::available() {
            let simd = Simd::new(isa).unwrap();
            let (lanes, stride) = (simd.lanes(), simd.lanes() + 3);
            let from: Vec<f32> = (0..lanes * stride).map(|i| i as f32).collect();
            let to = simd.run(Transpose { from: &from, stride });
            for (i, row) in to.chunks_exact(lanes).enumerate() {
                let column: Vec<f32> = (0..lanes).map(|j| from[j * stride + i]).collect();
                assert_eq!(row, column, "{isa}");
            }
            let bytes: Vec<i8> = (0..2 * lanes).map(|i| (i * 37 % 255) as u8 as i8).collect();
            let sums = simd.run(Bytes { bytes: &bytes, x: [-4095, 1234] });
            let expected: Vec<f32> = bytes
                .chunks_exact(2)
                .map(|w| 2.0 * (f32::from(w[0]) * -4095.0 + f32::from(w[1]) * 1234.0))
                .collect();
            assert_eq!(sums, expected, "{isa}");
            let numbers: Vec<f32> = (0..lanes).map(|i| (i as f32 - 7.0) * 4_095.5).collect();
            let ints = simd.run(Ints { numbers: &numbers });
            let expected: Vec<i16> = numbers.iter().map(|x| x.round_ties_even() as i16).collect();
            assert_eq!(ints, expected, "{isa}");
        }
    }

    struct Ints<'a> {
        numbers: &'a [f32],
    }

    impl Job for Ints<'_> {
        type Output = Vec<i16>;

        #[inline(always)]
        fn run<V: Vector>(self, v: V) -> Vec<i16> {
            let mut out = vec![0; V::LANES];
            // SAFETY: room for one value per lane.
            unsafe { v.load(self.numbers).store_ints(out.as_mut_ptr()) };
            out
        }
    }

    struct Bytes<'a> {
        bytes: &'a [i8],
        x: [i16; 2],
    }

    impl Job for Bytes<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<V: Vector>(self, v: V) -> Vec<f32> {
            let mut out = vec![0.0; V::LANES];
            // SAFETY: two bytes per lane.
            let w = unsafe { v.load_bytes(self.bytes.as_ptr()) };
            let once = v.add_products(v.zero_ints(), v.splat_ints(self.x), w);
            let twice = v.add_products(once, v.splat_ints(self.x), w);
            v.to_floats(twice).store(&mut out);
            out
        }
    }
}
