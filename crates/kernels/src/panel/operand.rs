//! The left operand of a product: activations in their memory layout.

use crate::bf16::Bf16;
use crate::values::ValuesRef;

/// The left operand `[rows, K]` of a product: element `(i, k)` is at `i * row_stride + (k / block) * block_stride +
/// (k % block) * k_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(super) numbers: Numbers<'a>,
    pub(super) row_stride: usize,
    pub(super) k_stride: usize,
    /// Consecutive `k` before a gap: one plane, or all of `K`.
    pub(super) block: usize,
    pub(super) block_stride: usize,
}

/// Activations stored in planes: value `k` of plane `p` of row `i` is at `p * plane + i * row_stride + k`.
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
    /// With one scale per row.
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

    /// Rows with `k` values in each plane.
    pub(crate) fn planes(planes: Planes<'a>, k: usize) -> Self {
        let Planes { data, row_stride, plane } = planes;
        Self { numbers: data.into(), row_stride, k_stride: 1, block: k, block_stride: plane }
    }

    /// The transpose of rows of `row_len` values: element `(i, k)` is at `k * row_len + i`.
    pub(crate) fn columns(data: &'a [f32], row_len: usize, k: usize) -> Self {
        Self { numbers: Numbers::F32(data), row_stride: 1, k_stride: row_len, block: k, block_stride: 0 }
    }

    /// Quantised rows of `k` values, with one scale each.
    pub(super) fn bytes(values: &'a [i16], scales: &'a [f32], k: usize) -> Self {
        Self {
            numbers: Numbers::Int16(values, scales),
            row_stride: k,
            k_stride: 1,
            block: k,
            block_stride: 0,
        }
    }

    /// Skips the first `row` rows.
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
