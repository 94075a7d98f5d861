//! Long short-term memory, pointwise: slots `i f g o`.
//!
//! `c' = f c + i g`, `h' = o tanh(c')`, with `i f o` logistic and `g` a hyperbolic tangent of its pre-activation.

use super::{BackwardTile, ForwardTile, InputShare, slots, store_slots};
use crate::simd::{Functions, Job, Vector};

const SLOTS: usize = 4;

pub(crate) struct Forward<'a>(pub(crate) ForwardTile<'a>);

impl Job for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Forward(tile) = self;
        let (w, hp) = (V::LANES, tile.hp);
        let row_len = SLOTS * hp;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let own = u * SLOTS * w;
                let pre = &tile.pre[r * tile.pre_stride + (u - tile.units.start) * SLOTS * w..][..SLOTS * w];
                let gates = &mut tile.gates[r * row_len + own..][..SLOTS * w];
                let input = match tile.input {
                    InputShare::InGates => &*gates,
                    InputShare::Table { table, ids } => {
                        &table[ids[r] as usize * row_len + own..][..SLOTS * w]
                    }
                };
                let [z_i, z_f, z_g, z_o] = slots(v, pre);
                let [x_i, x_f, x_g, x_o] = slots(v, input);
                let (i, f) = ((z_i + x_i).sigmoid(), (z_f + x_f).sigmoid());
                let (g, o) = ((z_g + x_g).tanh(), (z_o + x_o).sigmoid());
                let at = r * hp + u * w;
                let c = f.mul_add(v.load(&tile.c_prev[at..]), i * g);
                c.store(&mut tile.c_next[at..]);
                (o * c.tanh()).store(&mut tile.h_next[at..]);
                store_slots([i, f, g, o], gates);
            }
        }
    }
}

pub(crate) struct Backward<'a>(pub(crate) BackwardTile<'a>);

impl Job for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Backward(tile) = self;
        let (w, hp) = (V::LANES, tile.hp);
        let one = v.splat(1.0);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let d_h = tile.incoming(v, r, u);
                let gates = &mut tile.gates[r * SLOTS * hp + u * SLOTS * w..][..SLOTS * w];
                let [i, f, g, o] = slots(v, gates);
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
                store_slots([d_i, d_f, d_g, d_o], gates);
            }
        }
    }
}
