//! The product on the vector units.

use super::operand::{Numbers, Operand};
use super::panels::{PANEL_WIDTH, Weights};
use super::product::{Init, Product, Term};
use super::scheme::{BFloat16, Bytes, Scheme, Single};
use crate::simd::{Job, Simd, Vector};

/// Rows of a panel that are processed before the next row of tiles: they stay in the L1 cache.
pub(super) const K_CHUNK: usize = 128;

/// Multiplies one term after the other.
pub(super) fn run(simd: Simd, product: Product<'_>) {
    let Product { rows, terms, mut init, width, c, c_stride } = product;
    if terms.iter().any(|term| term.panel.width != width) {
        // Each term adds to the existing values, so these must be initialised.
        debug_assert!(!matches!(init, Init::Row(_)), "Init::Row requires terms over all columns");
        if let Init::Zero = init {
            c.chunks_mut(c_stride).take(rows).for_each(|row| row[..width * simd.lanes()].fill(0.0));
        }
        init = Init::Accumulate;
    }
    for term in terms {
        let c = &mut c[term.at * simd.lanes()..];
        simd.run_with_dots(Multiply { rows, term, init, c, c_stride });
        init = Init::Accumulate;
    }
}

/// One term of a product, on the vector units.
struct Multiply<'a> {
    rows: usize,
    term: &'a Term<'a>,
    init: Init<'a>,
    c: &'a mut [f32],
    c_stride: usize,
}

impl Job for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        match (self.term.a.numbers, self.term.panel.weights) {
            (Numbers::F32(a), Weights::F32(w)) => self.sweep(v, Single, a, w),
            (Numbers::Bf16(a), Weights::Bf16(w)) => self.sweep(v, BFloat16, a, w),
            (Numbers::Int16(a, rows), Weights::Int8 { bytes, scales }) => {
                assert!(rows.len() >= self.rows && scales.len() == self.term.panel.width * V::LANES);
                self.sweep(v, Bytes { rows: rows.as_ptr(), columns: scales.as_ptr() }, a, bytes);
            }
            _ => unreachable!("activations and weights of different formats"),
        }
    }
}

/// A chunk of `K` that a register tile accumulates without storing: `blocks` blocks of `block` values.
#[derive(Clone, Copy)]
struct Chunk {
    blocks: usize,
    block: usize,
}

impl Multiply<'_> {
    /// Checks, once for the whole product, every bound that the inner loops rely on.
    fn check<S: Scheme>(&self, lanes: usize, a_len: usize, w_len: usize) {
        let (k, width, a) = (self.term.panel.k, self.term.panel.width, &self.term.a);
        assert!((1..=PANEL_WIDTH).contains(&width) && self.rows > 0 && k > 0);
        assert!(a.block > 0 && k.is_multiple_of(a.block), "K is a whole number of blocks");
        assert!(S::STEP == 1 || (a.k_stride == 1 && a.block.is_multiple_of(S::STEP)));
        let last =
            (self.rows - 1) * a.row_stride + (k / a.block - 1) * a.block_stride + (a.block - 1) * a.k_stride;
        assert!(last < a_len);
        assert!(w_len == k * width * lanes);
        assert!((self.rows - 1) * self.c_stride + width * lanes <= self.c.len());
        if let Init::Row(row) = self.init {
            assert!(row.len() == width * lanes);
        }
    }

    #[inline(always)]
    fn sweep<V: Vector, S: Scheme>(self, v: V, scheme: S, a_data: &[S::A], w_data: &[S::W]) {
        self.check::<S>(V::LANES, a_data.len(), w_data.len());
        let (k, width, a) = (self.term.panel.k, self.term.panel.width, self.term.a);
        let whole = Chunk { blocks: (K_CHUNK / a.block).max(1), block: a.block.min(K_CHUNK) };
        let (mut done, mut init) = (0, self.init);
        while done < k {
            let (block, within) = (done / a.block, done % a.block);
            let chunk = if a.block > K_CHUNK {
                Chunk { blocks: 1, block: whole.block.min(a.block - within) }
            } else {
                Chunk { blocks: whole.blocks.min(k / a.block - block), block: a.block }
            };
            let a_at = block * a.block_stride + within * a.k_stride;
            let w = &w_data[done * width * V::LANES..];
            let max_rows = V::TILE_ROWS[width];
            let groups = self.rows.div_ceil(max_rows);
            // Tiles of nearly equal height: a last tile of one row would be limited by the latency of its few
            // accumulators.
            let (height, taller) = (self.rows / groups, self.rows % groups);
            let mut row = 0;
            for group in 0..groups {
                let rows = height + usize::from(group < taller);
                let tile = Tile {
                    a: a_data[a_at + row * a.row_stride..].as_ptr(),
                    operand: &a,
                    chunk,
                    w: w.as_ptr(),
                    scheme,
                    row,
                    init,
                    c: self.c[row * self.c_stride..].as_mut_ptr(),
                    c_stride: self.c_stride,
                };
                // SAFETY: `check` has verified that rows `0..self.rows` of `a` and `c` and all `k` rows of the panel
                // are within their slices; the tile stays within rows `row..row + rows` and the chunk.
                unsafe { tile.run(v, rows, width) };
                row += rows;
            }
            done += chunk.blocks * chunk.block;
            init = Init::Accumulate;
        }
    }
}

/// A register tile: a few rows by one panel, over a chunk of `K`.
struct Tile<'a, S: Scheme> {
    a: *const S::A,
    operand: &'a Operand<'a>,
    chunk: Chunk,
    w: *const S::W,
    scheme: S,
    /// The tile's first row within the product.
    row: usize,
    init: Init<'a>,
    c: *mut f32,
    c_stride: usize,
}

impl<S: Scheme> Tile<'_, S> {
    /// Turns the run-time height and width into constants.
    ///
    /// # Safety
    /// As for [`Tile::accumulate`], with `rows` and `width`.
    #[inline(always)]
    unsafe fn run<V: Vector>(&self, v: V, rows: usize, width: usize) {
        macro_rules! constant {
            ($($r:literal x $n:literal),*) => {
                match (rows, width) {
                    // SAFETY: guaranteed by the caller. Heights beyond the instruction set's tile never occur; the
                    // guard lets the compiler drop them.
                    $(($r, $n) if $r <= V::TILE_ROWS[$n] => unsafe { self.accumulate::<V, $r, $n>(v) },)*
                    _ => unreachable!("a tile of {rows} rows by {width} vectors"),
                }
            };
        }
        constant!(
            1 x 4, 2 x 4, 3 x 4, 4 x 4, 5 x 4, 6 x 4,
            1 x 3, 2 x 3, 3 x 3, 4 x 3, 5 x 3, 6 x 3, 7 x 3, 8 x 3,
            1 x 2, 2 x 2, 3 x 2, 4 x 2, 5 x 2, 6 x 2,
            1 x 1, 2 x 1, 3 x 1, 4 x 1, 5 x 1, 6 x 1
        );
    }

    /// `c[R, N] = init + a[R, chunk] * w[chunk, N]`, with the accumulators in registers.
    ///
    /// # Safety
    /// `a`, `w` and `c` are valid for `R` rows, the chunk and `N` vectors at the given strides, the scheme's scales
    /// for those rows and columns.
    #[inline(always)]
    unsafe fn accumulate<V: Vector, const R: usize, const N: usize>(&self, v: V) {
        let lanes = V::LANES;
        let mut sums = [[S::zero(v); N]; R];
        let (mut a_block, mut w) = (self.a, self.w);
        // SAFETY: the pointers stay within the ranges guaranteed by the caller.
        unsafe {
            for _ in 0..self.chunk.blocks {
                let mut a = a_block;
                for _ in 0..self.chunk.block / S::STEP {
                    S::step::<V, R, N>(v, a, self.operand.row_stride, w, &mut sums);
                    a = a.add(S::STEP * self.operand.k_stride);
                    w = w.add(S::STEP * N * lanes);
                }
                a_block = a_block.add(self.operand.block_stride);
            }
            for (i, row) in sums.into_iter().enumerate() {
                let c = self.c.add(i * self.c_stride);
                for (j, sum) in row.into_iter().enumerate() {
                    let at = c.add(j * lanes);
                    let sum = self.scheme.total(v, sum, self.row + i, j);
                    let start = match self.init {
                        Init::Zero => sum,
                        Init::Accumulate => sum + v.load_ptr(at),
                        Init::Row(bias) => sum + v.load_ptr(bias.as_ptr().add(j * lanes)),
                    };
                    start.store_ptr(at);
                }
            }
        }
    }
}
