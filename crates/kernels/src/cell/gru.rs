//! The gated recurrent unit, pointwise, in both forms: slots `n r z` and `q`.
//!
//! `h' = (1 - z) n + z h`. With *reset after* (PyTorch), `n = tanh(x_n + r q)`, where `q = W_hn h + b_hn` is part of
//! the same product as `r` and `z`. With *reset before* (Cho et al. 2014), `n = tanh(x_n + W_hn q + b_hn)`, where `q
//! = r h`: the candidate depends on the reset gate of every unit, so a step has two products and two pointwise parts.

use super::description::{Description, Stage, StageOperand};
use super::tile::{BackwardTile, ForwardTile, gates_at, store_gates};
use crate::element::Element;
use crate::simd::{Functions, Job, Vector};
use crate::values::GatePlanes;

/// The gates in the order of PyTorch's weights.
const R: usize = 0;
const Z: usize = 1;
const N: usize = 2;

const SLOT_N: usize = 0;
const SLOT_R: usize = 1;
const SLOT_Z: usize = 2;
const SLOT_Q: usize = 3;

pub(crate) const RESET_AFTER: Description = Description {
    slot_names: &["n", "r", "z", "hidden_n"],
    input_gates: &[N, R, Z],
    stages: &[Stage { operand: StageOperand::State, slots: SLOT_R..SLOT_Q + 1, gates: &[R, Z, N] }],
    has_cell_state: false,
    forget_gate: None,
};

pub(crate) const RESET_BEFORE: Description = Description {
    slot_names: &["n", "r", "z", "reset_h"],
    input_gates: &[N, R, Z],
    stages: &[
        Stage { operand: StageOperand::State, slots: SLOT_R..SLOT_Z + 1, gates: &[R, Z] },
        Stage { operand: StageOperand::Slot(SLOT_Q), slots: SLOT_N..SLOT_N + 1, gates: &[N] },
    ],
    has_cell_state: false,
    forget_gate: None,
};

/// `h' = n + z (h - n)`.
#[inline(always)]
fn mix<V: Vector>(h: V, n: V, update: V) -> V {
    update.mul_add(h - n, n)
}

/// The gradients of the pre-activations of `n` and `z`.
#[inline(always)]
fn mix_back<V: Vector>(d_h: V, h: V, n: V, update: V) -> (V, V) {
    let d_n = (d_h - d_h * update) * (n.splat(1.0) - n * n);
    (d_n, d_h * (h - n) * (update - update * update))
}

pub(crate) struct ForwardResetAfter<'a, E> {
    pub(crate) tile: ForwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for ForwardResetAfter<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { mut tile, mut gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let [x_n, z_r, z_z, q] = tile.pre_activations(v, r, u);
                let (reset, update) = (z_r.sigmoid(), z_z.sigmoid());
                let n = reset.mul_add(q, x_n).tanh();
                tile.store_h(mix(v.load(&tile.h_prev[at..]), n, update), at);
                store_gates([n, reset, update, q], &mut gates, at);
            }
        }
    }
}

pub(crate) struct BackwardResetAfter<'a, E> {
    pub(crate) tile: BackwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for BackwardResetAfter<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { tile, mut gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let d_h = tile.incoming(v, r, u);
                let [n, reset, update, q] = gates_at(v, &gates, at);

                let (d_n, d_update) = mix_back(d_h, v.load(&tile.h_prev[at..]), n, update);
                // n = tanh(x_n + r q)
                let d_reset = d_n * q * (reset - reset * reset);

                (d_h * update).store(&mut tile.d_h[at..]);
                store_gates([d_n, d_reset, d_update, d_n * reset], &mut gates, at);
            }
        }
    }
}

/// First half of a reset-before step: the gates `r` and `z`, and `q = r h`. Slot `n` holds the input's contribution.
pub(crate) struct ForwardResetGates<'a, E> {
    pub(crate) tile: ForwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for ForwardResetGates<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { tile, mut gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let [x_n, z_r, z_z, _] = tile.pre_activations(v, r, u);
                let (reset, update) = (z_r.sigmoid(), z_z.sigmoid());
                let q = reset * v.load(&tile.h_prev[at..]);
                store_gates([x_n, reset, update, q], &mut gates, at);
            }
        }
    }
}

/// Second half of a reset-before step: the candidate, from the product of `q`, and the new state.
pub(crate) struct ForwardCandidate<'a, E> {
    pub(crate) tile: ForwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for ForwardCandidate<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { mut tile, gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let [x_n, _, update] = gates_at(v, &gates, at);
                let [recurrent] = tile.products(v, r, u);
                let n = (x_n + recurrent).tanh();
                tile.store_h(mix(v.load(&tile.h_prev[at..]), n, update), at);
                E::store(n, &mut gates[SLOT_N][at..]);
            }
        }
    }
}

/// First half of the backward pass of a reset-before step: the gradients of `n` and `z`. Slots `r` and `q` are
/// unchanged.
pub(crate) struct BackwardCandidate<'a, E> {
    pub(crate) tile: BackwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for BackwardCandidate<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { tile, gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let d_h = tile.incoming(v, r, u);
                let [n, _, update] = gates_at(v, &gates, at);
                let (d_n, d_update) = mix_back(d_h, v.load(&tile.h_prev[at..]), n, update);
                (d_h * update).store(&mut tile.d_h[at..]);
                E::store(d_n, &mut gates[SLOT_N][at..]);
                E::store(d_update, &mut gates[SLOT_Z][at..]);
            }
        }
    }
}

/// Second half of the backward pass of a reset-before step: from the gradient of `q = r h` to those of `r` and `h`.
pub(crate) struct BackwardResetGate<'a, E> {
    pub(crate) tile: BackwardTile<'a>,
    pub(crate) gates: GatePlanes<'a, E>,
}

impl<E: Element> Job for BackwardResetGate<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { tile, gates } = self;
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * tile.hp + u * V::LANES;
                let d_q = tile.d_operand(v, r, u);
                let gate = &mut gates[SLOT_R][at..];
                let reset = E::load(v, gate);
                d_q.mul_add(reset, v.load(&tile.d_h[at..])).store(&mut tile.d_h[at..]);
                E::store(d_q * v.load(&tile.h_prev[at..]) * (reset - reset * reset), gate);
            }
        }
    }
}
