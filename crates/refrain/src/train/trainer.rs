//! One training step: the batch is split into shards, each shard's gradients are computed, then one update.

use refrain_kernels::{Backend, Loss, Moments, Real, State, Update};

use crate::data::Batch;
use crate::layer::DropoutMask;
use crate::model::{Network, Part, TrainStep, gradients, rows_of_part};
use crate::params::{Entry, WeightDrop, Weights};

/// A model in training: its weights, the optimiser's moments, and the shards with their carried states.
///
/// Each shard is processed by the whole model, forward and backward, on one thread; gradients are added in order. So the
/// number of shards affects rounding, the number of threads does not.
pub struct Trainer<N: Network, B: Backend> {
    backend: B,
    network: N,
    weights: Weights<B>,
    moments: Moments<B::Buffer>,
    shards: Vec<Shard<N, B>>,
    /// Dropout probability of the recurrent weights.
    weight_drop: f32,
    average: Option<Average<B>>,
}

/// Rows that are processed together.
struct Shard<N: Network, B: Backend> {
    part: Part<N, B>,
    /// The arena of its gradients.
    grads: B::Buffer,
}

/// An exponential moving average of the parameters (Polyak & Juditsky 1992), which is evaluated, sampled from and kept in
/// their place. Early in training it averages over about the last tenth of the updates, so that the initial parameters
/// soon lose their influence.
struct Average<B: Backend> {
    weights: Weights<B>,
    /// Maximum number of updates to average over.
    horizon: f64,
}

impl<B: Backend> Average<B> {
    /// The weight of the current parameters after update `step`, from 1.
    fn share(&self, step: u64) -> f64 {
        (10.0 / (step as f64 + 9.0)).max(1.0 / self.horizon)
    }
}

/// Results of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Of the whole batch, before the update.
    pub loss: Loss,
    /// Global norm of the gradient before clipping.
    pub grad_norm: f64,
}

impl StepReport {
    /// Whether loss and gradient are finite; otherwise nothing was updated.
    pub fn is_finite(&self) -> bool {
        self.grad_norm.is_finite() && self.loss.nats.is_finite()
    }
}

impl<N: Network, B: Backend> Trainer<N, B> {
    /// A trainer of a network with the parameters `params`, for batches of `shards` shards and an optimiser with `moments`
    /// arenas.
    pub fn new(backend: &B, network: N, params: &[f32], shards: usize, moments: usize) -> Self {
        let params: Vec<B::Real> = to_reals(params);
        let mut weights = Weights::new(network.layout(), backend, &params);
        weights.pack(backend, true);
        let zeros = vec![B::Real::of(0.0); params.len()];
        Self {
            backend: backend.clone(),
            weights,
            moments: Moments((0..moments).map(|_| backend.buffer(&zeros)).collect()),
            shards: (0..shards)
                .map(|_| Shard { part: Part::default(), grads: backend.buffer(&zeros) })
                .collect(),
            weight_drop: 0.0,
            average: None,
            network,
        }
    }

    /// The same with dropout of recurrent weights (see [`WeightDrop`]); 0 for none.
    #[must_use]
    pub fn dropping_weights(self, rate: f32) -> Self {
        Self { weight_drop: rate, ..self }
    }

    /// The same with an average of the parameters over about `horizon` updates; 0 for none.
    #[must_use]
    pub fn averaging(mut self, horizon: u64) -> Self {
        self.average = (horizon > 0).then(|| {
            let params = self.backend.read(&self.weights.params);
            let weights = Weights::new(self.network.layout(), &self.backend, &params);
            Average { weights, horizon: horizon as f64 }
        });
        self
    }

    /// The network.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// The weights for evaluation and sampling, packed: the average if there is one, without weight drop.
    pub fn evaluation(&mut self) -> &Weights<B> {
        match &mut self.average {
            Some(average) => {
                average.weights.pack(&self.backend, false);
                &average.weights
            }
            None => {
                if self.weight_drop > 0.0 {
                    self.weights.pack(&self.backend, false);
                }
                &self.weights
            }
        }
    }

    /// Starts `rows` sequences from the zero state.
    pub fn reset_state(&mut self, rows: usize) {
        let shards = self.shards.len();
        for (i, shard) in self.shards.iter_mut().enumerate() {
            shard.part.state = self.network.zero_state::<B>(rows_of_part(rows, shards, i).len());
        }
    }

    /// One update from a batch whose rows continue those of the last one (see [`Trainer::reset_state`]). `dropout_seed`
    /// is the random seed of dropout.
    pub fn step(&mut self, batch: &N::Batch, dropout_seed: u64, update: &Update) -> StepReport {
        let Self { backend, network, weights, moments, shards, weight_drop, average } = self;
        if *weight_drop > 0.0 {
            let drop = WeightDrop { rate: *weight_drop, seed: dropout_seed };
            weights.pack_dropped(backend, drop);
        }
        let scale = 1.0 / batch.count().max(1) as f64;
        let count = shards.len();
        backend.parallel(shards, |i, Shard { part, grads }| {
            let rows = rows_of_part(batch.rows(), count, i);
            part.batch.take(batch, rows.clone());
            let dropout = DropoutMask { seed: dropout_seed, batch_rows: batch.rows(), first_row: rows.start };
            gradients(backend, network, weights, part, TrainStep { scale, dropout }, grads);
        });
        let mut loss = Loss::default();
        shards.iter().for_each(|shard| loss.add(shard.part.score.loss));
        let mut grads: Vec<&mut B::Buffer> = shards.iter_mut().map(|shard| &mut shard.grads).collect();
        let updated =
            backend.update(update, network.layout().decayed(), &mut grads, moments, &mut weights.params);
        let report = StepReport { loss, grad_norm: updated.norm };
        if report.is_finite() {
            if let Some(average) = average {
                let share = average.share(update.step);
                backend.blend(share, &weights.params, &mut average.weights.params);
            }
            if *weight_drop == 0.0 {
                weights.pack(backend, true);
            }
        }
        report
    }

    /// After a step that was not finite: the first parameter whose gradient is not finite.
    pub fn first_non_finite(&self) -> Option<&Entry> {
        let grads = self.backend.read(&self.shards.first()?.grads);
        let at = grads.iter().position(|g| !g.as_f64().is_finite())?;
        self.network.layout().entry_at(at)
    }

    /// The parameters, in the order of the layout.
    pub fn params(&self) -> Vec<f32> {
        to_f32(&self.backend.read(&self.weights.params))
    }

    /// The parameters to keep: their average, if there is one.
    pub fn kept(&self) -> Vec<f32> {
        self.average().unwrap_or_else(|| self.params())
    }

    /// The average of the parameters, if there is one.
    pub fn average(&self) -> Option<Vec<f32>> {
        self.average.as_ref().map(|average| to_f32(&self.backend.read(&average.weights.params)))
    }

    /// The optimiser's moments.
    pub fn moments(&self) -> Vec<Vec<f32>> {
        self.moments.0.iter().map(|moment| to_f32(&self.backend.read(moment))).collect()
    }

    /// The carried states of the whole batch, `[B, H]` each, one element per layer.
    pub fn state(&self) -> Vec<State<f32>> {
        let layers = self.shards.first().map_or(0, |shard| shard.part.state.len());
        let whole = |layer: usize| {
            let parts = self.shards.iter().map(|shard| &shard.part.state[layer]);
            let h = parts.clone().flat_map(|part| to_f32(&part.h)).collect();
            State { h, c: parts.flat_map(|part| to_f32(&part.c)).collect() }
        };
        (0..layers).map(whole).collect()
    }

    /// Restores saved moments, average and states.
    pub fn restore(
        &mut self,
        moments: &[Vec<f32>],
        average: Option<&[f32]>,
        state: &[State<f32>],
        rows: usize,
    ) {
        if let (Some(own), Some(saved)) = (&mut self.average, average) {
            own.weights.params = self.backend.buffer(&to_reals(saved));
        }
        self.moments = Moments(moments.iter().map(|moment| self.backend.buffer(&to_reals(moment))).collect());
        let shards = self.shards.len();
        for (i, shard) in self.shards.iter_mut().enumerate() {
            let own = rows_of_part(rows, shards, i);
            let part = |values: &[f32]| {
                let width = values.len() / rows.max(1);
                to_reals(&values[own.start * width..own.end * width])
            };
            shard.part.state = state.iter().map(|s| State { h: part(&s.h), c: part(&s.c) }).collect();
        }
    }
}

fn to_reals<R: Real>(values: &[f32]) -> Vec<R> {
    values.iter().map(|&x| R::of(x.into())).collect()
}

fn to_f32<R: Real>(values: &[R]) -> Vec<f32> {
    values.iter().map(|x| x.as_f32()).collect()
}
