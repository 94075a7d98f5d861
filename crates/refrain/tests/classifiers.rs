//! The classifier: gradients, and independence of the rows of a batch.

mod support;

use refrain::data::{Batch, Padded};
use refrain::kernels::{Cpu, Isa, Reference};
use refrain::layer::softmax;
use refrain::model::{
    CellKind, Classifier, ClassifierBatch, ClassifierSizes, ClassifierWorkspace, InputKind, LayerSizes,
    Network, PoolingKind, RecurrentLayers, Weights,
};
use support::check_gradients;

fn sizes(cell: CellKind, bidirectional: bool, pooling: PoolingKind, input: InputKind) -> ClassifierSizes {
    let recurrent = RecurrentLayers {
        layers: LayerSizes {
            cell,
            hidden_size: 5,
            num_layers: 2,
            dropout: 0.3,
            layer_norm: cell == CellKind::Rnn,
            ..LayerSizes::default()
        },
        bidirectional,
        locked_dropout: bidirectional,
    };
    ClassifierSizes { input, recurrent, pooling, classes: 3 }
}

const POOLINGS: [PoolingKind; 4] =
    [PoolingKind::Last, PoolingKind::Mean, PoolingKind::Max, PoolingKind::Attention];
const IDS: InputKind = InputKind::Ids { vocab_size: 7, embedding_size: 4 };
const FRAMES: InputKind = InputKind::Frames { size: 3 };

fn batch(input: InputKind, lengths: &[usize]) -> ClassifierBatch {
    let mut batch = ClassifierBatch::default();
    match input {
        InputKind::Ids { vocab_size, .. } => {
            let rows = lengths.iter().enumerate().map(|(row, &steps)| {
                (0..steps).map(|step| ((row * 5 + step * 3) % vocab_size) as u32).collect::<Vec<u32>>()
            });
            let rows: Vec<_> = rows.collect();
            batch.ids.set(1, rows.iter().map(|row| &row[..]));
        }
        InputKind::Frames { size } => {
            let rows = lengths.iter().enumerate().map(|(row, &steps)| {
                (0..steps * size).map(|i| ((row * 7 + i) as f32 * 0.9).sin()).collect::<Vec<f32>>()
            });
            let rows: Vec<_> = rows.collect();
            batch.frames.set(size, rows.iter().map(|row| &row[..]));
        }
    }
    batch.classes = (0..lengths.len()).map(|row| (row % 3) as u32).collect();
    batch.weights = (0..lengths.len()).map(|row| 0.5 + row as f32).collect();
    batch
}

#[test]
fn gradients_equal_differences_of_the_loss() {
    for (cell, bidirectional) in [(CellKind::Lstm, true), (CellKind::Gru, false), (CellKind::Rnn, true)] {
        for pooling in POOLINGS {
            for input in [IDS, FRAMES] {
                let network = Classifier::new(&sizes(cell, bidirectional, pooling, input)).unwrap();
                check_gradients(&network, &batch(input, &[2, 4, 1]));
            }
        }
    }
}

#[test]
fn a_padded_row_gives_the_same_bits_as_the_row_alone() {
    for isa in Isa::available() {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        for (cell, input) in [(CellKind::Lstm, IDS), (CellKind::Gru, FRAMES), (CellKind::Rnn, IDS)] {
            for pooling in POOLINGS {
                let network = Classifier::new(&sizes(cell, true, pooling, input)).unwrap();
                let mut weights = Weights::new(network.layout(), &backend, &network.layout().init(1));
                weights.pack(&backend, false);
                let all = batch(input, &[3, 9, 1, 6, 2]);
                let logits = |batch: &ClassifierBatch| {
                    let mut pass = ClassifierWorkspace::default();
                    network.logits(&backend, &weights, batch, None, &mut pass).to_vec()
                };
                let together = logits(&all);
                for row in 0..all.rows() {
                    let mut alone = ClassifierBatch::default();
                    alone.take(&all, row..row + 1);
                    assert_eq!(
                        logits(&alone),
                        together[row * 3..][..3],
                        "{isa}, {cell:?}, {pooling:?}, row {row}"
                    );
                }
            }
        }
    }
}

#[test]
fn gradient_times_input_equals_the_effect_of_scaling_an_input() {
    // Products of numbers with few binary places are exact in `f32`.
    let by = f32::exp2(-12.0);
    let short = |xs: &mut [f32]| xs.iter_mut().for_each(|x| *x = (*x * 256.0).round() / 256.0);
    let backend = Reference::<f64>::new();
    for (cell, input) in [(CellKind::Lstm, IDS), (CellKind::Gru, FRAMES), (CellKind::Rnn, IDS)] {
        for pooling in POOLINGS {
            let network = Classifier::new(&sizes(cell, true, pooling, input)).unwrap();
            let table = network.layout().entries().iter().find(|entry| entry.name == "embedding.weight");
            let table = table.map(|entry| entry.range.clone());
            let mut params = network.layout().init(1);
            table.iter().for_each(|table| short(&mut params[table.clone()]));
            let mut batch = batch(input, &[6]);
            short(&mut batch.frames.values);
            let class = 1;
            let on = |params: &[f32]| {
                let params: Vec<f64> = params.iter().map(|&x| x.into()).collect();
                let mut weights = Weights::new(network.layout(), &backend, &params);
                weights.pack(&backend, true);
                weights
            };
            let log_probability = |params: &[f32], batch: &ClassifierBatch| {
                let weights = on(params);
                let mut logits = network
                    .logits(&backend, &weights, batch, None, &mut ClassifierWorkspace::default())
                    .to_vec();
                softmax(&mut logits);
                logits[class].ln()
            };
            let scaled = |step: usize, factor: f32| {
                let (mut params, mut batch) = (params.clone(), batch.clone());
                let size = input.size();
                let values = match &table {
                    Some(table) => {
                        &mut params[table.start + batch.ids.values[step] as usize * size..][..size]
                    }
                    None => &mut batch.frames.values[step * size..][..size],
                };
                values.iter_mut().for_each(|x| *x *= factor);
                log_probability(&params, &batch)
            };
            let weights = on(&params);
            let mut pass = ClassifierWorkspace::default();
            let found = network.input_contributions(&backend, &weights, &batch, class as u32, &mut pass);
            assert_eq!(found.len(), 6);
            for (step, found) in found.into_iter().enumerate() {
                let difference = (scaled(step, 1.0 + by) - scaled(step, 1.0 - by)) / f64::from(2.0 * by);
                assert!(
                    (found - difference).abs() < 1e-6,
                    "{cell:?}, {pooling:?}, {step}: {found} {difference}"
                );
            }
        }
    }
}

#[test]
fn a_batch_gives_the_lengths_of_its_rows() {
    let batch = batch(IDS, &[2, 0, 1]);
    let padded: &Padded<u32> = &batch.ids;
    assert_eq!((batch.lengths(), padded.steps, batch.count()), (&[2, 0, 1][..], 2, 3));
}
