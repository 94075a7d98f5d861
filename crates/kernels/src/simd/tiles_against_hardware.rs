//! Tile instructions of the processor, or of the emulator if it has none, against tiles in software, bit by bit.

use super::super::tile_emulator::hardware;
use super::*;
use std::arch::asm;

/// The range of random numbers.
#[derive(Clone, Copy)]
enum Range {
    /// Close enough to one that many of them affect a sum.
    Moderate,
    /// One in four with an exponent at or near the limits: zeros, denormals, the smallest and largest numbers.
    Finite,
    /// Includes infinities and NaN.
    All,
}

fn draw_bf16(random: &mut Random, range: Range) -> u16 {
    let draw = random.next();
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

/// Rows of random elements at a random stride, surrounded by bytes that must not change.
struct Rows {
    bytes: Vec<u8>,
    offset: usize,
    stride: usize,
}

impl Rows {
    fn new(random: &mut Random, shape: TileShape, element: impl Fn(&mut Random) -> [u8; 4]) -> Self {
        let (offset, stride) = (random.below(70), shape.row_bytes + random.below(70));
        let mut bytes = vec![0xA5; offset + shape.rows * stride + 70];
        for r in 0..shape.rows {
            for quad in bytes[offset + r * stride..][..shape.row_bytes].chunks_exact_mut(4) {
                quad.copy_from_slice(&element(random));
            }
        }
        Self { bytes, offset, stride }
    }

    fn pairs(random: &mut Random, shape: TileShape, range: Range) -> Self {
        Self::new(random, shape, |random| {
            let pair = [draw_bf16(random, range), draw_bf16(random, range)].map(u16::to_ne_bytes);
            pair.concat().try_into().unwrap()
        })
    }

    fn floats(random: &mut Random, shape: TileShape, range: Range) -> Self {
        Self::new(random, shape, |random| {
            let (high, low) = (draw_bf16(random, range), random.next() as u16);
            (u32::from(high) << 16 | u32::from(low)).to_ne_bytes()
        })
    }

    fn start(&self) -> *const u8 {
        self.bytes[self.offset..].as_ptr()
    }

    fn start_mut(&mut self) -> *mut u8 {
        self.bytes[self.offset..].as_mut_ptr()
    }

    /// All bytes, including those around the rows, with every NaN replaced by the same one: which NaN results is
    /// unspecified.
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

/// The rows `c` after `c += a * b`, twice.
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

/// Multiplies in hardware and in software, and returns whether `c` changed.
fn compare_products(random: &mut Random, [rows, columns, pairs]: [usize; 3], range: Range) -> bool {
    let shapes = [shape(rows, columns), shape(rows, pairs), shape(pairs, columns)];
    let c = Rows::floats(random, shapes[0], range);
    let a = Rows::pairs(random, shapes[1], range);
    let b = Rows::pairs(random, shapes[2], range);
    let in_hardware = product(&mut hardware(), shapes, &c, &a, &b).canonical(shapes[0]);
    let in_software = product(&mut Software::new(), shapes, &c, &a, &b).canonical(shapes[0]);
    assert!(in_hardware == in_software, "{rows} rows, {columns} columns, {pairs} pairs");
    in_software != c.bytes
}

#[test]
fn products_of_all_shapes_have_the_same_bits() {
    let (mut random, mut changed) = (Random(2), 0);
    for rows in 1..=16 {
        for columns in 1..=16 {
            for pairs in 1..=16 {
                for range in [Range::Moderate, Range::Finite, Range::All] {
                    changed += usize::from(compare_products(&mut random, [rows, columns, pairs], range));
                }
            }
        }
    }
    // Small products may vanish when added to a large number.
    assert!(changed > 3 * 4096 * 9 / 10, "only {changed} products changed `c`");
}

#[test]
fn every_tile_is_loaded_zeroed_and_stored_by_its_number() {
    fn use_all_tiles<U: TileUnit>(unit: &mut U) -> Vec<u8> {
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
    let in_software = use_all_tiles(&mut Software::new());
    assert_eq!(use_all_tiles(&mut hardware()), in_software);
    let row_starts = |t: usize| [0, 1].map(|r| in_software[(t * 16 + r) * 67]);
    assert_eq!(row_starts(3), [0, 0]);
    assert_eq!(row_starts(6), [0, 0]);
    assert_eq!(row_starts(5), [35, (69 * 7 % 251) as u8]);
}

/// Not inlined, so that its machine code can be inspected.
#[inline(never)]
fn add_block_in_hardware(block: Block<'_>) {
    block.add_product(&mut hardware());
}

#[test]
fn blocks_of_tiles_have_the_same_bits() {
    let mut random = Random(4);
    for (k, range) in (1..=20).flat_map(|k| [(k, Range::Moderate), (k, Range::Finite)]) {
        let mut numbers = |n: usize| -> Vec<u16> { (0..n).map(|_| draw_bf16(&mut random, range)).collect() };
        let (a, b) = (numbers(32 * 32 * k), numbers(32 * 32 * k));
        let before: Vec<f32> = numbers(1024).iter().map(|&x| f32::from_bits(u32::from(x) << 16)).collect();
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

/// Every form of address: bases and indices among the old and the new registers, all scales, displacements of one
/// byte and of four, no index at all, relative to the instruction, and the variants of the instructions that
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
            // SAFETY: the rows are within `memory`, and the tile fits `to`.
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
    // SAFETY: rbp is restored, all rows are within the arrays, and configurations have 64 bytes.
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
