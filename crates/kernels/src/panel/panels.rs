//! A matrix packed into panels, in each format.

use super::quantise;
use crate::bf16::Bf16;
use crate::buffer::{Aligned, Plain};
use crate::simd::{Job, Simd, Vector};
use std::ops::Range;

/// Maximum number of vectors side by side in a panel. Four vectors by the tile's rows fill the registers of AVX2 and
/// AVX-512.
pub(crate) const PANEL_WIDTH: usize = 4;

/// Rows of a matrix that are packed at a time.
const PACK_ROWS: usize = 64;

/// The number format of a packed matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Format {
    #[default]
    F32,
    Bf16,
    /// Integers `-127..=127` times the column's scale.
    Int8,
}

/// A matrix `[k, groups * group * lanes]` in panels.
#[derive(Default)]
pub(crate) struct Panels {
    data: Data,
    /// One scale per column, for 8-bit integers.
    scales: Aligned,
    /// Rows, including the zero rows that pad the last step of the format.
    k: usize,
    groups: usize,
    /// Column blocks that are always in one panel: the gates of a unit.
    group: usize,
    lanes: usize,
    groups_in_panel: usize,
    /// Some rows of the matrix while they are packed, `[PACK_ROWS][lanes]`.
    rows: Aligned,
}

/// The columns of a matrix, in blocks of one vector.
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) groups: usize,
    /// Blocks per group.
    pub(crate) group: usize,
    /// Whether each group has its own panel.
    pub(crate) one_group_per_panel: bool,
}

enum Data {
    F32(Aligned),
    Bf16(Aligned<Bf16>),
    Int8(Aligned<i8>),
}

/// One panel: `[k][width][lanes]`, or `[k / 2][width][lanes][2]` in the narrow formats.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) weights: Weights<'a>,
    pub(crate) k: usize,
    /// Vectors side by side.
    pub(crate) width: usize,
}

/// The numbers of a panel.
#[derive(Clone, Copy)]
pub(crate) enum Weights<'a> {
    F32(&'a [f32]),
    Bf16(&'a [Bf16]),
    Int8 { bytes: &'a [i8], scales: &'a [f32] },
}

impl Format {
    /// A packed matrix has a multiple of this many rows: one step of the product processes them together.
    pub(crate) fn k_step(self, simd: Simd) -> usize {
        match self {
            Format::F32 => 1,
            Format::Bf16 if simd.multiplies_in_tiles() => 32,
            Format::Bf16 | Format::Int8 => 2,
        }
    }
}

impl Panels {
    /// Packs a matrix of `k` rows. `fill(block, rows, out)` writes some rows of a block of columns, `[rows][lanes]`,
    /// with zeros beyond the matrix.
    pub(crate) fn pack(
        &mut self,
        simd: Simd,
        format: Format,
        k: usize,
        columns: Columns,
        fill: impl Fn(usize, Range<usize>, &mut [f32]),
    ) {
        let Columns { groups, group, one_group_per_panel } = columns;
        debug_assert!(group <= PANEL_WIDTH);
        let (lanes, padded) = (simd.lanes(), k.next_multiple_of(format.k_step(simd)));
        let groups_in_panel = if one_group_per_panel { 1 } else { PANEL_WIDTH / group };
        let data = std::mem::take(&mut self.data).resized(format, padded * groups * group * lanes);
        (self.data, self.k, self.lanes) = (data, padded, lanes);
        (self.groups, self.group, self.groups_in_panel) = (groups, group, groups_in_panel);
        self.scales.resize_scratch(if format == Format::Int8 { groups * group * lanes } else { 0 });
        let mut rows = std::mem::take(&mut self.rows);
        rows.resize_scratch(PACK_ROWS * lanes);
        for p in 0..self.count() {
            let blocks = self.blocks_of(p);
            let (start, width) = (blocks.start * lanes * padded, blocks.len());
            for (j, block) in blocks.enumerate() {
                let mut each_chunk = |work: &mut dyn FnMut(usize, &[f32])| {
                    for from in (0..padded).step_by(PACK_ROWS) {
                        let to = padded.min(from + PACK_ROWS);
                        let (real, padding) =
                            rows[..(to - from) * lanes].split_at_mut((k.clamp(from, to) - from) * lanes);
                        fill(block, from..k.clamp(from, to), real);
                        padding.fill(0.0);
                        work(from, &rows[..(to - from) * lanes]);
                    }
                };
                // Rows starting at `from` are at `place(from)` of the panel; `at` is the block's offset within a row.
                let (place, at) = (|from: usize| start + from * width * lanes, j * lanes);
                match &mut self.data {
                    Data::F32(data) => each_chunk(&mut |from, rows| {
                        simd.run(Interleave { rows, width, at, to: &mut data[place(from)..] });
                    }),
                    Data::Bf16(data) => each_chunk(&mut |from, rows| {
                        simd.run(InterleavePairs { rows, width, at, to: &mut data[place(from)..] });
                    }),
                    Data::Int8(data) => {
                        let scales = &mut self.scales[block * lanes..][..lanes];
                        scales.fill(0.0);
                        each_chunk(&mut |_, rows| quantise::widen_scales(rows, scales));
                        each_chunk(&mut |from, rows| {
                            quantise::interleave_bytes(rows, scales, width, at, &mut data[place(from)..]);
                        });
                    }
                }
            }
        }
        self.rows = rows;
    }

    /// Number of panels.
    pub(crate) fn count(&self) -> usize {
        self.groups.div_ceil(self.groups_in_panel.max(1))
    }

    /// Number of column blocks in all panels.
    pub(crate) fn blocks(&self) -> usize {
        self.groups * self.group
    }

    /// The column blocks of panel `p`. Widths differ by at most one group, to avoid a narrow last panel.
    pub(crate) fn blocks_of(&self, p: usize) -> Range<usize> {
        let boundary = |p: usize| p * self.groups / self.count() * self.group;
        boundary(p)..boundary(p + 1)
    }

    pub(crate) fn panel(&self, p: usize) -> Panel<'_> {
        let blocks = self.blocks_of(p);
        let range = blocks.start * self.lanes * self.k..blocks.end * self.lanes * self.k;
        let weights = match &self.data {
            Data::F32(data) => Weights::F32(&data[range]),
            Data::Bf16(data) => Weights::Bf16(&data[range]),
            Data::Int8(data) => {
                let scales = &self.scales[blocks.start * self.lanes..blocks.end * self.lanes];
                Weights::Int8 { bytes: &data[range], scales }
            }
        };
        Panel { weights, k: self.k, width: blocks.len() }
    }

    /// Number of rows, including padding.
    pub(crate) fn k(&self) -> usize {
        self.k
    }

    pub(crate) fn format(&self) -> Format {
        match self.data {
            Data::F32(_) => Format::F32,
            Data::Bf16(_) => Format::Bf16,
            Data::Int8(_) => Format::Int8,
        }
    }
}

impl Default for Data {
    fn default() -> Self {
        Data::F32(Aligned::default())
    }
}

impl Data {
    /// Reuses this memory, or allocates, for `len` numbers of a format.
    fn resized(self, format: Format, len: usize) -> Self {
        fn resized<E: Plain>(mut data: Aligned<E>, len: usize) -> Aligned<E> {
            data.resize_scratch(len);
            data
        }
        match (format, self) {
            (Format::F32, Data::F32(data)) => Data::F32(resized(data, len)),
            (Format::F32, _) => Data::F32(Aligned::zeros(len)),
            (Format::Bf16, Data::Bf16(data)) => Data::Bf16(resized(data, len)),
            (Format::Bf16, _) => Data::Bf16(Aligned::zeros(len)),
            (Format::Int8, Data::Int8(data)) => Data::Int8(resized(data, len)),
            (Format::Int8, _) => Data::Int8(Aligned::zeros(len)),
        }
    }
}

/// Copies rows of one vector into a panel's rows of `width` vectors, at offset `at` of each row.
pub(crate) struct Interleave<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) width: usize,
    pub(crate) at: usize,
    pub(crate) to: &'a mut [f32],
}

impl Job for Interleave<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let rows = self.rows.chunks_exact(V::LANES);
        for (row, to) in rows.zip(self.to.chunks_exact_mut(self.width * V::LANES)) {
            v.load(row).store(&mut to[self.at..]);
        }
    }
}

/// The same in pairs of rows, rounded to bfloat16.
pub(crate) struct InterleavePairs<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) width: usize,
    pub(crate) at: usize,
    pub(crate) to: &'a mut [Bf16],
}

impl Job for InterleavePairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let pairs = self.rows.chunks_exact(2 * V::LANES);
        for (pair, to) in pairs.zip(self.to.chunks_exact_mut(2 * self.width * V::LANES)) {
            let to = &mut to[2 * self.at..][..2 * V::LANES];
            // SAFETY: `to` has room for the pairs of one vector.
            unsafe { v.load(pair).store_pairs(v.load(&pair[V::LANES..]), to.as_mut_ptr()) };
        }
    }
}

/// Transposes some columns of a matrix to rows of one vector, `[columns][lanes]`, with zeros beyond its `rows` rows.
pub(crate) struct Transpose<'a> {
    pub(crate) from: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) to: &'a mut [f32],
}

impl Job for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { from, stride, rows, columns, to } = self;
        let lanes = V::LANES;
        let mut done = 0;
        if rows == lanes {
            assert!(columns == 0 || (rows - 1) * stride + columns <= from.len());
            assert!(columns * lanes <= to.len());
            while done + lanes <= columns {
                // SAFETY: a square within the bounds just checked.
                unsafe {
                    v.transpose(from.as_ptr().add(done), stride, to.as_mut_ptr().add(done * lanes), lanes);
                }
                done += lanes;
            }
        }
        for (c, to) in to.chunks_exact_mut(lanes).enumerate().take(columns).skip(done) {
            for (r, to) in to.iter_mut().enumerate() {
                *to = if r < rows { from[r * stride + c] } else { 0.0 };
            }
        }
    }
}
