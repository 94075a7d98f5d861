//! Parameters on a backend: the arena, and what products need of it.

use refrain_kernels::{Backend, Dropout};
use std::ops::Range;

use super::{Layout, LinearId, RecurrentIds};

/// Weights on a backend. They are addressed by the names that [`super::LayoutBuilder`] gives.
pub struct Weights<B: Backend> {
    /// The parameters, in the order of the layout.
    pub params: B::Buffer,
    recurrent: Vec<B::Recurrent>,
    linears: Vec<B::Linear>,
    /// Where the recurrent layers' `weight_hh` lie.
    hidden: Vec<Range<usize>>,
    /// The parameters as they are packed where some weights are dropped, and which those are.
    dropped: Option<B::Buffer>,
    drop: Option<WeightDrop>,
}

/// Which recurrent weights a training step drops (DropConnect on `weight_hh`, Merity et al. 2018, section 2): the
/// same ones at all steps of the window and in all shards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightDrop {
    /// Probability of dropping, `0 < rate < 1`. The weights kept are multiplied by `1 / (1 - rate)`.
    pub rate: f32,
    /// A new one for every step of training.
    pub seed: u64,
}

impl WeightDrop {
    /// Drops weights in an arena of parameters, or their gradients in one of gradients.
    fn apply<B: Backend>(&self, backend: &B, hidden: &[Range<usize>], arena: &mut B::Buffer) {
        // Apart from the masks of outputs, which are multiples of the same number.
        let seed = (self.seed ^ 0x5851_f42d_4c95_7f2d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (layer, weights) in (0..).zip(hidden) {
            let (rate, seed) = (self.rate, seed.wrapping_add(layer));
            let dropout = Dropout { rate, seed, rows: 1, batch_rows: 1, first_row: 0, locked: false };
            backend.dropout_weights(&dropout, weights.clone(), arena);
        }
    }
}

impl<B: Backend> Weights<B> {
    /// Brings parameters, as many as the layout has, to a backend. Call [`Weights::pack`] before a forward pass.
    pub fn new(layout: &Layout, backend: &B, params: &[B::Real]) -> Self {
        let specs = &layout.recurrent;
        Self {
            params: backend.buffer(params),
            recurrent: specs.iter().map(|spec| backend.recurrent(spec)).collect(),
            linears: layout.linears.iter().map(|spec| backend.linear(spec)).collect(),
            hidden: specs.iter().map(|spec| spec.weight_hh_range()).collect(),
            dropped: None,
            drop: None,
        }
    }

    /// Recurrent layers, ready for products.
    pub fn recurrent(&self, ids: &RecurrentIds) -> &[B::Recurrent] {
        &self.recurrent[ids.0.clone()]
    }

    /// A linear layer, ready for products.
    pub fn linear(&self, id: LinearId) -> &B::Linear {
        &self.linears[id.0]
    }

    /// Prepares the weights for forward passes; after every update, too. `training` includes the backward pass.
    pub fn pack(&mut self, backend: &B, training: bool) {
        self.drop = None;
        self.pack_all(backend, training);
    }

    /// Prepares the weights for one step of training in which some of the recurrent ones are dropped.
    pub fn pack_dropped(&mut self, backend: &B, drop: WeightDrop) {
        let Self { params, dropped, hidden, .. } = &mut *self;
        let dropped = dropped.get_or_insert_with(|| backend.buffer(&backend.read(params)));
        backend.blend(1.0, params, dropped);
        drop.apply(backend, hidden, dropped);
        self.drop = Some(drop);
        self.pack_all(backend, true);
    }

    /// Drops the gradients of those weights that are dropped.
    pub(crate) fn drop_gradients(&self, backend: &B, grads: &mut B::Buffer) {
        if let Some(drop) = &self.drop {
            drop.apply(backend, &self.hidden, grads);
        }
    }

    fn pack_all(&mut self, backend: &B, training: bool) {
        enum Unpacked<'a, B: Backend> {
            Recurrent(&'a mut B::Recurrent),
            Linear(&'a mut B::Linear),
        }
        let Self { params, recurrent, linears, dropped, drop, .. } = self;
        let params = drop.and(dropped.as_ref()).unwrap_or(params);
        let mut parts: Vec<Unpacked<'_, B>> = recurrent.iter_mut().map(Unpacked::Recurrent).collect();
        parts.extend(linears.iter_mut().map(Unpacked::Linear));
        backend.parallel(&mut parts, |_, part| match part {
            Unpacked::Recurrent(layer) => backend.pack_recurrent(layer, params, training),
            Unpacked::Linear(linear) => backend.pack_linear(linear, params, training),
        });
    }
}
