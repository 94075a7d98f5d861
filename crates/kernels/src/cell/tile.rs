//! What the pointwise part of a cell works on: some units of some rows of a step.

use crate::bf16::Bf16;
use crate::element::Element;
use crate::simd::Vector;
use crate::values::GatePlanes;
use std::ops::Range;

/// The input's share of the pre-activations beside that of dense frames: the biases, and for ids their rows of the
/// lookup table. Rows are `[unit block][slot][lane]`.
#[derive(Clone, Copy)]
pub(crate) struct Share<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) row_len: usize,
    /// The row of each batch row; all share the first if absent.
    pub(crate) ids: Option<&'a [u32]>,
}

/// Some units of a forward step: rows `0..rows`, unit blocks `units`. States and gates start at the first row and at unit
/// block 0, with rows `hp` apart.
pub(crate) struct ForwardTile<'a> {
    pub(crate) rows: usize,
    pub(crate) units: Range<usize>,
    /// Values from one row of states or gates to the next.
    pub(crate) hp: usize,
    /// The products of the stage, `[rows][unit block][slot][lane]` from the first of `units` on.
    pub(crate) pre: &'a [f32],
    pub(crate) pre_stride: usize,
    pub(crate) share: Share<'a>,
    pub(crate) h_prev: &'a [f32],
    pub(crate) h_next: &'a mut [f32],
    /// The new state as products read it, unless they read `h_next`: then empty.
    pub(crate) h_rounded: &'a mut [Bf16],
    /// Empty unless the cell has a cell state.
    pub(crate) c_prev: &'a [f32],
    pub(crate) c_next: &'a mut [f32],
}

/// One panel's worth of a backward step, laid out as [`ForwardTile`].
pub(crate) struct BackwardTile<'a> {
    pub(crate) rows: usize,
    pub(crate) units: Range<usize>,
    pub(crate) hp: usize,
    /// Gradient that reaches `h_t` from above; empty where nothing does.
    pub(crate) d_output: &'a [f32],
    pub(crate) d_output_stride: usize,
    pub(crate) h_prev: &'a [f32],
    pub(crate) c_prev: &'a [f32],
    pub(crate) c_next: &'a [f32],
    /// Gradient of what the stage after this one multiplies, `[rows][unit block][lane]` from the first of `units` on;
    /// empty in the last stage.
    pub(crate) d_operand: &'a [f32],
    pub(crate) d_operand_stride: usize,
    /// In: gradient of `h_t` from the future. Out: the pointwise part of the gradient of `h_{t-1}`.
    pub(crate) d_h: &'a mut [f32],
    /// In: gradient of `c_t`. Out: gradient of `c_{t-1}`. Empty unless the cell has a cell state.
    pub(crate) d_c: &'a mut [f32],
}

impl ForwardTile<'_> {
    /// The pre-activations of the `S` slots of one row and unit block: products and the input's share.
    /// (A plain loop: closures are not sure to be compiled with a job's features.)
    #[inline(always)]
    pub(super) fn pre_activations<V: Vector, const S: usize>(&self, v: V, row: usize, unit: usize) -> [V; S] {
        let width = S * V::LANES;
        let pre = &self.pre[row * self.pre_stride + (unit - self.units.start) * width..][..width];
        let share_row = self.share.ids.map_or(0, |ids| ids[row] as usize);
        let share = &self.share.rows[share_row * self.share.row_len + unit * width..][..width];
        let mut all = [v; S];
        for (slot, z) in all.iter_mut().enumerate() {
            *z = v.load(&pre[slot * V::LANES..]) + v.load(&share[slot * V::LANES..]);
        }
        all
    }

    /// The products of one row and unit block, in the `S` slots of a later stage, which has no share of the input.
    #[inline(always)]
    pub(super) fn products<V: Vector, const S: usize>(&self, v: V, row: usize, unit: usize) -> [V; S] {
        let pre = &self.pre[row * self.pre_stride + (unit - self.units.start) * S * V::LANES..];
        let mut all = [v; S];
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
    /// The whole gradient of `h_t` for one row and unit block: from the future and from above.
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

/// The `S` gates at one place of their planes.
#[inline(always)]
pub(super) fn gates_at<V: Vector, E: Element, const S: usize>(
    v: V,
    gates: &GatePlanes<'_, E>,
    at: usize,
) -> [V; S] {
    let mut all = [v; S];
    for (value, plane) in all.iter_mut().zip(gates) {
        *value = E::load(v, &plane[at..]);
    }
    all
}

#[inline(always)]
pub(super) fn store_gates<V: Vector, E: Element, const S: usize>(
    values: [V; S],
    gates: &mut GatePlanes<'_, E>,
    at: usize,
) {
    for (value, plane) in values.into_iter().zip(gates) {
        E::store(value, &mut plane[at..]);
    }
}
