//! The gated recurrent unit, pointwise, in both forms: slots `n r z` and `q`.
//!
//! `h' = (1 - z) n + z h`. With *reset after* (PyTorch), `n = tanh(x_n + r q)` where `q = W_hn h + b_hn` comes
//! out of the same product as `r` and `z`. With *reset before* (Cho et al. 2014), `n = tanh(x_n + W_hn q + b_hn)`
//! where `q = r h`: the candidate waits for the reset gate of every unit, so a step has two products and the
//! pointwise part two halves.

use super::{BackwardTile, ForwardTile, InputShare, slots, store_slots};
use crate::simd::{Functions, Job, Vector};

const SLOTS: usize = 4;
const GATES: usize = 3;

/// The gates in the order of PyTorch's weights.
pub(crate) const R: usize = 0;
pub(crate) const Z: usize = 1;
pub(crate) const N: usize = 2;

/// The slot of `n`, of which the reset-before form takes a product of its own on the way back.
pub(crate) const SLOT_N: usize = 0;
const SLOT_R: usize = 1;
const SLOT_Z: usize = 2;
/// The slot of `q`, the operand of the reset-before form's second product.
pub(crate) const SLOT_Q: usize = 3;

impl ForwardTile<'_> {
    /// For one row and unit block: the input's share of `n`, and the gates `r` and `z`, whose recurrent shares
    /// are the first two vectors of `pre`.
    #[inline(always)]
    fn gru_gates<V: Vector>(&self, v: V, row: usize, unit: usize, pre: &[f32]) -> [V; GATES] {
        let w = V::LANES;
        let share = match self.input {
            InputShare::InGates => &self.gates[row * SLOTS * self.hp + unit * SLOTS * w..],
            InputShare::Table { table, ids } => {
                &table[ids[row] as usize * GATES * self.hp + unit * GATES * w..]
            }
        };
        let [x_n, x_r, x_z] = slots(v, share);
        let [h_r, h_z] = slots(v, pre);
        [x_n, (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()]
    }
}

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

pub(crate) struct ForwardResetAfter<'a>(pub(crate) ForwardTile<'a>);

impl Job for ForwardResetAfter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let tile = self.0;
        let (w, hp) = (V::LANES, tile.hp);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let pre = &tile.pre[r * tile.pre_stride + (u - tile.units.start) * GATES * w..][..GATES * w];
                let [x_n, reset, update] = tile.gru_gates(v, r, u, pre);
                let q = v.load(&pre[2 * w..]) + v.load(&tile.hidden_bias[u * w..]);
                let n = reset.mul_add(q, x_n).tanh();
                mix(v.load(&tile.h_prev[at..]), n, update).store(&mut tile.h_next[at..]);
                let gates = &mut tile.gates[r * SLOTS * hp + u * SLOTS * w..][..SLOTS * w];
                store_slots([n, reset, update, q], gates);
            }
        }
    }
}

pub(crate) struct BackwardResetAfter<'a>(pub(crate) BackwardTile<'a>);

impl Job for BackwardResetAfter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let tile = self.0;
        let (w, hp) = (V::LANES, tile.hp);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let d_h = tile.incoming(v, r, u);
                let gates = &mut tile.gates[r * SLOTS * hp + u * SLOTS * w..][..SLOTS * w];
                let [n, reset, update, q] = slots(v, gates);

                let (d_n, d_update) = mix_back(d_h, v.load(&tile.h_prev[at..]), n, update);
                // n = tanh(x_n + r q)
                let d_reset = d_n * q * (reset - reset * reset);

                (d_h * update).store(&mut tile.d_h[at..]);
                store_slots([d_n, d_reset, d_update, d_n * reset], gates);
            }
        }
    }
}

/// First half of a reset-before step: the gates `r` and `z`, and `q = r h`.
pub(crate) struct ForwardResetGates<'a>(pub(crate) ForwardTile<'a>);

impl Job for ForwardResetGates<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let tile = self.0;
        let (w, hp) = (V::LANES, tile.hp);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let pre = &tile.pre[r * tile.pre_stride + (u - tile.units.start) * 2 * w..][..2 * w];
                let [x_n, reset, update] = tile.gru_gates(v, r, u, pre);
                let q = reset * v.load(&tile.h_prev[at..]);
                let gates = &mut tile.gates[r * SLOTS * hp + u * SLOTS * w..][..SLOTS * w];
                store_slots([x_n, reset, update, q], gates);
            }
        }
    }
}

/// Second half of a reset-before step: the candidate, from the product of `q`, and the new state.
pub(crate) struct ForwardCandidate<'a>(pub(crate) ForwardTile<'a>);

impl Job for ForwardCandidate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let tile = self.0;
        let (w, hp) = (V::LANES, tile.hp);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let gates = &mut tile.gates[r * SLOTS * hp + u * SLOTS * w..][..SLOTS * w];
                let recurrent = v.load(&tile.pre[r * tile.pre_stride + (u - tile.units.start) * w..]);
                let n = (v.load(gates) + recurrent).tanh();
                let update = v.load(&gates[SLOT_Z * w..]);
                mix(v.load(&tile.h_prev[at..]), n, update).store(&mut tile.h_next[at..]);
                n.store(gates);
            }
        }
    }
}

/// First half of a reset-before step back: the gradients of `n` and `z`. Slots `r` and `q` stay as they are.
pub(crate) struct BackwardCandidate<'a>(pub(crate) BackwardTile<'a>);

impl Job for BackwardCandidate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let tile = self.0;
        let (w, hp) = (V::LANES, tile.hp);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let d_h = tile.incoming(v, r, u);
                let gates = &mut tile.gates[r * SLOTS * hp + u * SLOTS * w..][..SLOTS * w];
                let (n, update) = (v.load(gates), v.load(&gates[SLOT_Z * w..]));
                let (d_n, d_update) = mix_back(d_h, v.load(&tile.h_prev[at..]), n, update);
                (d_h * update).store(&mut tile.d_h[at..]);
                d_n.store(gates);
                d_update.store(&mut gates[SLOT_Z * w..]);
            }
        }
    }
}

/// Second half of a reset-before step back: from the gradient of `q = r h` to `r` and to `h`.
pub(crate) struct BackwardResetGate<'a> {
    pub(crate) tile: BackwardTile<'a>,
    /// Gradient of `q`, `[rows][d_q_stride]`, starting at the tile's first unit.
    pub(crate) d_q: &'a [f32],
    pub(crate) d_q_stride: usize,
}

impl Job for BackwardResetGate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let BackwardResetGate { tile, d_q, d_q_stride } = self;
        let (w, hp) = (V::LANES, tile.hp);
        for r in 0..tile.rows {
            for u in tile.units.clone() {
                let at = r * hp + u * w;
                let d_q = v.load(&d_q[r * d_q_stride + (u - tile.units.start) * w..]);
                let gate = &mut tile.gates[r * SLOTS * hp + (u * SLOTS + SLOT_R) * w..][..w];
                let reset = v.load(gate);
                d_q.mul_add(reset, v.load(&tile.d_h[at..])).store(&mut tile.d_h[at..]);
                (d_q * v.load(&tile.h_prev[at..]) * (reset - reset * reset)).store(gate);
            }
        }
    }
}
