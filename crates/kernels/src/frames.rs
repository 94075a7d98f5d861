//! Activations of the fast backend: rows of features, padded to whole vectors.

use crate::values::{Kind, Values, ValuesRef, match_kind};

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
    /// Resizes to `[rows, width]`, rows `stride` apart; the contents are unspecified, including the padding.
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
    /// If these are bfloat16 activations.
    pub(crate) fn gradients_mut(&mut self) -> &mut [f32] {
        match &mut self.data {
            Values::F32(data) => data,
            Values::Bf16(_) => panic!("expected gradients, found bfloat16 activations"),
        }
    }

    /// Overwrites these with activations concatenated along features, rows `stride` apart, padded with zeros.
    pub(crate) fn join(&mut self, parts: &[FramesView<'_>], stride: usize) {
        let Some(first) = parts.first() else { return };
        let width = parts.iter().map(|part| part.width).sum();
        self.resize(first.data.kind(), first.rows, width, stride);
        for row in 0..first.rows {
            let mut at = row * stride;
            for part in parts {
                self.data.copy_at(at, part.data.from(row * part.stride), part.width);
                at += part.width;
            }
            match_kind!(Values, &mut self.data, data => data[at..(row + 1) * stride].fill(Default::default()));
        }
    }

    /// Overwrites these with the gradients of features `at..at + width`.
    pub(crate) fn take_part(&mut self, from: FramesView<'_>, at: usize, width: usize, stride: usize) {
        self.resize(Kind::F32, from.rows, width, stride);
        for (row, to) in self.gradients_mut().chunks_exact_mut(stride).enumerate() {
            let (from, _) = from.gradients_from(row);
            to[..width].copy_from_slice(&from[at..][..width]);
            to[width..].fill(0.0);
        }
    }

    /// Adds gradients of the same shape.
    pub(crate) fn add_gradients(&mut self, from: FramesView<'_>) {
        let (rows, width, stride) = (self.rows, self.width, self.stride);
        for (row, to) in self.gradients_mut().chunks_exact_mut(stride).take(rows).enumerate() {
            let (from, _) = from.gradients_from(row);
            to[..width].iter_mut().zip(from).for_each(|(to, x)| *to += x);
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

    /// Gradients starting at row `row`, and the distance between rows.
    ///
    /// # Panics
    /// If these are bfloat16 activations.
    pub(crate) fn gradients_from(self, row: usize) -> (&'a [f32], usize) {
        match self.data {
            ValuesRef::F32(data) => (&data[row * self.stride..], self.stride),
            ValuesRef::Bf16(_) => panic!("expected gradients, found bfloat16 activations"),
        }
    }

    /// Features per row, without padding.
    pub(crate) fn width(self) -> usize {
        self.width
    }
}
