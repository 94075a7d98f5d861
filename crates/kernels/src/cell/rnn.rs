//! The Elman cell, pointwise: one slot, `h' = f(z)`. The derivative is written in terms of the output.

use super::{Activation, BackwardTile, ForwardTile, InputShare};
use crate::simd::{Functions, Job, Vector};

pub(crate) struct Forward<'a> {
    pub(crate) activation: Activation,
    pub(crate) tile: ForwardTile<'a>,
}

impl Job for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Forward { activation, tile } = self;
        let (w, hp) = (V::LANES, tile.hp);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let gates = &mut tile.gates[at..][..w];
                let input = match tile.input {
                    InputShare::InGates => v.load(gates),
                    InputShare::Table { table, ids } => v.load(&table[ids[r] as usize * hp + u * w..]),
                };
                let z = input + v.load(&tile.pre[r * tile.pre_stride + (u - tile.units.start) * w..]);
                let h = match activation {
                    Activation::Tanh => z.tanh(),
                    Activation::Relu => v.splat(0.0).max(z),
                    Activation::Logistic => z.sigmoid(),
                };
                h.store(gates);
                h.store(&mut tile.h_next[at..]);
            }
        }
    }
}

pub(crate) struct Backward<'a> {
    pub(crate) activation: Activation,
    pub(crate) tile: BackwardTile<'a>,
}

impl Job for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Backward { activation, tile } = self;
        let (w, hp) = (V::LANES, tile.hp);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let h = v.load(&tile.gates[at..]);
                let d_h = tile.incoming(v, r, u);
                let d_z = match activation {
                    Activation::Tanh => d_h * (v.splat(1.0) - h * h),
                    Activation::Relu => d_h.where_positive(h),
                    Activation::Logistic => d_h * (h - h * h),
                };
                d_z.store(&mut tile.gates[at..]);
                v.splat(0.0).store(&mut tile.d_h[at..]);
            }
        }
    }
}
