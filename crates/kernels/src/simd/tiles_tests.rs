//! The tiles in software against arithmetic done by hand, and against the hardware (or its emulation) bit by bit.

use super::tiles::{Software, TILES, TileConfig, TileShape, TileUnit};

/// Four bytes an element.
fn shape(rows: usize, elements: usize) -> TileShape {
    TileShape { rows, row_bytes: 4 * elements }
}

/// An `f32` that `bf16` can hold.
fn bf16(x: f32) -> u16 {
    assert_eq!(x.to_bits() & 0xFFFF, 0, "{x} is no bf16");
    (x.to_bits() >> 16) as u16
}

/// `c + a * b` for one row, one column and as many pairs as there are.
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

/// Two by two tiles of `c`, at tiles 0 to 3, from tiles 4 and 5 of `a` and 6 and 7 of `b`: how products are made.
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
        // SAFETY: the assertion; `b`'s tiles are 512 values each.
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

/// Numbers that look random (splitmix64).
struct Draws(u64);

impl Draws {
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
    let (mut draws, k) = (Draws(1), 3);
    let mut integers = |n: usize| -> Vec<f32> { (0..n).map(|_| draws.below(17) as f32 - 8.0).collect() };
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
fn even_and_odd_products_are_summed_apart_and_then_added_to_c() {
    let pairs = [[(4096.0, 4096.0), (1.0, 1.0)], [(1.0, 1.0), (1.0, 1.0)]];
    // Even: 2^24 + 1, which rounds to 2^24. Odd: 2. One sum of all four would be 2^24.
    assert_eq!(dot_product(&mut Software::new(), 0.0, &pairs), TWO_24 + 2.0);
    // 2^24 + 2 + 1 is a tie, of which 2^24 + 4 is the even side. Sums that began at c would come to 2^24 + 2.
    assert_eq!(dot_product(&mut Software::new(), 1.0, &pairs), TWO_24 + 4.0);
}

#[test]
fn products_are_not_rounded_before_they_are_added() {
    let (two_64, two_127) = (2.0_f32.powi(64), 2.0_f32.powi(127));
    // 2^128 is no f32, but the sum is.
    let pairs = [[(-two_127, 1.0), (0.0, 0.0)], [(two_64, two_64), (0.0, 0.0)]];
    assert_eq!(dot_product(&mut Software::new(), 0.0, &pairs), two_127);
}

#[test]
fn denormals_count_as_zero() {
    let (denormal, least, huge) = (2.0_f32.powi(-130), f32::MIN_POSITIVE, 2.0_f32.powi(100));
    let product = |c, a, b| dot_product(&mut Software::new(), c, &[[(a, b), (0.0, 0.0)]]);
    assert_eq!(product(0.0, denormal, huge), 0.0, "in a");
    assert_eq!(product(0.0, huge, denormal), 0.0, "in b");
    assert_eq!(product(denormal, 1.0, 0.0), 0.0, "in c");
    assert_eq!(product(0.0, least, 0.5), 0.0, "as a product");
    assert_eq!(product(-least, least, 1.5), 0.0, "as a sum");
    assert_eq!(product(0.0, least, 1.0), least, "the least normal number stays");
}

#[test]
#[should_panic(expected = "before they are configured or after their release")]
fn tiles_in_software_cannot_be_used_after_their_release() {
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
fn tiles_in_software_of_shapes_that_do_not_fit_cannot_be_multiplied() {
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
fn shapes_that_no_tile_can_have_are_refused() {
    for (rows, row_bytes) in [(0, 64), (17, 64), (16, 0), (16, 62), (16, 68)] {
        let config = || TileConfig::new([TileShape { rows, row_bytes }; TILES]);
        assert!(std::panic::catch_unwind(config).is_err(), "{rows} rows of {row_bytes} bytes");
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod against_hardware {
    use super::super::tile_emulator::hardware;
    use super::*;
    use std::arch::asm;

    /// Which numbers are drawn.
    #[derive(Clone, Copy)]
    enum Range {
        /// Close enough to one that many of them leave their trace in a sum.
        Moderate,
        /// One in four with an exponent at or towards the edges: zeros, denormals, the least and greatest numbers.
        Finite,
        /// Infinities and NaN as well.
        All,
    }

    fn draw_bf16(draws: &mut Draws, range: Range) -> u16 {
        let draw = draws.next();
        let exponent = match (draw >> 32 & 31, range) {
            (0 | 1, Range::Finite | Range::All) => 0,
            (2, Range::Finite | Range::All) => 1,
            (3, Range::Finite | Range::All) => 254,
            (4, Range::All) => 255,
            (5..8, Range::Finite | Range::All) => 64 + (draw >> 40 & 63),
            _ => 127 - 8 + (draw >> 40 & 15),
        };
        let sign_and_mantissa = draw & 0x807F;
        (sign_and_mantissa | exponent << 7) as u16
    }

    /// Rows of random elements, a random stride apart, amid bytes that nothing may touch.
    struct Rows {
        bytes: Vec<u8>,
        offset: usize,
        stride: usize,
    }

    impl Rows {
        fn new(draws: &mut Draws, shape: TileShape, element: impl Fn(&mut Draws) -> [u8; 4]) -> Self {
            let (offset, stride) = (draws.below(70), shape.row_bytes + draws.below(70));
            let mut bytes = vec![0xA5; offset + shape.rows * stride + 70];
            for r in 0..shape.rows {
                for quad in bytes[offset + r * stride..][..shape.row_bytes].chunks_exact_mut(4) {
                    quad.copy_from_slice(&element(draws));
                }
            }
            Self { bytes, offset, stride }
        }

        fn pairs(draws: &mut Draws, shape: TileShape, range: Range) -> Self {
            Self::new(draws, shape, |draws| {
                let pair = [draw_bf16(draws, range), draw_bf16(draws, range)].map(u16::to_ne_bytes);
                pair.concat().try_into().unwrap()
            })
        }

        fn floats(draws: &mut Draws, shape: TileShape, range: Range) -> Self {
            Self::new(draws, shape, |draws| {
                let (high, low) = (draw_bf16(draws, range), draws.next() as u16);
                (u32::from(high) << 16 | u32::from(low)).to_ne_bytes()
            })
        }

        fn start(&self) -> *const u8 {
            self.bytes[self.offset..].as_ptr()
        }

        fn start_mut(&mut self) -> *mut u8 {
            self.bytes[self.offset..].as_mut_ptr()
        }

        /// All bytes, those around the rows too, with one NaN in place of any: which one is nobody's business.
        fn canonical(&self, shape: TileShape) -> Vec<u8> {
            let mut bytes = self.bytes.clone();
            for r in 0..shape.rows {
                for quad in bytes[self.offset + r * self.stride..][..shape.row_bytes].chunks_exact_mut(4) {
                    if f32::from_ne_bytes((&*quad).try_into().unwrap()).is_nan() {
                        quad.copy_from_slice(&f32::NAN.to_ne_bytes());
                    }
                }
            }
            bytes
        }
    }

    /// What lies at `c` after `c += a * b`, twice.
    fn product<U: TileUnit>(unit: &mut U, shapes: [TileShape; 3], c: &Rows, a: &Rows, b: &Rows) -> Rows {
        let mut all = [shapes[0]; TILES];
        (all[5], all[2]) = (shapes[1], shapes[2]);
        let mut out = Rows { bytes: c.bytes.clone(), ..*c };
        // SAFETY: the rows were made for these shapes.
        unsafe {
            unit.configure(&TileConfig::new(all));
            unit.load::<7>(out.start(), out.stride);
            unit.load::<5>(a.start(), a.stride);
            unit.load::<2>(b.start(), b.stride);
            unit.multiply_add::<7, 5, 2>();
            unit.multiply_add::<7, 5, 2>();
            unit.store::<7>(out.start_mut(), out.stride);
            unit.release();
        }
        out
    }

    /// Multiplies in hardware and in software, and returns whether anything came of it.
    fn compare_products(draws: &mut Draws, [rows, columns, pairs]: [usize; 3], range: Range) -> bool {
        let shapes = [shape(rows, columns), shape(rows, pairs), shape(pairs, columns)];
        let c = Rows::floats(draws, shapes[0], range);
        let a = Rows::pairs(draws, shapes[1], range);
        let b = Rows::pairs(draws, shapes[2], range);
        let in_hardware = product(&mut hardware(), shapes, &c, &a, &b).canonical(shapes[0]);
        let in_software = product(&mut Software::new(), shapes, &c, &a, &b).canonical(shapes[0]);
        assert!(in_hardware == in_software, "{rows} rows, {columns} columns, {pairs} pairs");
        in_software != c.bytes
    }

    #[test]
    fn products_of_all_shapes_have_the_same_bits() {
        let (mut draws, mut changed) = (Draws(2), 0);
        for rows in 1..=16 {
            for columns in 1..=16 {
                for pairs in 1..=16 {
                    for range in [Range::Moderate, Range::Finite, Range::All] {
                        changed += usize::from(compare_products(&mut draws, [rows, columns, pairs], range));
                    }
                }
            }
        }
        // Small products may be lost beside a great number.
        assert!(changed > 3 * 4096 * 9 / 10, "{changed} products changed anything");
    }

    #[test]
    fn every_tile_is_loaded_zeroed_and_stored_by_its_number() {
        fn tour<U: TileUnit>(unit: &mut U) -> Vec<u8> {
            let shapes = std::array::from_fn(|t| shape(16 - 2 * t, 2 * t + 1));
            let from: Vec<u8> = (0..16 * 64 + 8).map(|i| (i * 7 % 251) as u8).collect();
            let mut to = vec![0xEE; 16 * 67 * 8];
            // SAFETY: no tile has more than 16 rows of 64 bytes, and strides are 64 and 67.
            unsafe {
                unit.configure(&TileConfig::new(shapes));
                macro_rules! each_tile {
                    ($($t:literal)*) => {
                        $(unit.load::<$t>(from[$t..].as_ptr(), 64);)*
                        unit.zero::<3>();
                        $(unit.store::<$t>(to[$t * 16 * 67..].as_mut_ptr(), 67);)*
                        // Zero again after a second configuration.
                        unit.configure(&TileConfig::new(shapes));
                        unit.store::<6>(to[6 * 16 * 67..].as_mut_ptr(), 67);
                    };
                }
                each_tile!(0 1 2 3 4 5 6 7);
                unit.release();
            }
            to
        }
        let in_software = tour(&mut Software::new());
        assert_eq!(tour(&mut hardware()), in_software);
        let row_starts = |t: usize| [0, 1].map(|r| in_software[(t * 16 + r) * 67]);
        assert_eq!(row_starts(3), [0, 0]);
        assert_eq!(row_starts(6), [0, 0]);
        assert_eq!(row_starts(5), [35, (69 * 7 % 251) as u8]);
    }

    /// Not inlined, so that its machine code can be looked at.
    #[inline(never)]
    fn add_block_in_hardware(block: Block<'_>) {
        block.add_product(&mut hardware());
    }

    #[test]
    fn blocks_of_tiles_have_the_same_bits() {
        let mut draws = Draws(4);
        for (k, range) in (1..=20).flat_map(|k| [(k, Range::Moderate), (k, Range::Finite)]) {
            let mut numbers =
                |n: usize| -> Vec<u16> { (0..n).map(|_| draw_bf16(&mut draws, range)).collect() };
            let (a, b) = (numbers(32 * 32 * k), numbers(32 * 32 * k));
            let before: Vec<f32> =
                numbers(1024).iter().map(|&x| f32::from_bits(u32::from(x) << 16)).collect();
            let (mut in_hardware, mut in_software) = (before.clone(), before);
            add_block_in_hardware(Block { a: &a, b: &b, k, c: &mut in_hardware });
            Block { a: &a, b: &b, k, c: &mut in_software }.add_product(&mut Software::new());
            let bits = |c: Vec<f32>| -> Vec<u32> {
                c.iter().map(|x| if x.is_nan() { f32::NAN } else { *x }.to_bits()).collect()
            };
            assert_eq!(bits(in_hardware), bits(in_software), "k = {k} times 32");
        }
    }

    #[test]
    fn each_thread_has_tiles_of_its_own() {
        let barrier = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for i in 0..4_u8 {
                let barrier = &barrier;
                scope.spawn(move || {
                    let (from, mut to) = ([i; 1024], [0xFF; 1024]);
                    let mut unit = hardware();
                    // SAFETY: 16 rows of 64 bytes; nothing else here uses tiles.
                    unsafe {
                        unit.configure(&BLOCK_CONFIG);
                        unit.load::<0>(from.as_ptr(), 64);
                        barrier.wait();
                        unit.store::<0>(to.as_mut_ptr(), 64);
                        unit.release();
                    }
                    assert_eq!(to, from);
                });
            }
        });
    }

    static STATIC_CONFIG: TileConfig = BLOCK_CONFIG;

    /// Every form of address: bases and indices among the old and the new registers, all scales, displacements of
    /// one byte and of four, no index at all, relative to the instruction, and the variants of the instructions that
    /// `Hardware` does not use. One block each, so that nothing depends on what the compiler chooses.
    #[test]
    fn all_forms_of_addresses_reach_the_same_rows() {
        let _ = hardware();
        let memory: Vec<u8> = (0..20_000_u32).map(|i| (i * i / 5 + i * 13) as u8).collect();
        let expected = |at: usize, stride: usize| -> Vec<u8> {
            (0..16).flat_map(|r| memory[at + r * stride..][..64].to_vec()).collect()
        };
        macro_rules! load {
            ($load:literal, $address:literal, $base:tt, $displacement:expr, $stride:expr $(, $index:tt, $scale:literal)?) => {{
                let mut to = [0_u8; 1024];
                // SAFETY: the rows lie within `memory`, and the tile fits `to`.
                unsafe {
                    asm!(
                        "ldtilecfg [rip + {config}]",
                        concat!($load, " tmm1, ", $address),
                        "tilestored [{to} + {row}], tmm1",
                        "tilerelease",
                        config = sym STATIC_CONFIG,
                        to = in(reg) to.as_mut_ptr(),
                        row = in(reg) 64_usize,
                        in($base) memory.as_ptr().wrapping_add(1000).wrapping_offset(-$displacement),
                        $(in($index) $stride / $scale,)?
                        out("tmm1") _,
                        options(nostack),
                    );
                }
                assert!(to[..] == expected(1000, $stride), concat!($load, " ", $address));
            }};
        }
        load!("tileloadd", "[rax + rcx]", "rax", 0, 64_usize, "rcx", 1);
        load!("tileloadd", "[rsi + rdi*2]", "rsi", 0, 66_usize, "rdi", 2);
        load!("tileloadd", "[rdi + rdx*4 - 128]", "rdi", -128, 100_usize, "rdx", 4);
        load!("tileloadd", "[r8 + r9*8 + 127]", "r8", 127, 800_usize, "r9", 8);
        load!("tileloadd", "[r13 + r12]", "r13", 0, 65_usize, "r12", 1);
        load!("tileloadd", "[r12 + r13*2 + 128]", "r12", 128, 130_usize, "r13", 2);
        load!("tileloaddt1", "[r15 + r14*4 - 70000]", "r15", -70_000, 404_usize, "r14", 4);
        load!("tileloaddt1", "[rdx + r11 + 8]", "rdx", 8, 71_usize, "r11", 1);
        load!("tileloaddt1", "[r10 + rax*8 + 70000]", "r10", 70_000, 808_usize, "rax", 8);
        load!("tileloadd", "[rax]", "rax", 0, 0_usize);
        load!("tileloadd", "[r12 + 64]", "r12", 64, 0_usize);
        load!("tileloadd", "[r13 - 300]", "r13", -300, 0_usize);

        let (mut frame, mut framed, mut config) = ([0_u8; 1024], [0_u8; 1024], [1_u8; 64]);
        // SAFETY: rbp is given back, all rows lie within the arrays, and configurations have 64 bytes.
        unsafe {
            asm!(
                "ldtilecfg [r8 + 2*r9 + 16]",
                "push rbp",
                "mov rbp, rsi",
                "tileloadd tmm2, [rbp + rcx]",
                "tilestored [r11 + rcx], tmm2",
                "sub rsp, 1024",
                "tilestored [rsp + rcx], tmm2",
                "tileloadd tmm3, [rsp + rcx]",
                "add rsp, 1024",
                "tilestored [rdx + rcx], tmm3",
                "pop rbp",
                "sttilecfg [r10 + 4]",
                "tilerelease",
                in("r8") std::ptr::from_ref(&STATIC_CONFIG).cast::<u8>().wrapping_sub(30),
                in("r9") 7_usize,
                in("r10") config.as_mut_ptr().wrapping_sub(4),
                in("r11") frame.as_mut_ptr(),
                in("rsi") memory.as_ptr().wrapping_add(1000),
                in("rcx") 64_usize,
                in("rdx") framed.as_mut_ptr(),
                out("tmm2") _,
                out("tmm3") _,
            );
        }
        assert!(frame[..] == expected(1000, 64), "based on rbp");
        assert!(framed[..] == expected(1000, 64), "based on rsp");
        // SAFETY: plain bytes without padding.
        let bytes = unsafe { std::mem::transmute::<TileConfig, [u8; 64]>(BLOCK_CONFIG) };
        assert_eq!(config, bytes);
    }

    #[test]
    fn other_illegal_instructions_still_end_the_process() {
        use std::os::unix::process::ExitStatusExt;
        const VARIABLE: &str = "REFRAIN_TEST_ILLEGAL_INSTRUCTION";
        if std::env::var_os(VARIABLE).is_some() {
            let _ = hardware();
            // SAFETY: ends the process, and leaves no core file behind.
            unsafe {
                libc::prctl(libc::PR_SET_DUMPABLE, 0);
                asm!("ud2");
            }
        }
        let path = concat!(module_path!(), "::other_illegal_instructions_still_end_the_process");
        let (_, name) = path.split_once("::").expect("a module of a crate");
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(VARIABLE, "1")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(libc::SIGILL));
    }
}
