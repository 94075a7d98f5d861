//! The Elman cell, pointwise: one slot, `h' = f(z)`. The derivative is written in terms of the output.

use super::description::{Description, Stage, StageOperand};
use super::tile::{BackwardTile, ForwardTile};
use crate::element::Element;
use crate::simd::{Functions, Job, Vector};
use crate::values::GatePlanes;

/// The nonlinearity of an Elman cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Hyperbolic tangent, the default.
    Tanh,
    /// `max(0, x)`.
    Relu,
    /// `1 / (1 + exp(-x))`, used by Elman (1990).
    Logistic,
}

pub(crate) const DESCRIPTION: Description = Description {
    slot_names: &["h"],
    input_gates: &[0],
    stages: &[Stage { operand: StageOperand::State, slots: 0..1, gates: &[0] }],
    has_cell_state: false,
    forget_gate: None,
};

pub(crate) struct Forward<'a, E> {
    pub(crate) activation: Activation,
    pub(crate) tile: ForwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Forward { activation, mut tile, gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let [z] = tile.pre_activations(v, r, u);
                let h = match activation {
                    Activation::Tanh => z.tanh(),
                    Activation::Relu => v.splat(0.0).max(z),
                    Activation::Logistic => z.sigmoid(),
                };
                E::store(h, &mut gates[0][at..]);
                tile.store_h(h, at);
            }
        }
    }
}

pub(crate) struct Backward<'a, E> {
    pub(crate) activation: Activation,
    pub(crate) tile: BackwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for Backward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Backward { activation, tile, gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let h = E::load(v, &gates[0][at..]);
                let d_h = tile.incoming(v, r, u);
                let d_z = match activation {
                    Activation::Tanh => d_h * (v.splat(1.0) - h * h),
                    Activation::Relu => d_h.where_positive(h),
                    Activation::Logistic => d_h * (h - h * h),
                };
                E::store(d_z, &mut gates[0][at..]);
                v.splat(0.0).store(&mut tile.d_h[at..]);
            }
        }
    }
}
