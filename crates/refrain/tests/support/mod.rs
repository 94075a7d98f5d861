//! Checks for the networks of all tasks.

use refrain::data::Batch;
use refrain::kernels::{Backend, Cpu, Isa, Real, Reference};
use refrain::layer::{DropoutMask, Score};
use refrain::model::{Network, Part, TrainStep, Weights, gradients};

/// Step of the differences.
const STEP: f64 = 1e-5;
/// Tolerance of a central difference, relative to the largest gradient of its parameter.
const DIFFERENCES: f64 = 2e-6;
/// Tolerance of `f32`, relative L2, through all layers in both directions.
const SINGLE: f64 = 2e-4;
/// Numbers per parameter that are tested: all of them would take minutes.
const TESTED: usize = 12;

/// The score of a batch and the gradients of its mean loss, with the dropout of a shard after two other rows.
fn score_and_gradients<N: Network, B: Backend>(
    backend: &B,
    network: &N,
    params: &[f64],
    batch: &N::Batch,
) -> (Score, Vec<f64>) {
    let params: Vec<B::Real> = params.iter().map(|&x| B::Real::of(x)).collect();
    let mut weights = Weights::new(network.layout(), backend, &params);
    weights.pack(backend, true);
    let mut part = Part::<N, B>::default();
    part.batch.take(batch, 0..batch.rows());
    part.state = network.zero_state::<B>(batch.rows());
    let dropout = DropoutMask { seed: 11, batch_rows: batch.rows() + 2, first_row: 2 };
    let step = TrainStep { scale: 1.0 / batch.count().max(1) as f64, dropout };
    let mut grads = backend.buffer(&params);
    gradients(backend, network, &weights, &mut part, step, &mut grads);
    (part.score, backend.read(&grads).into_iter().map(Real::as_f64).collect())
}

/// Gradients equal differences of the loss, and every instruction set agrees with the reference.
pub(crate) fn check_gradients<N: Network>(network: &N, batch: &N::Batch) {
    let reference = Reference::<f64>::new();
    let params: Vec<f64> = network.layout().init(3).into_iter().map(f64::from).collect();
    let (score, gradients) = score_and_gradients(&reference, network, &params, batch);
    let mean = |params: &[f64]| {
        let (score, _) = score_and_gradients(&reference, network, params, batch);
        score.loss.nats / batch.count() as f64
    };
    for entry in network.layout().entries() {
        let analytic = &gradients[entry.range.clone()];
        let scale = analytic.iter().fold(1e-3, |max: f64, g| max.max(g.abs()));
        let every = analytic.len().div_ceil(TESTED);
        for (i, &gradient) in entry.range.clone().zip(analytic).step_by(every) {
            let shifted = |by: f64| {
                let mut shifted = params.clone();
                shifted[i] += by;
                mean(&shifted)
            };
            let difference = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
            let error = (difference - gradient).abs() / scale;
            let (name, at) = (&entry.name, i - entry.range.start);
            assert!(error < DIFFERENCES, "{name}[{at}] is {gradient}, differences give {difference}");
        }
    }
    let size = gradients.iter().map(|g| g * g).sum::<f64>().sqrt();
    for isa in Isa::available() {
        let (got, computed) = score_and_gradients(&Cpu::with_isa(isa, 1).unwrap(), network, &params, batch);
        assert_eq!((got.loss.count, got.predictions), (score.loss.count, score.predictions), "{isa}");
        let error = (got.loss.nats - score.loss.nats).abs() / score.loss.nats.abs().max(1.0);
        assert!(error < SINGLE, "{isa}: the loss is off by {error:.2e}");
        let distance: f64 = computed.iter().zip(&gradients).map(|(a, b)| (a - b) * (a - b)).sum();
        let error = distance.sqrt() / size;
        assert!(error < SINGLE, "{isa}: the gradients are off by {error:.2e} (relative L2)");
    }
}
