//! The translator's layers: gradients, and rows that do not depend on their neighbours.

mod support;

use refrain::data::Rows;
use refrain::kernels::{Cpu, Isa};
use refrain::layer::AttentionKind;
use refrain::model::{
    ActivationKind, CellKind, Network, RecurrentLayers, ResetGate, Translator, TranslatorBatch,
    TranslatorPass, TranslatorSizes, Weights,
};
use support::check_gradients;

const SOURCE_VOCAB: usize = 7;
const TARGET_VOCAB: usize = 6;
const KINDS: [AttentionKind; 4] =
    [AttentionKind::None, AttentionKind::Dot, AttentionKind::General, AttentionKind::Additive];

fn sizes(cell: CellKind, bidirectional: bool, attention: AttentionKind) -> TranslatorSizes {
    let encoder = RecurrentLayers {
        cell,
        activation: ActivationKind::Tanh,
        reset_gate: ResetGate::After,
        hidden_size: 5,
        num_layers: 2,
        bidirectional,
        dropout: 0.3,
        locked_dropout: bidirectional,
    };
    TranslatorSizes {
        source_vocab: SOURCE_VOCAB,
        target_vocab: TARGET_VOCAB,
        embedding_size: 4,
        encoder,
        attention,
        scheduled_sampling: 0.0,
    }
}

/// Rows of so many source and target steps.
fn batch(lengths: &[(usize, usize)]) -> TranslatorBatch {
    let (start, end) = (TARGET_VOCAB as u32 - 2, TARGET_VOCAB as u32 - 1);
    let ids = |row: usize, steps: usize, vocab: usize| {
        (0..steps).map(|step| ((row * 5 + step * 3) % vocab) as u32).collect::<Vec<u32>>()
    };
    let rows = || lengths.iter().enumerate();
    let sources: Vec<_> = rows().map(|(row, &(s, _))| ids(row, s, SOURCE_VOCAB)).collect();
    let targets: Vec<_> = rows().map(|(row, &(_, t))| ids(row, t, TARGET_VOCAB - 2)).collect();
    let inputs: Vec<_> = targets.iter().map(|target| [&[start], &target[..]].concat()).collect();
    let targets: Vec<_> = targets.iter().map(|target| [&target[..], &[end]].concat()).collect();
    let mut batch = TranslatorBatch::default();
    batch.source.set(1, sources.iter().map(|row| &row[..]));
    batch.inputs.set(1, inputs.iter().map(|row| &row[..]));
    batch.targets.set(1, targets.iter().map(|row| &row[..]));
    batch
}

#[test]
fn gradients_are_the_differences_of_the_loss() {
    for attention in KINDS {
        for (cell, bidirectional) in [(CellKind::Lstm, true), (CellKind::Gru, false), (CellKind::Rnn, true)] {
            let network = Translator::new(&sizes(cell, bidirectional, attention)).unwrap();
            check_gradients(&network, &batch(&[(2, 3), (4, 1), (1, 2)]));
        }
    }
}

#[test]
fn gradients_are_right_where_inputs_are_the_models_own() {
    let sizes =
        TranslatorSizes { scheduled_sampling: 0.8, ..sizes(CellKind::Lstm, true, AttentionKind::General) };
    check_gradients(&Translator::new(&sizes).unwrap(), &batch(&[(2, 5), (4, 4), (1, 2)]));
}

#[test]
fn a_padded_row_gives_the_bits_of_the_row_alone() {
    for isa in Isa::available() {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        for (cell, attention) in [CellKind::Lstm, CellKind::Gru, CellKind::Rnn, CellKind::Lstm].into_iter().zip(KINDS)
        {
            let network = Translator::new(&sizes(cell, true, attention)).unwrap();
            let mut weights = Weights::new(&network, &backend, &network.layout().init(1));
            weights.pack(&backend, false);
            let all = batch(&[(3, 2), (9, 4), (1, 7), (6, 1), (2, 2)]);
            let logits = |batch: &TranslatorBatch| {
                let mut pass = TranslatorPass::default();
                let mut state = network.encode(&backend, &weights, &batch.source, None, &mut pass);
                let lengths = Some(&batch.inputs.lengths[..]);
                let ids = &batch.inputs.values;
                network.logits(&backend, &weights, ids, lengths, &mut state, &mut pass).to_vec()
            };
            let together = logits(&all);
            for row in 0..all.rows() {
                let mut alone = TranslatorBatch::default();
                alone.take(&all, row..row + 1);
                for (step, alone) in logits(&alone).chunks_exact(TARGET_VOCAB).enumerate() {
                    let at = (step * all.rows() + row) * TARGET_VOCAB;
                    assert_eq!(alone, &together[at..][..TARGET_VOCAB], "{isa}, {attention:?}, row {row}");
                }
            }
        }
    }
}
