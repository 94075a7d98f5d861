//! Activations of the fast path: rows of features, padded to whole vectors.

use crate::values::{Kind, Values, ValuesRef};

/// Activations `[rows, width]`, rows padded to whole vectors.
#[derive(Default)]
pub struct Frames {
    data: Values,
    rows: usize,
    width: usize,
    stride: usize,
}

/// Borrowed [`Frames`].
#[derive(Clone, Copy)]
pub struct FramesView<'a> {
    data: ValuesRef<'a>,
    rows: usize,
    width: usize,
    stride: usize,
}

impl Frames {
    /// Makes room for `[rows, width]`, rows `stride` apart; the contents are then unspecified, the padding too.
    pub(crate) fn resize(&mut self, kind: Kind, rows: usize, width: usize, stride: usize) {
        (self.rows, self.width, self.stride) = (rows, width, stride);
        self.data.resize_scratch(kind, rows * stride);
    }

    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    pub(crate) fn data_mut(&mut self) -> &mut Values {
        &mut self.data
    }

    /// Gradients, which are always `f32`.
    ///
    /// # Panics
    /// If these are activations of another kind.
    pub(crate) fn gradients_mut(&mut self) -> &mut [f32] {
        match &mut self.data {
            Values::F32(data) => data,
            Values::Bf16(_) => panic!("activations where gradients belong"),
        }
    }

    pub(crate) fn view(&self) -> FramesView<'_> {
        FramesView::new(self.data.as_ref(), self.rows, self.width, self.stride)
    }
}

impl<'a> FramesView<'a> {
    pub(crate) fn new(data: ValuesRef<'a>, rows: usize, width: usize, stride: usize) -> Self {
        Self { data, rows, width, stride }
    }

    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    pub(crate) fn stride(self) -> usize {
        self.stride
    }

    pub(crate) fn data(self) -> ValuesRef<'a> {
        self.data
    }

    /// Gradients from row `row` on, and the distance between rows.
    ///
    /// # Panics
    /// If these are activations of another kind.
    pub(crate) fn gradients_from(self, row: usize) -> (&'a [f32], usize) {
        match self.data {
            ValuesRef::F32(data) => (&data[row * self.stride..], self.stride),
            ValuesRef::Bf16(_) => panic!("activations where gradients belong"),
        }
    }

    /// Features of a row, without padding.
    pub(crate) fn width(self) -> usize {
        self.width
    }
}
