//! Packed weights and the product over them: the one matrix kernel that everything else is made of.
//!
//! A matrix `[K, N]` that stays the same for many products is packed once into *panels*: its columns in blocks of
//! one SIMD vector, up to [`PANEL_WIDTH`] blocks side by side, row after row, so that the innermost loop reads it
//! front to back. A register tile of a few rows by one panel accumulates over all of `K` before it is stored.

use crate::buffer::Aligned;
use crate::simd::{Job, Simd, Vector};
use std::ops::Range;

/// Most vectors side by side in a panel. Four times the tile's rows fill the registers of AVX2 and AVX-512.
pub(crate) const PANEL_WIDTH: usize = 4;

/// Rows of a panel that are swept before the next row of tiles: they stay in the first-level cache.
const K_CHUNK: usize = 128;

/// A matrix `[k, groups * group * lanes]` in panels.
#[derive(Default)]
pub(crate) struct Panels {
    data: Aligned,
    k: usize,
    groups: usize,
    /// Column blocks that no panel boundary separates: the gates of a unit.
    group: usize,
    lanes: usize,
}

/// One panel: `[k][width][lanes]`.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) k: usize,
    /// Vectors side by side.
    pub(crate) width: usize,
}

impl Panels {
    /// Packs a matrix of `k` rows and `groups` times `group` column blocks. `fill(block, out)` writes every row and
    /// lane of a column block, zeros where the matrix ends.
    pub(crate) fn pack(
        &mut self,
        simd: Simd,
        k: usize,
        (groups, group): (usize, usize),
        fill: impl Fn(usize, &mut PanelBlock<'_>),
    ) {
        debug_assert!(group <= PANEL_WIDTH);
        *self = Self { data: std::mem::take(&mut self.data), k, groups, group, lanes: simd.lanes() };
        self.data.resize_scratch(k * groups * group * self.lanes);
        for p in 0..self.count() {
            let blocks = self.blocks_of(p);
            let (start, width) = (blocks.start * self.lanes * k, blocks.len());
            let panel = &mut self.data[start..][..width * self.lanes * k];
            for (j, block) in blocks.enumerate() {
                let at = j * self.lanes;
                fill(block, &mut PanelBlock { panel, row_len: width * self.lanes, at, lanes: self.lanes });
            }
        }
    }

    /// Number of panels.
    pub(crate) fn count(&self) -> usize {
        self.groups.div_ceil((PANEL_WIDTH / self.group).max(1))
    }

    /// The column blocks of panel `p`. Widths differ by at most one group, so that there is no thin last panel.
    pub(crate) fn blocks_of(&self, p: usize) -> Range<usize> {
        let boundary = |p: usize| p * self.groups / self.count() * self.group;
        boundary(p)..boundary(p + 1)
    }

    pub(crate) fn panel(&self, p: usize) -> Panel<'_> {
        let blocks = self.blocks_of(p);
        let (start, width) = (blocks.start * self.lanes * self.k, blocks.len());
        Panel { data: &self.data[start..][..width * self.lanes * self.k], k: self.k, width }
    }
}

/// Writing access to one column block of a panel.
pub(crate) struct PanelBlock<'a> {
    panel: &'a mut [f32],
    row_len: usize,
    at: usize,
    lanes: usize,
}

impl PanelBlock<'_> {
    /// The vector at row `k`.
    #[inline]
    pub(crate) fn row(&mut self, k: usize) -> &mut [f32] {
        &mut self.panel[k * self.row_len + self.at..][..self.lanes]
    }
}

/// What a product starts from.
#[derive(Clone, Copy)]
pub(crate) enum Init<'a> {
    Zero,
    /// Add to what is there.
    Accumulate,
    /// Every row starts as this one, `[width * lanes]`.
    Row(&'a [f32]),
}

/// The left operand `[rows, K]` of a product: element `(i, k)` lies at
/// `i * row_stride + (k / block) * block_stride + (k % block) * k_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row_stride: usize,
    pub(crate) k_stride: usize,
    /// Consecutive `k` before a gap: the gate slots of one unit block, or all of `K`.
    pub(crate) block: usize,
    pub(crate) block_stride: usize,
}

impl<'a> Operand<'a> {
    /// Rows of `k` contiguous values.
    pub(crate) fn rows(data: &'a [f32], row_stride: usize, k: usize) -> Self {
        Self { data, row_stride, k_stride: 1, block: k, block_stride: 0 }
    }

    /// The transpose of rows of `row_len` values: element `(i, k)` at `k * row_len + i`.
    pub(crate) fn columns(data: &'a [f32], row_len: usize, k: usize) -> Self {
        Self { data, row_stride: 1, k_stride: row_len, block: k, block_stride: 0 }
    }

    /// Rows of blocks of `block` values, `block_stride` apart, the first at `data[0]`.
    pub(crate) fn blocks(data: &'a [f32], row_stride: usize, block: usize, block_stride: usize) -> Self {
        Self { data, row_stride, k_stride: 1, block, block_stride }
    }
}

/// `c[rows, width * lanes] = init + a * panel`.
pub(crate) struct Product<'a> {
    pub(crate) rows: usize,
    pub(crate) a: Operand<'a>,
    pub(crate) panel: Panel<'a>,
    pub(crate) init: Init<'a>,
    pub(crate) c: &'a mut [f32],
    pub(crate) c_stride: usize,
}

impl Product<'_> {
    /// Checks, once for the whole product, every bound that the inner loops rely on.
    fn check(&self, lanes: usize) {
        let (k, width, a) = (self.panel.k, self.panel.width, &self.a);
        assert!((1..=PANEL_WIDTH).contains(&width) && self.rows > 0 && k > 0);
        assert!(a.block > 0 && k % a.block == 0, "K is a whole number of blocks");
        let last =
            (self.rows - 1) * a.row_stride + (k / a.block - 1) * a.block_stride + (a.block - 1) * a.k_stride;
        assert!(last < a.data.len());
        assert!(self.panel.data.len() == k * width * lanes);
        assert!((self.rows - 1) * self.c_stride + width * lanes <= self.c.len());
        if let Init::Row(row) = self.init {
            assert!(row.len() == width * lanes);
        }
    }
}

/// A stretch of `K` that a register tile sweeps without storing: `blocks` blocks of `block` values.
#[derive(Clone, Copy)]
struct Stretch {
    blocks: usize,
    block: usize,
}

impl Job for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        self.check(V::LANES);
        let (k, a) = (self.panel.k, self.a);
        let whole = Stretch { blocks: (K_CHUNK / a.block).max(1), block: a.block.min(K_CHUNK) };
        let (mut done, mut init) = (0, self.init);
        while done < k {
            let (block, within) = (done / a.block, done % a.block);
            let stretch = if a.block > K_CHUNK {
                Stretch { blocks: 1, block: whole.block.min(a.block - within) }
            } else {
                Stretch { blocks: whole.blocks.min(k / a.block - block), block: a.block }
            };
            let a_at = block * a.block_stride + within * a.k_stride;
            let panel = &self.panel.data[done * self.panel.width * V::LANES..];
            let most = V::TILE_ROWS[self.panel.width];
            let groups = self.rows.div_ceil(most);
            // Tiles of nearly equal height: a last tile of one row would wait on its own few accumulators.
            let (height, taller) = (self.rows / groups, self.rows % groups);
            let mut row = 0;
            for group in 0..groups {
                let rows = height + usize::from(group < taller);
                let tile = Tile {
                    a: a.data[a_at + row * a.row_stride..].as_ptr(),
                    operand: &a,
                    stretch,
                    panel: panel.as_ptr(),
                    init,
                    c: self.c[row * self.c_stride..].as_mut_ptr(),
                    c_stride: self.c_stride,
                };
                // SAFETY: `check` has shown that rows `0..self.rows` of `a` and `c` and all `k` rows of the
                // panel lie within their slices; the tile stays within rows `row..row + rows` and the stretch.
                unsafe { tile.run(v, rows, self.panel.width) };
                row += rows;
            }
            done += stretch.blocks * stretch.block;
            init = Init::Accumulate;
        }
    }
}

/// A register tile: a few rows by one panel, over a stretch of `K`.
struct Tile<'a> {
    a: *const f32,
    operand: &'a Operand<'a>,
    stretch: Stretch,
    panel: *const f32,
    init: Init<'a>,
    c: *mut f32,
    c_stride: usize,
}

impl Tile<'_> {
    /// Turns the run-time height and width into constants.
    ///
    /// # Safety
    /// As for [`Tile::accumulate`], with `rows` and `width`.
    #[inline(always)]
    unsafe fn run<V: Vector>(&self, v: V, rows: usize, width: usize) {
        macro_rules! constant {
            ($($r:literal x $n:literal),*) => {
                match (rows, width) {
                    // SAFETY: the caller's promise. Heights beyond the instruction set's tile never occur; the
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

    /// `c[R, N] = init + a[R, stretch] * panel[stretch, N]`, the accumulators in registers.
    ///
    /// # Safety
    /// `a`, `panel` and `c` are valid for `R` rows, the stretch and `N` vectors at the strides given.
    #[inline(always)]
    unsafe fn accumulate<V: Vector, const R: usize, const N: usize>(&self, v: V) {
        let lanes = V::LANES;
        let mut acc = [[v.splat(0.0); N]; R];
        let (mut a_block, mut b) = (self.a, self.panel);
        // SAFETY: the pointers stay within what the caller vouches for.
        unsafe {
            for _ in 0..self.stretch.blocks {
                let mut a = a_block;
                for _ in 0..self.stretch.block {
                    Self::rank_one::<V, R, N>(v, a, self.operand.row_stride, b, &mut acc);
                    a = a.add(self.operand.k_stride);
                    b = b.add(N * lanes);
                }
                a_block = a_block.add(self.operand.block_stride);
            }
            for (i, row) in acc.iter_mut().enumerate() {
                let c = self.c.add(i * self.c_stride);
                for (j, sum) in row.iter().enumerate() {
                    let at = c.add(j * lanes);
                    let start = match self.init {
                        Init::Zero => *sum,
                        Init::Accumulate => *sum + v.load_ptr(at),
                        Init::Row(bias) => *sum + v.load_ptr(bias.as_ptr().add(j * lanes)),
                    };
                    start.store_ptr(at);
                }
            }
        }
    }

    /// `acc[R, N] += a[R] * b[N]`. Whichever operand is shorter stays in registers while the other streams by.
    ///
    /// # Safety
    /// `a` is valid for `R` reads `row_stride` apart, `b` for `N` vectors.
    #[inline(always)]
    #[allow(
        clippy::needless_range_loop,
        reason = "plain loops over constants become registers; iterators may not"
    )]
    unsafe fn rank_one<V: Vector, const R: usize, const N: usize>(
        v: V,
        a: *const f32,
        row_stride: usize,
        b: *const f32,
        acc: &mut [[V; N]; R],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            if R < N {
                let mut x = [v; R];
                for (i, x) in x.iter_mut().enumerate() {
                    *x = v.splat(*a.add(i * row_stride));
                }
                for j in 0..N {
                    let y = v.load_ptr(b.add(j * V::LANES));
                    for i in 0..R {
                        acc[i][j] = x[i].mul_add(y, acc[i][j]);
                    }
                }
            } else {
                let mut y = [v; N];
                for (j, y) in y.iter_mut().enumerate() {
                    *y = v.load_ptr(b.add(j * V::LANES));
                }
                for i in 0..R {
                    let x = v.splat(*a.add(i * row_stride));
                    for j in 0..N {
                        acc[i][j] = x.mul_add(y[j], acc[i][j]);
                    }
                }
            }
        }
    }
}
