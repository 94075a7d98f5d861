//! Tiles in software against results computed by hand, and against the hardware (or its emulation) bit by bit.

use super::tiles::{Software, TILES, TileConfig, TileShape, TileUnit};

/// A shape with four-byte elements.
fn shape(rows: usize, elements: usize) -> TileShape {
    TileShape { rows, row_bytes: 4 * elements }
}

/// An `f32` that is exact in `bf16`.
fn bf16(x: f32) -> u16 {
    assert_eq!(x.to_bits() & 0xFFFF, 0, "{x} is not exact in bf16");
    (x.to_bits() >> 16) as u16
}

/// `c + a * b` for one row, one column and any number of pairs.
fn dot_product<U: TileUnit>(unit: &mut U, c: f32, pairs: &[[(f32, f32); 2]]) -> f32 {
    let k = pairs.len();
    let a: Vec<u16> = pairs.iter().flatten().map(|&(a, _)| bf16(a)).collect();
    let b: Vec<u16> = pairs.iter().flatten().map(|&(_, b)| bf16(b)).collect();
    let mut c = [c];
    let mut shapes = [shape(1, 1); TILES];
    (shapes[1], shapes[2]) = (shape(1, k), shape(k, 1));
    // SAFETY: `a` is one row of `k` pairs, `b` is `k` rows of one, and `c` is one element.
    unsafe {
        unit.configure(&TileConfig::new(shapes));
        unit.load::<0>(c.as_ptr().cast(), 0);
        unit.load::<1>(a.as_ptr().cast(), 0);
        unit.load::<2>(b.as_ptr().cast(), 4);
        unit.multiply_add::<0, 1, 2>();
        unit.store::<0>(c.as_mut_ptr().cast(), 0);
        unit.release();
    }
    c[0]
}

/// Two by two tiles of `c`, tiles 0 to 3, from tiles 4 and 5 of `a` and 6 and 7 of `b`: as in products.
struct Block<'a> {
    /// `[32, 32 * k]`, row-major.
    a: &'a [u16],
    /// `[k][2]` tiles of 16 rows of 16 pairs.
    b: &'a [u16],
    /// In units of 32.
    k: usize,
    /// `[32, 32]`.
    c: &'a mut [f32],
}

const BLOCK_CONFIG: TileConfig = TileConfig::new([TileShape { rows: 16, row_bytes: 64 }; TILES]);

impl Block<'_> {
    /// Adds `a * b` to `c`.
    #[inline(always)]
    fn add_product<U: TileUnit>(self, unit: &mut U) {
        let (row, k) = (32 * self.k, self.k);
        assert!(k > 0 && self.a.len() == 32 * row && self.b.len() == 1024 * k && self.c.len() == 1024);
        // SAFETY: checked by the assertion; `b`'s tiles are 512 values each.
        unsafe {
            let c: *mut u8 = self.c.as_mut_ptr().cast();
            let (c0, c1) = (c, c.add(16 * 128));
            unit.configure(&BLOCK_CONFIG);
            unit.load::<0>(c0, 128);
            unit.load::<1>(c0.add(64), 128);
            unit.load::<2>(c1, 128);
            unit.load::<3>(c1.add(64), 128);
            let a: *const u8 = self.a.as_ptr().cast();
            let (mut a0, mut a1) = (a, a.add(16 * 2 * row));
            let mut b: *const u8 = self.b.as_ptr().cast();
            for _ in 0..k {
                unit.load::<6>(b, 64);
                unit.load::<4>(a0, 2 * row);
                unit.load::<7>(b.add(1024), 64);
                unit.multiply_add::<0, 4, 6>();
                unit.load::<5>(a1, 2 * row);
                unit.multiply_add::<1, 4, 7>();
                unit.multiply_add::<2, 5, 6>();
                unit.multiply_add::<3, 5, 7>();
                (a0, a1, b) = (a0.wrapping_add(64), a1.wrapping_add(64), b.wrapping_add(2048));
            }
            unit.store::<0>(c0, 128);
            unit.store::<1>(c0.add(64), 128);
            unit.store::<2>(c1, 128);
            unit.store::<3>(c1.add(64), 128);
            unit.release();
        }
    }
}

/// Pseudorandom numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

#[test]
fn a_block_of_tiles_is_the_product_of_the_matrices() {
    // Small integers, whose sums are exact in any order.
    let (mut random, k) = (Random(1), 3);
    let mut integers = |n: usize| -> Vec<f32> { (0..n).map(|_| random.below(17) as f32 - 8.0).collect() };
    let (a, b, before) = (integers(32 * 32 * k), integers(32 * k * 32), integers(32 * 32));
    let mut packed = Vec::new();
    for tile in 0..2 * k {
        for r in 0..16 {
            let first_row = tile / 2 * 32 + 2 * r;
            for column in tile % 2 * 16..tile % 2 * 16 + 16 {
                packed.extend([bf16(b[first_row * 32 + column]), bf16(b[(first_row + 1) * 32 + column])]);
            }
        }
    }
    let a_bf16: Vec<u16> = a.iter().map(|&x| bf16(x)).collect();
    let mut c = before.clone();
    Block { a: &a_bf16, b: &packed, k, c: &mut c }.add_product(&mut Software::new());
    for (i, c) in c.iter().enumerate() {
        let (row, column) = (i / 32, i % 32);
        let sum: f32 = (0..32 * k).map(|k_| a[row * 32 * k + k_] * b[k_ * 32 + column]).sum();
        assert_eq!(*c, before[i] + sum, "row {row}, column {column}");
    }
}

const TWO_24: f32 = 16_777_216.0;

#[test]
fn even_and_odd_products_are_summed_separately_and_then_added_to_c() {
    let pairs = [[(4096.0, 4096.0), (1.0, 1.0)], [(1.0, 1.0), (1.0, 1.0)]];
    // Even: 2^24 + 1, which rounds to 2^24. Odd: 2. One sum of all four would be 2^24.
    assert_eq!(dot_product(&mut Software::new(), 0.0, &pairs), TWO_24 + 2.0);
    // 2^24 + 2 + 1 is a tie, which rounds to the even 2^24 + 4. Sums that started at c would give 2^24 + 2.
    assert_eq!(dot_product(&mut Software::new(), 1.0, &pairs), TWO_24 + 4.0);
}

#[test]
fn products_are_not_rounded_before_they_are_added() {
    let (two_64, two_127) = (2.0_f32.powi(64), 2.0_f32.powi(127));
    // 2^128 is not an f32, but the sum is.
    let pairs = [[(-two_127, 1.0), (0.0, 0.0)], [(two_64, two_64), (0.0, 0.0)]];
    assert_eq!(dot_product(&mut Software::new(), 0.0, &pairs), two_127);
}

#[test]
fn denormals_are_treated_as_zero() {
    let (denormal, smallest, huge) = (2.0_f32.powi(-130), f32::MIN_POSITIVE, 2.0_f32.powi(100));
    let product = |c, a, b| dot_product(&mut Software::new(), c, &[[(a, b), (0.0, 0.0)]]);
    assert_eq!(product(0.0, denormal, huge), 0.0, "in a");
    assert_eq!(product(0.0, huge, denormal), 0.0, "in b");
    assert_eq!(product(denormal, 1.0, 0.0), 0.0, "in c");
    assert_eq!(product(0.0, smallest, 0.5), 0.0, "as a product");
    assert_eq!(product(-smallest, smallest, 1.5), 0.0, "as a sum");
    assert_eq!(product(0.0, smallest, 1.0), smallest, "the smallest normal number stays");
}

#[test]
#[should_panic(expected = "before they are configured or after their release")]
fn using_tiles_in_software_after_release_panics() {
    let mut unit = Software::new();
    // SAFETY: software checks what hardware would fault on.
    unsafe {
        unit.configure(&BLOCK_CONFIG);
        unit.release();
        unit.zero::<0>();
    }
}

#[test]
#[should_panic(expected = "a row for every pair")]
fn multiplying_tiles_in_software_of_mismatched_shapes_panics() {
    let mut shapes = [shape(16, 16); TILES];
    shapes[4] = shape(16, 15);
    let mut unit = Software::new();
    // SAFETY: software checks what hardware would fault on.
    unsafe {
        unit.configure(&TileConfig::new(shapes));
        unit.multiply_add::<0, 4, 6>();
    }
}

#[test]
fn invalid_tile_shapes_are_rejected() {
    for (rows, row_bytes) in [(0, 64), (17, 64), (16, 0), (16, 62), (16, 68)] {
        let config = || TileConfig::new([TileShape { rows, row_bytes }; TILES]);
        assert!(std::panic::catch_unwind(config).is_err(), "{rows} rows of {row_bytes} bytes");
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "tiles_against_hardware.rs"]
mod against_hardware;
