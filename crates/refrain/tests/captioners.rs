//! The captioner: gradients, and independence of the rows of a batch.

mod support;

use refrain::data::{Batch, IGNORE, TextBatch};
use refrain::kernels::{Cpu, Isa};
use refrain::model::{
    Captioner, CaptionerBatch, CaptionerInput, CaptionerSizes, CaptionerWorkspace, CellKind, LayerSizes,
    Network, Part, RecurrentLayers, Weights,
};
use support::check_gradients;

fn sizes(cell: CellKind, input: CaptionerInput) -> CaptionerSizes {
    let recurrent = RecurrentLayers {
        layers: LayerSizes { cell, hidden_size: 5, num_layers: 2, dropout: 0.3, ..LayerSizes::default() },
        bidirectional: false,
        locked_dropout: false,
    };
    CaptionerSizes { input, code_size: 6, recurrent, vocab_size: 7, embedding_size: 4 }
}

fn inputs() -> [CaptionerInput; 3] {
    [
        CaptionerInput::Vector { size: 3 },
        CaptionerInput::Picture { width: 6, height: 4, channels: vec![3, 4] },
        CaptionerInput::Picture { width: 5, height: 3, channels: vec![2] },
    ]
}

/// Texts of these lengths, longest first.
fn batch(input: &CaptionerInput, lengths: &[usize]) -> CaptionerBatch {
    let (rows, steps) = (lengths.len(), lengths[0]);
    let value = |i: usize| (i as f32 * 0.9).sin();
    let id = |step: usize, row: usize| (row * 5 + step * 3) as u32 % 7;
    let places = || (0..steps).flat_map(|step| (0..rows).map(move |row| (step, row)));
    let filled = |step: usize, row: usize| step < lengths[row];
    let texts = TextBatch {
        rows,
        steps,
        inputs: places().map(|(step, row)| if filled(step, row) { id(step, row) } else { 0 }).collect(),
        targets: places()
            .map(|(step, row)| if filled(step, row) { id(step + 1, row) } else { IGNORE })
            .collect(),
        lengths: Some(lengths.to_vec()),
    };
    CaptionerBatch { inputs: (0..rows * input.size()).map(value).collect(), size: input.size(), texts }
}

#[test]
fn gradients_equal_differences_of_the_loss() {
    for cell in [CellKind::Lstm, CellKind::Gru, CellKind::Rnn] {
        for input in inputs() {
            let batch = batch(&input, &[4, 2, 1]);
            check_gradients(&Captioner::new(&sizes(cell, input)).unwrap(), &batch);
        }
    }
}

#[test]
fn a_padded_row_gives_the_same_bits_as_the_row_alone() {
    for isa in Isa::available() {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        for input in inputs() {
            let all = batch(&input, &[9, 6, 3, 2, 1]);
            let network = Captioner::new(&sizes(CellKind::Lstm, input)).unwrap();
            let mut weights = Weights::new(network.layout(), &backend, &network.layout().init(1));
            weights.pack(&backend, false);
            let score = |batch: &CaptionerBatch| {
                let mut part = Part::<Captioner, Cpu>::default();
                part.batch.take(batch, 0..batch.rows());
                network.evaluate(&backend, &weights, &mut part).loss.nats
            };
            let step = |batch: &CaptionerBatch| {
                let mut pass = CaptionerWorkspace::default();
                let mut states = network.initial_states(&backend, &weights, &batch.inputs, None, &mut pass);
                let ids = vec![1; batch.rows()];
                network.step(&backend, &weights, &ids, &mut states, &mut pass).to_vec()
            };
            let (together, mut sum) = (step(&all), 0.0);
            for row in 0..all.rows() {
                let mut alone = CaptionerBatch::default();
                alone.take(&all, row..row + 1);
                assert_eq!(step(&alone), together[row * 7..][..7], "{isa}, row {row}");
                sum += score(&alone);
            }
            assert!((sum - score(&all)).abs() < 1e-4, "{isa}");
        }
    }
}

#[test]
fn invalid_sizes_are_rejected() {
    let picture = |side: usize, layers: usize| CaptionerInput::Picture {
        width: side,
        height: side,
        channels: vec![2; layers],
    };
    for input in
        [CaptionerInput::Vector { size: 0 }, picture(7, 3), picture(0, 0), picture(4, 200), picture(9999, 1)]
    {
        assert!(Captioner::new(&sizes(CellKind::Lstm, input.clone())).is_err(), "{input:?}");
    }
}
