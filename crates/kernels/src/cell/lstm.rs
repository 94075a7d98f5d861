//! Long short-term memory, pointwise: slots `i f g o`.
//!
//! `c' = f c + i g`, `h' = o tanh(c')`, with `i f o` logistic and `g` a hyperbolic tangent of its pre-activation.

use super::description::{Description, Stage, StageOperand};
use super::tile::{BackwardTile, ForwardTile, gates_at, store_gates};
use crate::element::Element;
use crate::simd::{Functions, Job, Vector};
use crate::values::GatePlanes;

pub(crate) const DESCRIPTION: Description = Description {
    slot_names: &["i", "f", "g", "o"],
    input_gates: &[0, 1, 2, 3],
    stages: &[Stage { operand: StageOperand::State, slots: 0..4, gates: &[0, 1, 2, 3] }],
    has_cell_state: true,
    forget_gate: Some(1),
};

pub(crate) struct Forward<'a, E> {
    pub(crate) tile: ForwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Forward { mut tile, mut gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let [z_i, z_f, z_g, z_o] = tile.pre_activations(v, r, u);
                let (i, f, g, o) = (z_i.sigmoid(), z_f.sigmoid(), z_g.tanh(), z_o.sigmoid());
                let c = f.mul_add(v.load(&tile.c_prev[at..]), i * g);
                c.store(&mut tile.c_next[at..]);
                tile.store_h(o * c.tanh(), at);
                store_gates([i, f, g, o], &mut gates, at);
            }
        }
    }
}

pub(crate) struct Backward<'a, E> {
    pub(crate) tile: BackwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Backward { tile, mut gates } = self;
        let one = v.splat(1.0);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let d_h = tile.incoming(v, r, u);
                let [i, f, g, o] = gates_at(v, &gates, at);
                let tanh_c = v.load(&tile.c_next[at..]).tanh();

                // h' = o tanh(c')
                let d_o = d_h * tanh_c * (o - o * o);
                let d_c = (d_h * o).mul_add(one - tanh_c * tanh_c, v.load(&tile.d_c[at..]));
                // c' = f c + i g
                let d_i = d_c * g * (i - i * i);
                let d_f = d_c * v.load(&tile.c_prev[at..]) * (f - f * f);
                let d_g = d_c * i * (one - g * g);

                (d_c * f).store(&mut tile.d_c[at..]);
                v.splat(0.0).store(&mut tile.d_h[at..]);
                store_gates([d_i, d_f, d_g, d_o], &mut gates, at);
            }
        }
    }
}
