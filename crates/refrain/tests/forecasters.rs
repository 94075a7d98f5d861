//! The forecaster: gradients, and independence of the rows of a batch.

mod support;

use refrain::data::Batch;
use refrain::kernels::{Cpu, Isa};
use refrain::model::{
    CellKind, Forecaster, ForecasterBatch, ForecasterSizes, ForecasterWorkspace, FrameOutput, LayerSizes,
    Network, RecurrentLayers, Weights,
};
use support::check_gradients;

const INPUT: usize = 4;

fn network(cell: CellKind, output: FrameOutput) -> Forecaster {
    let recurrent = RecurrentLayers {
        layers: LayerSizes { cell, hidden_size: 5, num_layers: 2, dropout: 0.3, ..LayerSizes::default() },
        bidirectional: false,
        locked_dropout: false,
    };
    Forecaster::new(&ForecasterSizes { input_size: INPUT, recurrent, output }).unwrap()
}

fn outputs() -> [FrameOutput; 3] {
    [
        FrameOutput::Bernoulli { keys: INPUT },
        FrameOutput::Gaussian { values: 3 },
        FrameOutput::Quantiles { values: 2, levels: vec![0.1, 0.5, 0.9] },
    ]
}

/// Rows with these lengths, and targets for all steps or for the last one.
fn batch(output: &FrameOutput, lengths: &[usize], all: bool) -> ForecasterBatch {
    let rows = |width: usize, steps: &dyn Fn(usize) -> usize| {
        let row = |(row, &length): (usize, &usize)| {
            let wave = (0..steps(length) * width).map(|i| ((row * 7 + i) as f32 * 0.9).sin());
            match output {
                FrameOutput::Bernoulli { .. } => wave.map(|x| f32::from(u8::from(x > 0.0))).collect(),
                _ => wave.collect::<Vec<f32>>(),
            }
        };
        lengths.iter().enumerate().map(row).collect::<Vec<_>>()
    };
    let mut batch = ForecasterBatch::default();
    batch.inputs.set(INPUT, rows(INPUT, &|length| length).iter().map(|row| &row[..]));
    let judged = |length| if all { length } else { 1 };
    batch.targets.set(output.values(), rows(output.values(), &judged).iter().map(|row| &row[..]));
    batch
}

#[test]
fn gradients_equal_differences_of_the_loss() {
    for (cell, all) in [(CellKind::Lstm, true), (CellKind::Gru, false), (CellKind::Rnn, true)] {
        for output in outputs() {
            check_gradients(&network(cell, output.clone()), &batch(&output, &[2, 4, 1], all));
        }
    }
}

#[test]
fn a_padded_row_gives_the_same_bits_as_the_row_alone() {
    for isa in Isa::available() {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        for cell in [CellKind::Lstm, CellKind::Gru, CellKind::Rnn] {
            for output in outputs() {
                let network = network(cell, output.clone());
                let mut weights = Weights::new(network.layout(), &backend, &network.layout().init(1));
                weights.pack(&backend, false);
                let all = batch(&output, &[3, 9, 1, 6, 2], true);
                // The outputs of each row without padding.
                let outputs_of = |batch: &ForecasterBatch| {
                    let (mut state, mut pass) =
                        (network.start::<Cpu>(batch.rows()), ForecasterWorkspace::<Cpu>::default());
                    let outputs =
                        network.outputs(&backend, &weights, &batch.inputs, None, &mut state, &mut pass);
                    let mut rows = vec![vec![]; batch.rows()];
                    for (at, _) in batch.target_positions() {
                        rows[at % batch.rows()]
                            .extend_from_slice(&outputs[at * output.size()..][..output.size()]);
                    }
                    rows
                };
                let together = outputs_of(&all);
                for (row, together) in together.iter().enumerate() {
                    let mut alone = ForecasterBatch::default();
                    alone.take(&all, row..row + 1);
                    assert_eq!(
                        outputs_of(&alone),
                        std::slice::from_ref(together),
                        "{isa}, {cell:?}, {output:?}, row {row}"
                    );
                }
            }
        }
    }
}

#[test]
fn targets_belong_to_the_last_steps_of_their_rows() {
    let batch = batch(&outputs()[1], &[2, 4, 1], false);
    assert_eq!(batch.target_positions().collect::<Vec<_>>(), [(3, 0), (10, 1), (2, 2)]);
    assert_eq!((batch.rows(), batch.count()), (3, 3));
}

#[test]
fn quantile_levels_must_rise_between_0_and_1() {
    for levels in [vec![], vec![0.5, 0.5], vec![0.9, 0.1], vec![0.0, 0.5], vec![0.5, 1.0], vec![f64::NAN]] {
        let output = FrameOutput::Quantiles { values: 1, levels };
        let sizes =
            ForecasterSizes { output, ..network(CellKind::Rnn, outputs()[0].clone()).sizes().clone() };
        assert!(Forecaster::new(&sizes).is_err(), "{sizes:?}");
    }
}
