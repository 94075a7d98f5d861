//! Gradients of the whole language model in `f64` against central differences of its loss, and the kernels of every
//! instruction set against the reference. Dropout, also of weights, is always on, so that its masks are tested, too.

use refrain::data::{Batch, IGNORE, TextBatch};
use refrain::kernels::{Backend, Cpu, Isa, Loss, Real, Reference};
use refrain::layer::DropoutMask;
use refrain::model::{
    ActivationKind, Architecture, CellKind, LanguageModel, LayerSizes, Network, Part, ResetGate, TrainStep,
    Weights, gradients,
};
use refrain::params::WeightDrop;

/// Central differences with a step of 1e-5 have an error of about 1e-10 from the third derivative and 1e-11 from rounding.
const STEP: f64 = 1e-5;
const DIFFERENCES: f64 = 1e-6;
/// Sums of up to a few thousand `f32` products in different orders.
const SINGLE: f64 = 1e-5;

/// All cells and variants.
fn cells() -> Vec<(CellKind, ActivationKind, ResetGate)> {
    let (tanh, after) = (ActivationKind::Tanh, ResetGate::After);
    vec![
        (CellKind::Rnn, tanh, after),
        (CellKind::Rnn, ActivationKind::Relu, after),
        (CellKind::Rnn, ActivationKind::Logistic, after),
        (CellKind::Gru, tanh, after),
        (CellKind::Gru, tanh, ResetGate::Before),
        (CellKind::Lstm, tanh, after),
    ]
}

fn architecture(
    (cell, activation, reset_gate): (CellKind, ActivationKind, ResetGate),
    (vocab_size, hidden_size): (usize, usize),
    num_layers: usize,
    embedding_size: usize,
) -> Architecture {
    Architecture {
        layers: LayerSizes {
            cell,
            activation,
            reset_gate,
            hidden_size,
            num_layers,
            dropout: 0.4,
            ..LayerSizes::default()
        },
        embedding_size,
        ..Architecture::new(vocab_size)
    }
}

/// Rows of different lengths, or full ones; some positions have no target.
fn batch(vocab_size: usize, lengths: Option<Vec<usize>>, (rows, steps): (usize, usize)) -> TextBatch {
    let id = |i: usize| ((i * 7 + i / 3 + 1) % vocab_size) as u32;
    let lives = |i: usize| lengths.as_ref().is_none_or(|lengths| i / rows < lengths[i % rows]);
    let target = |i: usize| if lives(i) && i % 5 != 3 { id(i * 3 + 2) } else { IGNORE };
    TextBatch {
        rows,
        steps,
        inputs: (0..rows * steps).map(id).collect(),
        targets: (0..rows * steps).map(target).collect(),
        lengths,
    }
}

const WEIGHT_DROP: WeightDrop = WeightDrop { rate: 0.3, seed: 5 };

/// Mean loss and its gradients, from a state that is not zero.
fn loss_and_gradients<B: Backend>(
    backend: &B,
    model: &LanguageModel,
    params: &[f64],
    batch: &TextBatch,
) -> (Loss, Vec<f64>) {
    let params: Vec<B::Real> = params.iter().map(|&x| B::Real::of(x)).collect();
    let mut weights = Weights::new(model.layout(), backend, &params);
    weights.pack_dropped(backend, WEIGHT_DROP);
    let mut part = Part::<LanguageModel, B>::default();
    part.batch.take(batch, 0..batch.rows);
    part.state = model.zero_state::<B>(batch.rows);
    for state in &mut part.state {
        for (i, x) in state.h.iter_mut().chain(&mut state.c).enumerate() {
            *x = B::Real::of((i as f64 * 0.7).sin() * 0.5);
        }
    }
    // Two rows of a larger batch come first, so that the offset of a shard's dropout mask is tested.
    let dropout = DropoutMask { seed: 11, batch_rows: batch.rows + 2, first_row: 2 };
    let step = TrainStep { scale: 1.0 / batch.count().max(1) as f64, dropout };
    let mut grads = backend.buffer(&params);
    gradients(backend, model, &weights, &mut part, step, &mut grads);
    (part.score.loss, backend.read(&grads).into_iter().map(Real::as_f64).collect())
}

fn first_values(model: &LanguageModel) -> Vec<f64> {
    model.layout().init(3).into_iter().map(f64::from).collect()
}

fn check_differences(architecture: &Architecture, batch: &TextBatch) {
    let backend = Reference::<f64>::new();
    let model = LanguageModel::new(architecture).unwrap();
    let params = first_values(&model);
    let (_, gradients) = loss_and_gradients(&backend, &model, &params, batch);
    for entry in model.layout().entries() {
        let analytic = &gradients[entry.range.clone()];
        let scale = analytic.iter().fold(1e-3, |most: f64, g| most.max(g.abs()));
        for (i, &gradient) in entry.range.clone().zip(analytic) {
            let mean = |by: f64| {
                let mut shifted = params.clone();
                shifted[i] += by;
                loss_and_gradients(&backend, &model, &shifted, batch).0.mean()
            };
            let difference = (mean(STEP) - mean(-STEP)) / (2.0 * STEP);
            let error = (difference - gradient).abs() / scale;
            let (name, at) = (&entry.name, i - entry.range.start);
            assert!(
                error < DIFFERENCES,
                "{architecture:?}: {name}[{at}] is {gradient}, differences give {difference}"
            );
        }
    }
}

#[test]
fn gradients_equal_differences_of_the_loss_for_every_cell_and_depth() {
    for cell in cells() {
        for (num_layers, embedding_size) in [(1, 0), (1, 2), (2, 0), (2, 2)] {
            let architecture = architecture(cell, (5, 4), num_layers, embedding_size);
            check_differences(&architecture, &batch(5, None, (2, 3)));
            check_differences(&architecture, &batch(5, Some(vec![4, 3, 1]), (3, 4)));
        }
    }
}

/// Vocabularies above 1024 tokens use embedding lookup; a tied matrix gets gradients from both uses.
#[test]
fn tied_embeddings_and_large_vocabularies_have_the_right_gradients() {
    let tied = |vocab_size, hidden_size| Architecture {
        tied_embeddings: true,
        ..architecture(cells()[5], (vocab_size, hidden_size), 2, hidden_size)
    };
    let untied = |vocab_size| architecture(cells()[3], (vocab_size, 3), 1, 2);
    let backends: Vec<Cpu> = Isa::available().map(|isa| Cpu::with_isa(isa, 1).unwrap()).collect();
    for architecture in [tied(7, 3), tied(1030, 2), untied(1030)] {
        let batch = batch(architecture.vocab_size, Some(vec![4, 3, 1]), (3, 4));
        check_differences(&architecture, &batch);
        agree(&architecture, &batch, &backends);
    }
    let wide = tied(1500, 33);
    agree(&wide, &batch(1500, None, (5, 6)), &backends);
    let names: Vec<_> = LanguageModel::new(&wide)
        .unwrap()
        .layout()
        .entries()
        .iter()
        .map(|entry| entry.name.clone())
        .collect();
    assert!(!names.contains(&"readout.weight".to_owned()), "{names:?}");
    assert!(LanguageModel::new(&Architecture { embedding_size: 34, ..wide }).is_err());
}

#[test]
fn gradients_equal_differences_of_the_loss_with_layer_normalisation() {
    for cell in [cells()[0], cells()[3], cells()[5]] {
        let mut architecture = architecture(cell, (5, 4), 2, 2);
        architecture.layers.layer_norm = true;
        check_differences(&architecture, &batch(5, Some(vec![4, 3, 1]), (3, 4)));
    }
}

#[test]
fn weight_drop_affects_recurrent_weights_only() {
    let architecture = architecture(cells()[5], (9, 8), 2, 3);
    let model = LanguageModel::new(&architecture).unwrap();
    let (_, gradients) =
        loss_and_gradients(&Reference::<f64>::new(), &model, &first_values(&model), &batch(9, None, (4, 9)));
    for entry in model.layout().entries().iter().filter(|entry| entry.shape.len() == 2) {
        let zeros = gradients[entry.range.clone()].iter().filter(|&&g| g == 0.0).count();
        let share = zeros as f32 / entry.range.len() as f32;
        let expected = if entry.name.contains("weight_hh") { WEIGHT_DROP.rate } else { 0.0 };
        assert!((share - expected).abs() < 0.1, "{}: {share}", entry.name);
    }
}

#[test]
fn dropout_seeds_change_the_loss() {
    let dropped = architecture(cells()[5], (5, 4), 2, 2);
    let mut whole = dropped.clone();
    whole.layers.dropout = 0.0;
    let losses = [dropped, whole].map(|architecture| {
        let model = LanguageModel::new(&architecture).unwrap();
        let batch = batch(5, None, (2, 3));
        loss_and_gradients(&Reference::<f64>::new(), &model, &first_values(&model), &batch).0.nats
    });
    assert!((losses[0] - losses[1]).abs() > 1e-3, "{losses:?}");
}

fn relative_error(got: &[f64], expected: &[f64]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let difference = square(&mut got.iter().zip(expected).map(|(g, w)| g - w));
    difference / square(&mut expected.iter().copied()).max(1e-12)
}

#[test]
fn every_instruction_set_agrees_with_the_reference() {
    const SIZES: [usize; 8] = [1, 2, 7, 8, 9, 17, 33, 65];
    let backends: Vec<Cpu> = Isa::available().map(|isa| Cpu::with_isa(isa, 1).unwrap()).collect();
    for (c, &cell) in cells().iter().enumerate() {
        for (v, &vocab_size) in SIZES.iter().enumerate() {
            for (h, &hidden_size) in SIZES.iter().enumerate() {
                // All pairs of sizes, and other variants distributed over them.
                let pick = c + v + h;
                let (num_layers, embedding_size) = (1 + pick % 2, [0, 3, 9][pick % 3]);
                let architecture = architecture(cell, (vocab_size, hidden_size), num_layers, embedding_size);
                let batch = match pick % 4 {
                    0 => batch(vocab_size, None, (1, 1)),
                    1 => batch(vocab_size, Some(vec![5, 3, 3, 1]), (4, 5)),
                    _ => batch(vocab_size, None, (3, 4)),
                };
                agree(&architecture, &batch, &backends);
            }
        }
    }
}

fn agree(architecture: &Architecture, batch: &TextBatch, backends: &[Cpu]) {
    let model = LanguageModel::new(architecture).unwrap();
    let params = first_values(&model);
    let (expected, gradients) = loss_and_gradients(&Reference::<f64>::new(), &model, &params, batch);
    for backend in backends {
        let context = format!("{}, {architecture:?}, {} by {}", backend.isa(), batch.rows, batch.steps);
        let (got, d) = loss_and_gradients(backend, &model, &params, batch);
        assert_eq!(got.count, expected.count, "{context}");
        let error = (got.nats - expected.nats).abs() / expected.nats.max(1.0);
        assert!(error < SINGLE, "{context}: the loss is off by {error:.2e}");
        let error = relative_error(&d, &gradients);
        let nothing = d.iter().chain(&gradients).all(|g| g.abs() < 1e-6);
        assert!(error < SINGLE || nothing, "{context}: the gradients are off by {error:.2e} (relative L2)");
    }
}
