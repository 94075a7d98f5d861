//! Packed weights and their product: the one matrix kernel that all others are built on.
//!
//! A matrix `[K, N]` used in many products is packed once into *panels*: its columns in blocks of one SIMD vector, up
//! to [`PANEL_WIDTH`] blocks side by side, row after row, so that the innermost loop reads memory sequentially. A
//! register tile of a few rows by one panel accumulates over a chunk of `K` before it is stored.
//!
//! Weights are `f32`, bfloat16, or 8-bit integers with one scale per column ([`Format`]). The two narrow formats
//! store *pairs* of rows together, `k` and `k + 1` of one column side by side, as required by the processor's tile
//! units and integer products; on plain vector units this costs one shift.

mod operand;
mod panels;
mod product;
mod quantise;
mod scheme;
#[cfg(test)]
mod tests;
pub(crate) mod tiles;
mod vectors;

pub(crate) use operand::{Operand, Planes};
pub(crate) use panels::{Columns, Format, PANEL_WIDTH, Panel, Panels, Transpose, Weights};
pub(crate) use product::{Init, Product, Term};
pub(crate) use quantise::Quantised;

use crate::simd::Simd;
use operand::Numbers;

impl Product<'_> {
    /// Multiplies: bfloat16 on tile units if there are any, everything else on the vector units.
    pub(crate) fn run(self, simd: Simd) {
        let bf16 = matches!(self.terms, [Term { a: Operand { numbers: Numbers::Bf16(_), .. }, .. }, ..]);
        if bf16 && simd.multiplies_in_tiles() { tiles::run(simd, self) } else { vectors::run(simd, self) }
    }
}
