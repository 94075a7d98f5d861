//! The product of bfloat16 on tile units.
//!
//! A block of the result is two rows of tiles by two columns: four accumulators, which leaves two tiles for each
//! operand. A step of 32 values of `k` loads those four and multiplies each of two with each of two, so that every
//! load is used twice. Both terms of a product are added to the same accumulators before they are stored.
//! `docs/kernels.md` has a figure.

use super::operand::Numbers;
use super::panels::{Panel, Weights};
use super::product::{Init, Product, Term};
use crate::bf16::Bf16;
#[cfg(target_arch = "x86_64")]
use crate::dispatch::Isa;
use crate::simd::Simd;
#[cfg(target_arch = "x86_64")]
use crate::simd::tiles::Hardware;
use crate::simd::tiles::{MAX_ROWS, Software, TileConfig, TileShape, TileUnit};
use std::cell::Cell;

/// The accumulators of the upper and lower row of tiles, left and right.
const UPPER_LEFT: usize = 0;
const UPPER_RIGHT: usize = 1;
const LOWER_LEFT: usize = 2;
const LOWER_RIGHT: usize = 3;
/// Rows of activations.
const UPPER: usize = 4;
const LOWER: usize = 5;
/// Columns of weights.
const LEFT: usize = 6;
const RIGHT: usize = 7;

/// Values of `k` in a tile.
const K_STEP: usize = 32;
/// Columns of a tile: one vector.
const COLUMNS: usize = 16;

/// The heights of the two rows of tiles.
type Heights = (usize, usize);

thread_local! {
    /// The heights that this thread's tile unit is configured for; zeros while it is off.
    static CONFIGURED: Cell<Heights> = const { Cell::new((0, 0)) };
}

/// Multiplies with the tile unit of `simd`, which stays configured for later products until [`release`].
pub(super) fn run(simd: Simd, product: Product<'_>) {
    #[cfg(target_arch = "x86_64")]
    if simd.isa() == Isa::Amx {
        // SAFETY: the instruction set is in use, so it is available.
        let mut unit = unsafe { Hardware::new_unchecked() };
        return multiply(product, &mut unit, |unit, heights| {
            if CONFIGURED.replace(heights) != heights {
                // SAFETY: only products use tiles, and this thread is running one.
                unsafe { unit.configure(&config(heights)) };
            }
        });
    }
    debug_assert!(simd.multiplies_in_tiles());
    multiply(product, &mut Software::new(), |unit, heights| {
        // SAFETY: the unit belongs to this product alone.
        unsafe { unit.configure(&config(heights)) };
    });
}

/// Turns this thread's tile unit off if a product left it on: switching a thread with live tiles is expensive.
pub(crate) fn release() {
    if CONFIGURED.replace((0, 0)) != (0, 0) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a unit that was configured exists, and no product runs on this thread now.
        unsafe {
            Hardware::new_unchecked().release();
        }
    }
}

/// The tile shapes of a block of these heights.
pub(super) fn config((upper, lower): Heights) -> TileConfig {
    let shape = |rows: usize| TileShape { rows, row_bytes: 64 };
    let mut shapes = [shape(upper); 8];
    for tile in [LOWER_LEFT, LOWER_RIGHT, LOWER] {
        shapes[tile] = shape(lower);
    }
    for tile in [LEFT, RIGHT] {
        shapes[tile] = shape(K_STEP / 2);
    }
    TileConfig::new(shapes)
}

/// Multiplies with `unit`; `configure` sets the shapes of [`config`].
pub(super) fn multiply<U: TileUnit>(
    product: Product<'_>,
    unit: &mut U,
    mut configure: impl FnMut(&mut U, Heights),
) {
    let terms = product.terms.len();
    let mut sides = [Side::NONE; 2];
    assert!((1..=2).contains(&terms));
    for (side, term) in sides.iter_mut().zip(product.terms) {
        *side = Side::new(term, product.rows);
    }
    assert!((product.rows - 1) * product.c_stride + product.width * COLUMNS <= product.c.len());
    if let Init::Row(row) = product.init {
        assert!(row.len() >= product.width * COLUMNS);
    }
    // Rows of tiles of nearly equal height, two at a time: a taller one with a shorter one while there are both, so
    // that most blocks have the same shapes.
    let tiles = product.rows.div_ceil(MAX_ROWS);
    let (height, taller) = (product.rows / tiles, product.rows % tiles);
    let mixed = taller.min(tiles - taller);
    let height_of = |tile: usize| match tile < 2 * mixed {
        true => height + usize::from(tile.is_multiple_of(2)),
        false => height + usize::from(taller > mixed),
    };
    let mut row = 0;
    for tile in (0..tiles).step_by(2) {
        let two = tile + 1 < tiles;
        let heights = (height_of(tile), if two { height_of(tile + 1) } else { 1 });
        configure(unit, heights);
        for column in (0..product.width).step_by(2) {
            let block = Block {
                sides: &sides[..terms],
                init: product.init,
                row,
                lower: heights.0,
                column,
                c: product.c[row * product.c_stride + column * COLUMNS..].as_mut_ptr(),
                c_stride: product.c_stride,
            };
            // SAFETY: the unit is configured for these heights. `Side::new` and the assertions check that all rows of
            // the operands and of `c` are within their slices; the block stays within its rows, and within the
            // columns `column` and, if there is one, `column + 1`.
            unsafe {
                match (two, column + 1 < product.width) {
                    (true, true) => block.run::<U, true, true>(unit),
                    (true, false) => block.run::<U, true, false>(unit),
                    (false, true) => block.run::<U, false, true>(unit),
                    (false, false) => block.run::<U, false, false>(unit),
                }
            }
        }
        row += heights.0 + if two { heights.1 } else { 0 };
    }
}

/// A term with checked bounds.
#[derive(Clone, Copy)]
struct Side {
    a: *const Bf16,
    row_stride: usize,
    /// Consecutive `k` before a gap, and the distance between such blocks.
    block: usize,
    block_stride: usize,
    blocks: usize,
    w: *const Bf16,
    width: usize,
    /// The first column of `c`, in vectors.
    at: usize,
}

impl Side {
    const NONE: Self = Self {
        a: std::ptr::null(),
        row_stride: 0,
        block: 0,
        block_stride: 0,
        blocks: 0,
        w: std::ptr::null(),
        width: 0,
        at: 0,
    };

    fn new(term: &Term<'_>, rows: usize) -> Self {
        let Term { a: operand, panel: Panel { weights, k, width }, at } = *term;
        let (Numbers::Bf16(a), Weights::Bf16(w)) = (operand.numbers, weights) else {
            unreachable!("only bfloat16 is multiplied in tiles");
        };
        let (row_stride, block, block_stride) = (operand.row_stride, operand.block, operand.block_stride);
        assert!(rows > 0 && k > 0 && width > 0 && w.len() == k * width * COLUMNS);
        assert!(operand.k_stride == 1 && block.is_multiple_of(K_STEP) && k.is_multiple_of(block));
        assert!((rows - 1) * row_stride + (k / block - 1) * block_stride + block <= a.len());
        Self { a: a.as_ptr(), row_stride, block, block_stride, blocks: k / block, w: w.as_ptr(), width, at }
    }
}

/// At most two by two tiles of the result.
struct Block<'a> {
    sides: &'a [Side],
    init: Init<'a>,
    /// The first row, and the offset of the lower tiles from it.
    row: usize,
    lower: usize,
    /// The left column, in vectors.
    column: usize,
    c: *mut f32,
    c_stride: usize,
}

impl Block<'_> {
    /// # Safety
    /// The unit is configured for the block's heights; the sides and `c` are valid for its rows and columns.
    #[inline(always)]
    unsafe fn run<U: TileUnit, const TWO_ROWS: bool, const TWO_COLUMNS: bool>(&self, unit: &mut U) {
        let stride = self.c_stride * size_of::<f32>();
        // SAFETY: guaranteed by the caller.
        unsafe {
            let (upper, lower) = (self.c, self.c.add(self.lower * self.c_stride));
            match self.init {
                Init::Zero => {
                    unit.zero::<UPPER_LEFT>();
                    unit.zero::<UPPER_RIGHT>();
                    unit.zero::<LOWER_LEFT>();
                    unit.zero::<LOWER_RIGHT>();
                }
                Init::Accumulate => {
                    self.load::<U, TWO_ROWS, TWO_COLUMNS>(unit, upper, lower, stride);
                }
                Init::Row(row) => {
                    // Stride 0: every row of the tile is this row.
                    let row = row[self.column * COLUMNS..].as_ptr();
                    self.load::<U, TWO_ROWS, TWO_COLUMNS>(unit, row, row, 0);
                }
            }
            for side in self.sides {
                let left = self.column.wrapping_sub(side.at);
                let (has_left, has_right) =
                    (left < side.width, TWO_COLUMNS && left.wrapping_add(1) < side.width);
                match (has_left, has_right) {
                    (true, true) => self.accumulate::<U, TWO_ROWS, true, true>(unit, side, left),
                    (true, false) => self.accumulate::<U, TWO_ROWS, true, false>(unit, side, left),
                    (false, true) => self.accumulate::<U, TWO_ROWS, false, true>(unit, side, left),
                    (false, false) => {}
                }
            }
            unit.store::<UPPER_LEFT>(upper.cast(), stride);
            if TWO_COLUMNS {
                unit.store::<UPPER_RIGHT>(upper.add(COLUMNS).cast(), stride);
            }
            if TWO_ROWS {
                unit.store::<LOWER_LEFT>(lower.cast(), stride);
            }
            if TWO_ROWS && TWO_COLUMNS {
                unit.store::<LOWER_RIGHT>(lower.add(COLUMNS).cast(), stride);
            }
        }
    }

    /// Loads the accumulators.
    ///
    /// # Safety
    /// As for [`Block::run`]; `upper` and `lower` are valid for the block's heights at this stride in bytes.
    #[inline(always)]
    unsafe fn load<U: TileUnit, const TWO_ROWS: bool, const TWO_COLUMNS: bool>(
        &self,
        unit: &mut U,
        upper: *const f32,
        lower: *const f32,
        stride: usize,
    ) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            unit.load::<UPPER_LEFT>(upper.cast(), stride);
            if TWO_COLUMNS {
                unit.load::<UPPER_RIGHT>(upper.add(COLUMNS).cast(), stride);
            }
            if TWO_ROWS {
                unit.load::<LOWER_LEFT>(lower.cast(), stride);
            }
            if TWO_ROWS && TWO_COLUMNS {
                unit.load::<LOWER_RIGHT>(lower.add(COLUMNS).cast(), stride);
            }
        }
    }

    /// Adds one term to the accumulators whose columns it covers; `left` is the panel's column for the left ones.
    ///
    /// # Safety
    /// As for [`Block::run`].
    #[inline(always)]
    unsafe fn accumulate<U: TileUnit, const TWO_ROWS: bool, const HAS_LEFT: bool, const HAS_RIGHT: bool>(
        &self,
        unit: &mut U,
        side: &Side,
        left: usize,
    ) {
        // Copied to locals: for the compiler, every operation on tiles may write to memory.
        let Side { row_stride, block, block_stride, blocks, width, .. } = *side;
        let (a_stride, w_stride) = (row_stride * size_of::<Bf16>(), width * COLUMNS * 2 * size_of::<Bf16>());
        let w_step = K_STEP * width * COLUMNS;
        // SAFETY: guaranteed by the caller; `left` may be one before the panel's first column, which is then not
        // loaded.
        unsafe {
            let mut a_block = side.a.add(self.row * row_stride);
            let to_lower = self.lower * row_stride;
            let mut w = side.w.wrapping_add(left.wrapping_mul(COLUMNS * 2));
            for _ in 0..blocks {
                let mut a = a_block;
                for _ in 0..block / K_STEP {
                    unit.load::<UPPER>(a.cast(), a_stride);
                    if HAS_LEFT {
                        unit.load::<LEFT>(w.cast(), w_stride);
                        unit.multiply_add::<UPPER_LEFT, UPPER, LEFT>();
                    }
                    if HAS_RIGHT {
                        unit.load::<RIGHT>(w.wrapping_add(COLUMNS * 2).cast(), w_stride);
                        unit.multiply_add::<UPPER_RIGHT, UPPER, RIGHT>();
                    }
                    if TWO_ROWS {
                        unit.load::<LOWER>(a.add(to_lower).cast(), a_stride);
                        if HAS_LEFT {
                            unit.multiply_add::<LOWER_LEFT, LOWER, LEFT>();
                        }
                        if HAS_RIGHT {
                            unit.multiply_add::<LOWER_RIGHT, LOWER, RIGHT>();
                        }
                    }
                    a = a.wrapping_add(K_STEP);
                    w = w.wrapping_add(w_step);
                }
                a_block = a_block.wrapping_add(block_stride);
            }
        }
    }
}
