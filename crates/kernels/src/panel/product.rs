//! The product of some rows with one panel, or the sum of two such products. The modules `vectors` and `tiles`
//! compute it.

use super::operand::Operand;
use super::panels::Panel;

/// The initial value of a product.
#[derive(Clone, Copy)]
pub(crate) enum Init<'a> {
    Zero,
    /// Add to the existing values.
    Accumulate,
    /// Every row starts as this row, `[width * lanes]`.
    Row(&'a [f32]),
}

/// One summand of a product.
#[derive(Clone, Copy)]
pub(crate) struct Term<'a> {
    pub(crate) a: Operand<'a>,
    pub(crate) panel: Panel<'a>,
    /// The vector of `c` at which the panel's columns start.
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
