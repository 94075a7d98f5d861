//! The product of some rows with one panel, or with two panels of which the results add up.

use super::scheme::{Bytes, Half, Scheme, Single};
use super::{PANEL_WIDTH, Panel, Weights, tiles};
use crate::element::Bf16;
use crate::simd::{Job, Simd, Vector};
use crate::values::ValuesRef;

/// Rows of a panel that are swept before the next row of tiles: they stay in the first-level cache.
pub(super) const K_CHUNK: usize = 128;

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
    pub(super) numbers: Numbers<'a>,
    pub(super) row_stride: usize,
    pub(super) k_stride: usize,
    /// Consecutive `k` before a gap: one plane, or all of `K`.
    pub(super) block: usize,
    pub(super) block_stride: usize,
}

/// Activations whose rows lie in planes: value `k` of plane `p` of row `i` at `p * plane + i * row_stride + k`.
#[derive(Clone, Copy)]
pub(crate) struct Planes<'a> {
    pub(crate) data: ValuesRef<'a>,
    pub(crate) row_stride: usize,
    pub(crate) plane: usize,
}

/// The numbers of an operand.
#[derive(Clone, Copy)]
pub(super) enum Numbers<'a> {
    F32(&'a [f32]),
    Bf16(&'a [Bf16]),
    /// With a scale for each row.
    Int16(&'a [i16], &'a [f32]),
}

impl<'a> From<ValuesRef<'a>> for Numbers<'a> {
    fn from(values: ValuesRef<'a>) -> Self {
        match values {
            ValuesRef::F32(x) => Numbers::F32(x),
            ValuesRef::Bf16(x) => Numbers::Bf16(x),
        }
    }
}

impl<'a> Operand<'a> {
    /// Rows of `k` contiguous values.
    pub(crate) fn rows(data: ValuesRef<'a>, row_stride: usize, k: usize) -> Self {
        Self { numbers: data.into(), row_stride, k_stride: 1, block: k, block_stride: 0 }
    }

    /// Rows that have `k` values in each plane.
    pub(crate) fn planes(planes: Planes<'a>, k: usize) -> Self {
        let Planes { data, row_stride, plane } = planes;
        Self { numbers: data.into(), row_stride, k_stride: 1, block: k, block_stride: plane }
    }

    /// The transpose of rows of `row_len` values: element `(i, k)` at `k * row_len + i`.
    pub(crate) fn columns(data: &'a [f32], row_len: usize, k: usize) -> Self {
        Self { numbers: Numbers::F32(data), row_stride: 1, k_stride: row_len, block: k, block_stride: 0 }
    }

    /// Quantised rows of `k` values, with a scale each.
    pub(super) fn bytes(values: &'a [i16], scales: &'a [f32], k: usize) -> Self {
        Self {
            numbers: Numbers::Int16(values, scales),
            row_stride: k,
            k_stride: 1,
            block: k,
            block_stride: 0,
        }
    }

    /// From row `row` on.
    pub(crate) fn skip_rows(self, row: usize) -> Self {
        let at = row * self.row_stride;
        let numbers = match self.numbers {
            Numbers::F32(x) => Numbers::F32(&x[at..]),
            Numbers::Bf16(x) => Numbers::Bf16(&x[at..]),
            Numbers::Int16(x, scales) => Numbers::Int16(&x[at..], &scales[row..]),
        };
        Self { numbers, ..self }
    }
}

/// One summand of a product.
#[derive(Clone, Copy)]
pub(crate) struct Term<'a> {
    pub(crate) a: Operand<'a>,
    pub(crate) panel: Panel<'a>,
    /// The vector of `c` at which the panel's columns begin.
    pub(crate) at: usize,
}

/// `c[rows, width * lanes] = init + a * panel`, summed over the terms. Columns that no term covers stay `init`.
pub(crate) struct Product<'a> {
    pub(crate) rows: usize,
    pub(crate) terms: &'a [Term<'a>],
    pub(crate) init: Init<'a>,
    /// Vectors in a row of `c`.
    pub(crate) width: usize,
    pub(crate) c: &'a mut [f32],
    pub(crate) c_stride: usize,
}

impl Product<'_> {
    /// Multiplies.
    pub(crate) fn run(self, simd: Simd) {
        let bf16 = matches!(self.terms, [Term { a: Operand { numbers: Numbers::Bf16(_), .. }, .. }, ..]);
        if bf16 && simd.multiplies_in_tiles() {
            return tiles::run(simd, self);
        }
        let whole = |term: &Term<'_>| term.panel.width == self.width;
        let mut init = self.init;
        if !self.terms.iter().all(whole) {
            // Each term adds to what is there, so it must be something.
            debug_assert!(!matches!(init, Init::Row(_)), "a row is for terms over all columns");
            if let Init::Zero = init {
                let rows = self.c.chunks_mut(self.c_stride).take(self.rows);
                rows.for_each(|row| row[..self.width * simd.lanes()].fill(0.0));
            }
            init = Init::Accumulate;
        }
        for term in self.terms {
            let c = &mut self.c[term.at * simd.lanes()..];
            simd.run_with_dots(Multiply { rows: self.rows, term, init, c, c_stride: self.c_stride });
            init = Init::Accumulate;
        }
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
            (Numbers::Bf16(a), Weights::Bf16(w)) => self.sweep(v, Half, a, w),
            (Numbers::Int16(a, rows), Weights::Int8 { bytes, scales }) => {
                assert!(rows.len() >= self.rows && scales.len() == self.term.panel.width * V::LANES);
                self.sweep(v, Bytes { rows: rows.as_ptr(), columns: scales.as_ptr() }, a, bytes);
            }
            _ => unreachable!("activations and weights of different formats"),
        }
    }
}

/// A stretch of `K` that a register tile sweeps without storing: `blocks` blocks of `block` values.
#[derive(Clone, Copy)]
struct Stretch {
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
            let w = &w_data[done * width * V::LANES..];
            let most = V::TILE_ROWS[width];
            let groups = self.rows.div_ceil(most);
            // Tiles of nearly equal height: a last tile of one row would wait on its own few accumulators.
            let (height, taller) = (self.rows / groups, self.rows % groups);
            let mut row = 0;
            for group in 0..groups {
                let rows = height + usize::from(group < taller);
                let tile = Tile {
                    a: a_data[a_at + row * a.row_stride..].as_ptr(),
                    operand: &a,
                    stretch,
                    w: w.as_ptr(),
                    scheme,
                    row,
                    init,
                    c: self.c[row * self.c_stride..].as_mut_ptr(),
                    c_stride: self.c_stride,
                };
                // SAFETY: `check` has shown that rows `0..self.rows` of `a` and `c` and all `k` rows of the
                // panel lie within their slices; the tile stays within rows `row..row + rows` and the stretch.
                unsafe { tile.run(v, rows, width) };
                row += rows;
            }
            done += stretch.blocks * stretch.block;
            init = Init::Accumulate;
        }
    }
}

/// A register tile: a few rows by one panel, over a stretch of `K`.
struct Tile<'a, S: Scheme> {
    a: *const S::A,
    operand: &'a Operand<'a>,
    stretch: Stretch,
    w: *const S::W,
    scheme: S,
    /// The tile's first row among those of the product.
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

    /// `c[R, N] = init + a[R, stretch] * w[stretch, N]`, the accumulators in registers.
    ///
    /// # Safety
    /// `a`, `w` and `c` are valid for `R` rows, the stretch and `N` vectors at the strides given, the scheme's
    /// scales for those rows and columns.
    #[inline(always)]
    unsafe fn accumulate<V: Vector, const R: usize, const N: usize>(&self, v: V) {
        let lanes = V::LANES;
        let mut sums = [[S::zero(v); N]; R];
        let (mut a_block, mut w) = (self.a, self.w);
        // SAFETY: the pointers stay within what the caller vouches for.
        unsafe {
            for _ in 0..self.stretch.blocks {
                let mut a = a_block;
                for _ in 0..self.stretch.block / S::STEP {
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
