//! The translator: gradients, and independence of the rows of a batch.

mod support;

use std::ops::ControlFlow;
use std::path::Path;

use refrain::data::Batch;
use refrain::kernels::{Cpu, Isa};
use refrain::layer::AttentionKind;
use refrain::model::{
    CellKind, LayerSizes, Network, RecurrentLayers, Translator, TranslatorBatch, TranslatorSizes,
    TranslatorWorkspace, Weights,
};
use refrain::sample::BeamOptions;
use refrain::task::Translate;
use refrain::train::{Prepared, ReadData, Run, Settings, TrainableTask};
use refrain::{Model, Result};
use support::check_gradients;

const SOURCE_VOCAB: usize = 7;
const TARGET_VOCAB: usize = 6;
const KINDS: [AttentionKind; 4] =
    [AttentionKind::None, AttentionKind::Dot, AttentionKind::General, AttentionKind::Additive];

fn sizes(cell: CellKind, bidirectional: bool, attention: AttentionKind) -> TranslatorSizes {
    let encoder = RecurrentLayers {
        layers: LayerSizes {
            cell,
            hidden_size: 5,
            num_layers: 2,
            dropout: 0.3,
            layer_norm: cell == CellKind::Lstm,
            ..LayerSizes::default()
        },
        bidirectional,
        locked_dropout: bidirectional,
    };
    TranslatorSizes {
        source_vocab: SOURCE_VOCAB,
        target_vocab: TARGET_VOCAB,
        embedding_size: 4,
        encoder,
        attention,
        scheduled_sampling: 0.0,
        label_smoothing: 0.0,
    }
}

/// Rows with these numbers of source and target steps.
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
fn gradients_equal_differences_of_the_loss() {
    for attention in KINDS {
        for (cell, bidirectional) in [(CellKind::Lstm, true), (CellKind::Gru, false), (CellKind::Rnn, true)] {
            let network = Translator::new(&sizes(cell, bidirectional, attention)).unwrap();
            check_gradients(&network, &batch(&[(2, 3), (4, 1), (1, 2)]));
        }
    }
}

#[test]
fn gradients_are_correct_with_scheduled_sampling() {
    let sizes =
        TranslatorSizes { scheduled_sampling: 0.8, ..sizes(CellKind::Lstm, true, AttentionKind::General) };
    check_gradients(&Translator::new(&sizes).unwrap(), &batch(&[(2, 5), (4, 4), (1, 2)]));
}

#[test]
fn a_padded_row_gives_the_same_bits_as_the_row_alone() {
    for isa in Isa::available() {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        for (cell, attention) in
            [CellKind::Lstm, CellKind::Gru, CellKind::Rnn, CellKind::Lstm].into_iter().zip(KINDS)
        {
            let network = Translator::new(&sizes(cell, true, attention)).unwrap();
            let mut weights = Weights::new(network.layout(), &backend, &network.layout().init(1));
            weights.pack(&backend, false);
            let all = batch(&[(3, 2), (9, 4), (1, 7), (6, 1), (2, 2)]);
            let logits = |batch: &TranslatorBatch| {
                let mut pass = TranslatorWorkspace::default();
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

/// Numbers in digits and words.
fn numbers() -> String {
    const UNITS: [&str; 10] = ["nil", "one", "two", "tri", "for", "fif", "six", "sev", "oct", "nin"];
    let word = |n: usize| match (n / 10, n % 10) {
        (0, unit) => UNITS[unit].to_owned(),
        (ten, unit) => format!("{} ty {}", UNITS[ten], UNITS[unit]),
    };
    (0..100).map(|n| format!("{n}\t{}\n", word(n))).collect()
}

fn settings(directory: &Path, text: &str) -> Settings {
    let path = directory.join("pairs.tsv");
    std::fs::write(&path, text).unwrap();
    Settings {
        data: Some(vec![path]),
        valid_fraction: Some(0.0),
        hidden_size: Some(24),
        embedding_size: Some(16),
        dropout: Some(0.0),
        batch_size: Some(10),
        epochs: Some(60),
        learning_rate: Some(0.01),
        ..Settings::default()
    }
}

fn prepare(settings: &Settings) -> Result<Prepared<Translate>> {
    Translate::prepare(settings, Translate::read_data(settings)?, &Cpu::new(1)?)
}

#[test]
fn a_translator_spells_numbers_independently_of_its_batch() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path(), &numbers());
    let path = settings.data.as_ref().unwrap()[0].clone();
    let backend = Cpu::new(2).unwrap();
    let outcome =
        Run::<Translate, _>::from_files(settings, &backend).unwrap().train(|_| ControlFlow::Continue(()));
    let model = outcome.unwrap().model;
    assert_eq!(model.task.source().plural(), "characters");
    assert_eq!(model.task.target().plural(), "symbols");
    let session = model.on(&backend);
    let beam = BeamOptions { width: 3, length_penalty: 0.7 };
    let found = session.evaluate(&Translate::read_dataset(&path).unwrap(), &beam).unwrap();
    assert!(found.exact() > 0.95, "{}", found.exact());
    assert_eq!(found.wer(), 1.0 - found.exact());
    assert!(found.per() < 0.05 && found.accuracy > 0.95 && found.loss < 0.2);

    let sources = ["7", "42", "93", "1234567", "x"];
    for options in [beam, BeamOptions { width: 1, ..beam }] {
        let together = session.translate(&sources, &options).unwrap();
        for (source, together) in sources.iter().zip(&together) {
            assert_eq!(&session.translate(&[source], &options).unwrap()[0], together, "{source}");
            assert!(together.len() <= options.width);
            assert!(together.is_sorted_by(|a, b| a.score >= b.score));
        }
        assert_eq!(together[1][0].text, "for ty two");
    }
    assert!(session.translate(&["7", ""], &beam).unwrap_err().to_string().contains("text 2"));
    assert!(session.translate(&["7"], &BeamOptions { width: 0, ..beam }).is_err());

    // The stored model gives the same translations.
    let file = directory.path().join("model.safetensors");
    model.save(&file).unwrap();
    let read = Model::<Translate>::load(&file).unwrap();
    assert_eq!(
        read.on(&backend).translate(&sources, &beam).unwrap(),
        session.translate(&sources, &beam).unwrap()
    );
}

#[test]
fn several_targets_of_a_source_are_references_and_stay_in_one_set() {
    let directory = tempfile::tempdir().unwrap();
    let text: String = (0..40).map(|i| format!("w{i}\tone two\nw{i}\tone tri\n")).collect();
    let settings = Settings { valid_fraction: Some(0.25), ..settings(directory.path(), &text) };
    let path = settings.data.as_ref().unwrap()[0].clone();
    let Prepared { train, valid, .. } = prepare(&settings).unwrap();
    assert_eq!((train.examples().len(), valid.unwrap().examples().len()), (60, 20));

    let settings = Settings { epochs: Some(20), ..settings };
    let backend = Cpu::new(1).unwrap();
    let outcome =
        Run::<Translate, _>::from_files(settings, &backend).unwrap().train(|_| ControlFlow::Continue(()));
    let found = outcome
        .unwrap()
        .model
        .on(&backend)
        .evaluate(&Translate::read_dataset(&path).unwrap(), &BeamOptions::default())
        .unwrap();
    assert_eq!((found.words.sequences, found.exact()), (40, 1.0));
}

#[test]
fn invalid_data_and_settings_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |text: &str, change: fn(Settings) -> Settings, part: &str| {
        let settings = change(settings(directory.path(), text));
        let Err(error) = prepare(&settings) else { panic!("{text:?} is accepted") };
        assert!(error.to_string().contains(part), "{text:?}: {error}");
    };
    let same = |settings: Settings| settings;
    refused("a\tb\nc\n", same, "line 2: has no tab");
    refused("a\tb\n\tc\n", same, "line 2: has an empty source");
    refused("a\tb\nc\t\n", same, "line 2: has an empty target");
    refused("", same, "is empty");
    refused("a\tb\n", |s| Settings { valid_fraction: Some(0.5), ..s }, "too few");
    refused("a\tb\n", |s| Settings { valid: Some("no such file".into()), ..s }, "cannot read");
    refused("a\tb\n", |s| Settings { scheduled_sampling: Some(1.5), ..s }, "`scheduled_sampling` is 1.5");
    refused(
        "a\tb\n",
        |s| Settings { scheduled_sampling: Some(f32::NAN), ..s },
        "`scheduled_sampling` is NaN",
    );
    refused("a\tb\n", |s| Settings { min_count: Some(9), ..s }, "");
    refused("a\tb\n", |s| Settings { hidden_size: Some(0), ..s }, "`hidden_size` is 0");
    refused("a\tb\n", |s| Settings { embedding_size: Some(0), ..s }, "`embedding_size` is 0");
    let several = |s: Settings| Settings { data: s.data.map(|data| [&data[..], &data[..]].concat()), ..s };
    refused("a\tb\n", several, "several files");
}
