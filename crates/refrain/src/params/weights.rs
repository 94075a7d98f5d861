//! Parameters on a backend: the arena, and its weights packed for matrix products.

use refrain_kernels::{Backend, Dropout};
use std::ops::Range;

use super::{Layout, LinearId, RecurrentIds};

/// Weights on a backend, addressed by the ids of [`super::LayoutBuilder`].
pub struct Weights<B: Backend> {
    /// The parameters, in the order of the layout.
    pub params: B::Buffer,
    recurrent: Vec<B::Recurrent>,
    linears: Vec<B::Linear>,
    /// The ranges of `weight_hh` of the recurrent layers.
    hidden: Vec<Range<usize>>,
    /// The packed parameters after weight drop, and the mask.
    dropped: Option<B::Buffer>,
    drop: Option<WeightDrop>,
}

/// The recurrent weights dropped by a training step (DropConnect on `weight_hh`, Merity et al. 2018, section 2): the
/// same ones at all steps of the window and in all shards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightDrop {
    /// Probability of dropping, `0 < rate < 1`. The remaining weights are multiplied by `1 / (1 - rate)`.
    pub rate: f32,
    /// A new one for every training step.
    pub seed: u64,
}

impl WeightDrop {
    /// Drops weights in an arena of parameters, or their gradients in an arena of gradients.
    fn apply<B: Backend>(&self, backend: &B, hidden: &[Range<usize>], arena: &mut B::Buffer) {
        // Distinct from the masks of outputs, which are multiples of the same number.
        let seed = (self.seed ^ 0x5851_f42d_4c95_7f2d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (layer, weights) in (0..).zip(hidden) {
            let (rate, seed) = (self.rate, seed.wrapping_add(layer));
            let dropout = Dropout { rate, seed, rows: 1, batch_rows: 1, first_row: 0, locked: false };
            backend.dropout_weights(&dropout, weights.clone(), arena);
        }
    }
}

impl<B: Backend> Weights<B> {
    /// Copies parameters, as many as the layout has, to a backend. Call [`Weights::pack`] before a forward pass.
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

    /// Packed recurrent layers.
    pub fn recurrent(&self, ids: &RecurrentIds) -> &[B::Recurrent] {
        &self.recurrent[ids.0.clone()]
    }

    /// A packed linear layer.
    pub fn linear(&self, id: LinearId) -> &B::Linear {
        &self.linears[id.0]
    }

    /// Packs the weights for forward passes, required after every update. `training` includes the backward pass.
    pub fn pack(&mut self, backend: &B, training: bool) {
        self.drop = None;
        self.pack_all(backend, training);
    }

    /// Packs the weights for one training step with some of the recurrent ones dropped.
    pub fn pack_dropped(&mut self, backend: &B, drop: WeightDrop) {
        let Self { params, dropped, hidden, .. } = &mut *self;
        let dropped = dropped.get_or_insert_with(|| backend.buffer(&backend.read(params)));
        backend.blend(1.0, params, dropped);
        drop.apply(backend, hidden, dropped);
        self.drop = Some(drop);
        self.pack_all(backend, true);
    }

    /// Drops the gradients of the dropped weights.
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
