//! Arguments of a cell's pointwise part: some units of some rows of a step.

use crate::bf16::Bf16;
use crate::element::Element;
use crate::simd::Vector;
use crate::values::GatePlanes;
use std::ops::Range;

/// What is added to the products: the biases, and for ids their rows of the lookup table. Rows are `[unit
/// block][slot][lane]`.
#[derive(Clone, Copy)]
pub(crate) struct InputBias<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) row_len: usize,
    /// The table row of each batch row; if absent, all use the first row.
    pub(crate) ids: Option<&'a [u32]>,
}

/// Some units of a forward step: rows `0..rows`, unit blocks `units`. States and gates start at the first row and at unit
/// block 0, with rows `hp` apart.
pub(crate) struct ForwardTile<'a> {
    pub(crate) rows: usize,
    pub(crate) units: Range<usize>,
    /// Distance between rows of states or gates.
    pub(crate) hp: usize,
    /// The products of the stage, `[rows][unit block][slot][lane]` starting at the first of `units`.
    pub(crate) pre: &'a [f32],
    pub(crate) pre_stride: usize,
    pub(crate) input_bias: InputBias<'a>,
    pub(crate) h_prev: &'a [f32],
    pub(crate) h_next: &'a mut [f32],
    /// The new state as products read it; empty if they read `h_next`.
    pub(crate) h_rounded: &'a mut [Bf16],
    /// Empty if the cell has no cell state.
    pub(crate) c_prev: &'a [f32],
    pub(crate) c_next: &'a mut [f32],
}

/// Some units of a backward step, laid out as in [`ForwardTile`].
pub(crate) struct BackwardTile<'a> {
    pub(crate) rows: usize,
    pub(crate) units: Range<usize>,
    pub(crate) hp: usize,
    /// Gradient of `h_t` from the layer above; empty if there is none.
    pub(crate) d_output: &'a [f32],
    pub(crate) d_output_stride: usize,
    pub(crate) h_prev: &'a [f32],
    pub(crate) c_prev: &'a [f32],
    pub(crate) c_next: &'a [f32],
    /// Gradient of the next stage's operand, `[rows][unit block][lane]` starting at the first of `units`; empty in the
    /// last stage.
    pub(crate) d_operand: &'a [f32],
    pub(crate) d_operand_stride: usize,
    /// In: gradient of `h_t` from the next step. Out: the pointwise part of the gradient of `h_{t-1}`.
    pub(crate) d_h: &'a mut [f32],
    /// In: gradient of `c_t`. Out: gradient of `c_{t-1}`. Empty if the cell has no cell state.
    pub(crate) d_c: &'a mut [f32],
}

impl ForwardTile<'_> {
    /// The pre-activations of the `N` slots of one row and unit block: products plus the input's contribution. (A
    /// plain loop: closures may not be compiled with a job's target features.)
    #[inline(always)]
    pub(super) fn pre_activations<V: Vector, const N: usize>(&self, v: V, row: usize, unit: usize) -> [V; N] {
        let width = N * V::LANES;
        let pre = &self.pre[row * self.pre_stride + (unit - self.units.start) * width..][..width];
        let bias_row = self.input_bias.ids.map_or(0, |ids| ids[row] as usize);
        let bias = &self.input_bias.rows[bias_row * self.input_bias.row_len + unit * width..][..width];
        let mut all = [v; N];
        for (slot, z) in all.iter_mut().enumerate() {
            *z = v.load(&pre[slot * V::LANES..]) + v.load(&bias[slot * V::LANES..]);
        }
        all
    }

    /// The products of one row and unit block, in the `N` slots of a later stage, to which the input does not
    /// contribute.
    #[inline(always)]
    pub(super) fn products<V: Vector, const N: usize>(&self, v: V, row: usize, unit: usize) -> [V; N] {
        let pre = &self.pre[row * self.pre_stride + (unit - self.units.start) * N * V::LANES..];
        let mut all = [v; N];
        for (slot, z) in all.iter_mut().enumerate() {
            *z = v.load(&pre[slot * V::LANES..]);
        }
        all
    }

    /// Writes the new state of one row and unit block.
    #[inline(always)]
    pub(super) fn store_h<V: Vector>(&mut self, h: V, at: usize) {
        h.store(&mut self.h_next[at..]);
        if !self.h_rounded.is_empty() {
            Element::store(h, &mut self.h_rounded[at..]);
        }
    }
}

impl BackwardTile<'_> {
    /// The total gradient of `h_t` for one row and unit block: from the next step and from the layer above.
    #[inline(always)]
    pub(super) fn incoming<V: Vector>(&self, v: V, row: usize, unit: usize) -> V {
        let future = v.load(&self.d_h[row * self.hp + unit * V::LANES..]);
        if self.d_output.is_empty() {
            return future;
        }
        future + v.load(&self.d_output[row * self.d_output_stride + unit * V::LANES..])
    }

    /// The gradient of the next stage's operand for one row and unit block.
    #[inline(always)]
    pub(super) fn d_operand<V: Vector>(&self, v: V, row: usize, unit: usize) -> V {
        v.load(&self.d_operand[row * self.d_operand_stride + (unit - self.units.start) * V::LANES..])
    }
}

/// The `N` gates at one offset of their planes.
#[inline(always)]
pub(super) fn gates_at<V: Vector, E: Element, const N: usize>(
    v: V,
    gates: &GatePlanes<'_, E>,
    at: usize,
) -> [V; N] {
    let mut all = [v; N];
    for (value, plane) in all.iter_mut().zip(gates) {
        *value = E::load(v, &plane[at..]);
    }
    all
}

#[inline(always)]
pub(super) fn store_gates<V: Vector, E: Element, const N: usize>(
    values: [V; N],
    gates: &mut GatePlanes<'_, E>,
    at: usize,
) {
    for (value, plane) in values.into_iter().zip(gates) {
        E::store(value, &mut plane[at..]);
    }
}
