//! Activations of the fast path: rows of features, padded to whole vectors.

use crate::buffer::Aligned;
use crate::panel::Operand;

/// Activations `[rows, width]`, rows padded to whole vectors.
#[derive(Default)]
pub struct Frames {
    data: Aligned,
    rows: usize,
    width: usize,
    stride: usize,
}

/// Borrowed [`Frames`].
#[derive(Clone, Copy)]
pub struct FramesView<'a> {
    data: &'a [f32],
    rows: usize,
    width: usize,
    stride: usize,
}

impl Frames {
    /// Makes room for `[rows, width]`; the contents are then unspecified, the padding too.
    pub(crate) fn resize(&mut self, rows: usize, width: usize, lanes: usize) {
        let stride = width.next_multiple_of(lanes);
        (self.rows, self.width, self.stride) = (rows, width, stride);
        self.data.resize_scratch(rows * stride);
    }

    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    pub(crate) fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    pub(crate) fn view(&self) -> FramesView<'_> {
        FramesView::new(&self.data, self.rows, self.width, self.stride)
    }
}

impl<'a> FramesView<'a> {
    pub(crate) fn new(data: &'a [f32], rows: usize, width: usize, stride: usize) -> Self {
        Self { data, rows, width, stride }
    }

    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    pub(crate) fn stride(self) -> usize {
        self.stride
    }

    pub(crate) fn data(self) -> &'a [f32] {
        self.data
    }

    /// The data from row `row` on, and the distance between rows.
    pub(crate) fn rows_from(self, row: usize) -> (&'a [f32], usize) {
        (&self.data[row * self.stride..], self.stride)
    }

    /// Features of a row, without padding.
    pub(crate) fn width(self) -> usize {
        self.width
    }

    pub(crate) fn operand(self) -> Operand<'a> {
        Operand::rows(self.data, self.stride, self.width)
    }
}
