//! Tile units: a core's matrix registers and the instruction that multiplies them (Intel AMX).
//!
//! # What a tile unit is
//!
//! A core with AMX has eight *tiles*, `tmm0` to `tmm7`. A tile is a small matrix of up to 16 rows of up to 64 bytes,
//! 1 KiB: 16 by 16 `f32`, or 16 by 32 `bf16`. The rows and bytes in use are state of the core, loaded with
//! [`TileUnit::configure`] from a [`TileConfig`]. Its first byte, the *palette*, selects the geometry: palette 0 is
//! "off", and palette 1, the only other one, is the geometry above. Tiles are loaded and stored row by row, with rows
//! a stride apart in memory; the part of a tile outside its shape is always zero.
//!
//! # The product and its pairs
//!
//! [`TileUnit::multiply_add`] computes `c += a * b` with `a` and `b` in `bf16` and `c` in `f32`. It processes `K`,
//! the inner dimension, two at a time, so all tiles consist of four-byte elements: `c` of `f32`, `a` and `b` of
//! *pairs* of `bf16`.
//!
//! | tile | rows | a row holds |
//! | --- | --- | --- |
//! | `a` | up to 16 rows of the left matrix | the pairs `k = 0,1`, `k = 2,3`, up to 16 of them, in memory order |
//! | `b` | up to 16, one for each pair of `k` | row `r`: for each of up to 16 columns `n` the pair `b[2r][n]`, `b[2r+1][n]` |
//! | `c` | as `a` | up to 16 columns of `f32`: as `b` |
//!
//! So `b` must be packed: two rows of the right matrix are interleaved to one row of pairs (Intel's VNNI layout). A
//! full `b` tile is 32 values of `k` by 16 columns.
//!
//! # Exclusive use of tiles
//!
//! The compiler does not manage tile registers (stable Rust cannot enable the feature), so a tile keeps its value
//! from one `asm!` block to the next only if nothing else uses it. That holds from `configure` to `release` provided
//! that no other user of tiles runs on the same thread in between:
//!
//! - The compiler neither allocates, spills nor clears tiles: there is no Rust type that could live in one. The
//!   blocks are not `pure`, so it keeps every one of them, in program order.
//! - The kernel saves and restores tiles with the rest of a thread's registers, also around signal handlers.
//! - By the calling convention any function may overwrite tiles, but only one that uses them deliberately does. Hence
//!   the rule of [`TileUnit`]: between `configure` and `release` call nothing that could use tiles itself. Waiting on
//!   a thread pool is such a call, since a waiting thread runs other jobs.

#[cfg(target_arch = "x86_64")]
use std::arch::asm;

/// Number of tiles.
pub(crate) const TILES: usize = 8;
/// Maximum rows of a tile.
pub(crate) const MAX_ROWS: usize = 16;
/// Maximum bytes of a row.
pub(crate) const MAX_ROW_BYTES: usize = 64;
/// Bytes of an element of a tile: an `f32`, or a pair of `bf16`.
const ELEMENT: usize = 4;

/// Whether this process may use the tiles and `bf16` products of this processor.
///
/// The processor must have them, the operating system must save them, and, on Linux, the process must request
/// permission, since tiles enlarge the frame of every signal by 8 KiB. The first call requests it; the permission
/// applies to the whole process and cannot be given back. Call this before worker threads are started: the kernel
/// refuses if any existing thread has an alternate signal stack too small for such a frame. Always false except on
/// Linux on x86-64.
#[cfg(target_arch = "x86_64")]
pub(crate) fn is_available() -> bool {
    #[cfg(target_os = "linux")]
    {
        static AVAILABLE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        *AVAILABLE.get_or_init(|| detection::processor_has_tiles() && detection::kernel_permits_tiles())
    }
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod detection {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    /// The processor has AMX-TILE and AMX-BF16, and the operating system has enabled their state.
    #[allow(unused_unsafe, reason = "reading CPUID is a safe function of newer compilers only")]
    pub(super) fn processor_has_tiles() -> bool {
        const OSXSAVE: u32 = 1 << 27;
        const AMX_BF16_AND_TILE: u32 = 1 << 22 | 1 << 24;
        const TILE_CONFIG_AND_DATA: u64 = 1 << 17 | 1 << 18;
        // SAFETY: every x86-64 processor has CPUID, and leaf 7 is read only if it exists.
        let (leaf_1, leaf_7) = unsafe {
            if __cpuid(0).eax < 7 {
                return false;
            }
            (__cpuid(1), __cpuid_count(7, 0))
        };
        let has = |register: u32, bits: u32| register & bits == bits;
        if !has(leaf_1.ecx, OSXSAVE) || !has(leaf_7.edx, AMX_BF16_AND_TILE) {
            return false;
        }
        // SAFETY: OSXSAVE shows that XGETBV may be executed; register 0 always exists.
        let enabled = unsafe { _xgetbv(0) };
        enabled & TILE_CONFIG_AND_DATA == TILE_CONFIG_AND_DATA
    }

    /// Requests permission from the kernel to use tiles, for all threads of this process
    /// (`Documentation/arch/x86/xstate.rst` of Linux).
    pub(super) fn kernel_permits_tiles() -> bool {
        const SYS_ARCH_PRCTL: i64 = 158;
        const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
        const XFEATURE_XTILEDATA: i64 = 18;
        let status: i64;
        // SAFETY: this system call takes two numbers, touches no memory of ours, and fails with a negative number
        // where it is unknown; `syscall` itself overwrites rcx and r11.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") SYS_ARCH_PRCTL => status,
                in("rdi") ARCH_REQ_XCOMP_PERM,
                in("rsi") XFEATURE_XTILEDATA,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        status == 0
    }
}

/// Rows and bytes per row of one tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileShape {
    /// 1 to [`MAX_ROWS`].
    pub(crate) rows: usize,
    /// A multiple of four up to [`MAX_ROW_BYTES`].
    pub(crate) row_bytes: usize,
}

/// The shapes of all tiles, as the unit reads them: Intel's 64-byte structure for palette 1.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct TileConfig {
    palette: u8,
    /// Where an interrupted load or store resumes.
    start_row: u8,
    reserved: [u8; 14],
    /// Palette 1 uses the first eight elements of this and of `rows`.
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

const _: () = assert!(size_of::<TileConfig>() == 64);

impl TileConfig {
    /// Palette 0: tiles are off.
    const OFF: Self = Self { palette: 0, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };

    /// Tile `t` gets `shapes[t]`.
    ///
    /// # Panics
    /// If a shape is invalid.
    pub(crate) const fn new(shapes: [TileShape; TILES]) -> Self {
        let mut config = Self { palette: 1, ..Self::OFF };
        let mut t = 0;
        while t < TILES {
            let TileShape { rows, row_bytes } = shapes[t];
            assert!(rows >= 1 && rows <= MAX_ROWS, "a tile has 1 to 16 rows");
            assert!(row_bytes >= ELEMENT && row_bytes <= MAX_ROW_BYTES, "a row of a tile has 4 to 64 bytes");
            assert!(row_bytes % ELEMENT == 0, "a row of a tile consists of four-byte elements");
            config.rows[t] = rows as u8;
            config.row_bytes[t] = row_bytes as u16;
            t += 1;
        }
        config
    }

    /// The shape of tile `t`.
    fn shape(&self, t: usize) -> TileShape {
        TileShape { rows: self.rows[t].into(), row_bytes: self.row_bytes[t].into() }
    }
}

/// Eight tiles and their operations; tiles are identified by constants, `0` to `7`.
///
/// All methods except `configure` and `release` require that the unit is *configured*: that `configure` ran on this
/// thread, through this value or a copy of it, that `release` did not run since, and that nothing else used the tiles
/// of this thread in between (see the module).
pub(crate) trait TileUnit {
    /// Sets the shapes of the tiles and fills them with zeros.
    ///
    /// # Safety
    /// Nothing else that runs on this thread is between its own `configure` and `release`.
    unsafe fn configure(&mut self, config: &TileConfig);

    /// `tile = 0`.
    ///
    /// # Safety
    /// The unit is configured.
    unsafe fn zero<const TILE: usize>(&mut self);

    /// Loads a tile's rows, row `r` from `from + r * row_stride`; strides are in bytes, and no alignment is required.
    ///
    /// # Safety
    /// The unit is configured, and each row's bytes, as many as its shape specifies, may be read.
    unsafe fn load<const TILE: usize>(&mut self, from: *const u8, row_stride: usize);

    /// Stores a tile's rows, row `r` to `to + r * row_stride`.
    ///
    /// # Safety
    /// The unit is configured, and each row's bytes, as many as its shape specifies, may be written.
    unsafe fn store<const TILE: usize>(&mut self, to: *mut u8, row_stride: usize);

    /// `c += a * b`: `f32` in `c`, pairs of `bf16` in `a` and `b`.
    ///
    /// For every element of `c`, the even and the odd values of the pairs are summed separately, each sum starting at
    /// zero, by fused multiply-adds; then the two are added, and the result is added to `c`. Rounding is to nearest
    /// even, and denormal inputs and results are treated as zero, whatever the thread's floating-point mode (Intel's
    /// architecture manual, TDPBF16PS).
    ///
    /// # Safety
    /// The unit is configured. `c` has the rows of `a`, `c` has the row bytes of `b`, and `b` has a row for every
    /// pair in a row of `a`.
    unsafe fn multiply_add<const C: usize, const A: usize, const B: usize>(&mut self);

    /// Turns the tiles off, so that the kernel need not save them when it switches threads.
    ///
    /// # Safety
    /// Nothing else that runs on this thread is between its own `configure` and `release`.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // called only by kernels for that processor
    unsafe fn release(&mut self);
}

/// The tiles of the core: each operation is one instruction. All values share the registers of their thread.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hardware(());

#[cfg(target_arch = "x86_64")]
impl Hardware {
    /// The tile unit, without a check that there is one.
    ///
    /// # Safety
    /// [`is_available`] is true, or the process executes the instructions by other means.
    pub(crate) const unsafe fn new_unchecked() -> Self {
        Self(())
    }
}

/// `asm!` of one instruction on tiles, with the options that all of them share. A block that changes a tile must
/// declare so, and naming all eight costs nothing, since the compiler keeps nothing in tiles.
#[cfg(target_arch = "x86_64")]
macro_rules! tile_asm {
    ($($instruction_and_operands:tt)*) => {
        asm!(
            $($instruction_and_operands)*,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack, preserves_flags),
        )
    };
}

// SAFETY of every block below: a value proves that the instructions exist; the rest is guaranteed by the caller. No
// block is `nomem`, so accesses to the memory that tiles are loaded from and stored to are not moved across it.
#[cfg(target_arch = "x86_64")]
#[allow(clippy::undocumented_unsafe_blocks)]
impl TileUnit for Hardware {
    #[inline(always)]
    unsafe fn configure(&mut self, config: &TileConfig) {
        unsafe { tile_asm!("ldtilecfg [{config}]", config = in(reg) config) }
    }
    #[inline(always)]
    unsafe fn zero<const TILE: usize>(&mut self) {
        const { assert!(TILE < TILES) }
        unsafe { tile_asm!("tilezero tmm{tile}", tile = const TILE) }
    }
    #[inline(always)]
    unsafe fn load<const TILE: usize>(&mut self, from: *const u8, row_stride: usize) {
        const { assert!(TILE < TILES) }
        unsafe {
            tile_asm!(
                "tileloadd tmm{tile}, [{from} + {stride}]",
                tile = const TILE,
                from = in(reg) from,
                stride = in(reg) row_stride
            )
        }
    }
    #[inline(always)]
    unsafe fn store<const TILE: usize>(&mut self, to: *mut u8, row_stride: usize) {
        const { assert!(TILE < TILES) }
        unsafe {
            tile_asm!(
                "tilestored [{to} + {stride}], tmm{tile}",
                tile = const TILE,
                to = in(reg) to,
                stride = in(reg) row_stride
            )
        }
    }
    #[inline(always)]
    unsafe fn multiply_add<const C: usize, const A: usize, const B: usize>(&mut self) {
        const { assert!(C < TILES && A < TILES && B < TILES && C != A && C != B && A != B) }
        unsafe { tile_asm!("tdpbf16ps tmm{c}, tmm{a}, tmm{b}", c = const C, a = const A, b = const B) }
    }
    #[inline(always)]
    unsafe fn release(&mut self) {
        unsafe { tile_asm!("tilerelease") }
    }
}

/// The same in portable code, each value with its own tiles: for tests on machines without a tile unit. Panics where
/// the hardware would raise a fault.
#[derive(Clone, Debug)]
pub(crate) struct Software {
    config: TileConfig,
    tiles: [Tile; TILES],
}

/// Rows of bytes; zeros outside the tile's shape.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Tile([[u8; MAX_ROW_BYTES]; MAX_ROWS]);

impl Tile {
    const ZERO: Self = Self([[0; MAX_ROW_BYTES]; MAX_ROWS]);
}

impl Software {
    /// A unit that is off.
    pub(crate) const fn new() -> Self {
        Self { config: TileConfig::OFF, tiles: [Tile::ZERO; TILES] }
    }

    /// The shape of a configured tile.
    fn shape(&self, tile: usize) -> TileShape {
        assert_eq!(
            self.config.palette, 1,
            "tiles are used before they are configured or after their release"
        );
        self.config.shape(tile)
    }
}

impl TileUnit for Software {
    unsafe fn configure(&mut self, config: &TileConfig) {
        *self = Self { config: *config, tiles: [Tile::ZERO; TILES] };
    }

    unsafe fn zero<const TILE: usize>(&mut self) {
        self.shape(TILE);
        self.tiles[TILE] = Tile::ZERO;
    }

    unsafe fn load<const TILE: usize>(&mut self, from: *const u8, row_stride: usize) {
        let TileShape { rows, row_bytes } = self.shape(TILE);
        for (r, row) in self.tiles[TILE].0[..rows].iter_mut().enumerate() {
            // SAFETY: the caller guarantees that the row may be read, and its shape bounds `row_bytes`.
            unsafe { from.add(r * row_stride).copy_to_nonoverlapping(row.as_mut_ptr(), row_bytes) };
        }
    }

    unsafe fn store<const TILE: usize>(&mut self, to: *mut u8, row_stride: usize) {
        let TileShape { rows, row_bytes } = self.shape(TILE);
        for (r, row) in self.tiles[TILE].0[..rows].iter().enumerate() {
            // SAFETY: the caller guarantees that the row may be written, and its shape bounds `row_bytes`.
            unsafe { to.add(r * row_stride).copy_from_nonoverlapping(row.as_ptr(), row_bytes) };
        }
    }

    unsafe fn multiply_add<const C: usize, const A: usize, const B: usize>(&mut self) {
        let (c, a, b) = (self.shape(C), self.shape(A), self.shape(B));
        assert_eq!(c.rows, a.rows, "c has the rows of a");
        assert_eq!(c.row_bytes, b.row_bytes, "c has the columns of b");
        assert_eq!(a.row_bytes / ELEMENT, b.rows, "b has a row for every pair in a row of a");
        let tiles = self.tiles.get_disjoint_mut([C, A, B]).expect("three tiles");
        add_products(tiles, c, b.rows);
    }

    unsafe fn release(&mut self) {
        *self = Self::new();
    }
}

/// `c += a * b` for a `c` of some shape and a number of pairs per row of `a`. Compiled twice: without the
/// instruction, each fused multiply-add is a library call.
fn add_products([c, a, b]: [&mut Tile; 3], shape: TileShape, pairs: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn with_fma(c: &mut Tile, a: &Tile, b: &Tile, shape: TileShape, pairs: usize) {
            add_products_inline(c, a, b, shape, pairs);
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has both features.
            return unsafe { with_fma(c, a, b, shape, pairs) };
        }
    }
    add_products_inline(c, a, b, shape, pairs);
}

/// Columns outside of `c` are multiplied too, but not stored.
#[inline(always)]
fn add_products_inline(c: &mut Tile, a: &Tile, b: &Tile, shape: TileShape, pairs: usize) {
    const ELEMENTS: usize = MAX_ROW_BYTES / ELEMENT;
    let b: [_; MAX_ROWS] = std::array::from_fn(|k| bf16_pairs(&b.0[k]));
    for (c, a) in c.0.iter_mut().zip(&a.0).take(shape.rows) {
        let (a_even, a_odd) = bf16_pairs(a);
        let (mut even, mut odd) = ([0.0_f32; ELEMENTS], [0.0_f32; ELEMENTS]);
        for (k, (b_even, b_odd)) in b[..pairs].iter().enumerate() {
            for n in 0..ELEMENTS {
                even[n] = flush(a_even[k].mul_add(b_even[n], even[n]));
                odd[n] = flush(a_odd[k].mul_add(b_odd[n], odd[n]));
            }
        }
        let (elements, _) = c[..shape.row_bytes].as_chunks_mut::<ELEMENT>();
        for (n, c) in elements.iter_mut().enumerate() {
            *c = flush(flush(f32::from_ne_bytes(*c)) + flush(even[n] + odd[n])).to_ne_bytes();
        }
    }
}

/// The even and the odd values of a row's pairs, as `f32`.
#[inline(always)]
fn bf16_pairs(row: &[u8; MAX_ROW_BYTES]) -> ([f32; 16], [f32; 16]) {
    let bf16 = |i: usize| {
        let bits = u16::from_ne_bytes([row[2 * i], row[2 * i + 1]]);
        flush(f32::from_bits(u32::from(bits) << 16))
    };
    (std::array::from_fn(|k| bf16(2 * k)), std::array::from_fn(|k| bf16(2 * k + 1)))
}

/// Zero, of the same sign, for a denormal number.
#[inline(always)]
fn flush(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0_f32.copysign(x) } else { x }
}
