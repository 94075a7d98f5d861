//! The tagger: gradients, and independence of the rows of a batch.

mod support;

use std::ops::ControlFlow;

use refrain::data::Batch;
use refrain::kernels::{Cpu, Isa};
use refrain::model::{
    CellKind, CharEncoderSizes, InputKind, LayerSizes, Network, RecurrentLayers, Tagger, TaggerBatch,
    TaggerSizes, TaggerWorkspace, Weights,
};
use refrain::task::tag::{Dataset, TagInput, TaggedInput};
use refrain::train::Settings;
use refrain::{Error, InputProblem};
use support::check_gradients;

const LABELS: usize = 3;
const IDS: InputKind = InputKind::Ids { vocab_size: 7, embedding_size: 4 };
const FRAMES: InputKind = InputKind::Frames { size: 3 };
const CHARACTERS: usize = 5;
const SPELLING: Option<CharEncoderSizes> =
    Some(CharEncoderSizes { vocab_size: CHARACTERS, embedding_size: 3, hidden_size: 2 });

fn sizes(cell: CellKind, input: InputKind, spelling: Option<CharEncoderSizes>, crf: bool) -> TaggerSizes {
    let recurrent = RecurrentLayers {
        layers: LayerSizes { cell, hidden_size: 5, num_layers: 2, dropout: 0.3, ..LayerSizes::default() },
        bidirectional: cell != CellKind::Gru,
        locked_dropout: crf,
    };
    TaggerSizes { input, spelling, word_dropout: 0.2, recurrent, crf, labels: LABELS }
}

/// All kinds of input, each with every cell and both losses.
fn all() -> Vec<TaggerSizes> {
    let mut all = vec![];
    for (input, spelling) in [(IDS, SPELLING), (IDS, None), (FRAMES, None)] {
        for cell in [CellKind::Lstm, CellKind::Gru, CellKind::Rnn] {
            all.extend([true, false].map(|crf| sizes(cell, input, spelling, crf)));
        }
    }
    all
}

fn batch(sizes: &TaggerSizes, lengths: &[usize]) -> TaggerBatch {
    fn rows<X>(lengths: &[usize], width: usize, of: impl Fn(usize, usize) -> X) -> Vec<Vec<X>> {
        let rows = lengths.iter().enumerate();
        rows.map(|(row, &steps)| (0..steps * width).map(|i| of(row, i)).collect()).collect()
    }
    let mut batch = TaggerBatch::default();
    let labels = rows(lengths, 1, |row, step| ((row * 2 + step * step) % LABELS) as u32);
    batch.labels.set(1, labels.iter().map(|row| &row[..]));
    match sizes.input {
        InputKind::Ids { vocab_size, .. } => {
            let ids = rows(lengths, 1, |row, step| ((row * 5 + step * 3) % vocab_size) as u32);
            batch.ids.set(1, ids.iter().map(|row| &row[..]));
        }
        InputKind::Frames { size } => {
            let frames = rows(lengths, size, |row, i| ((row * 7 + i) as f32 * 0.9).sin());
            batch.frames.set(size, frames.iter().map(|row| &row[..]));
        }
    }
    if sizes.spelling.is_some() {
        // Words of one to four letters; some occur repeatedly.
        let words = rows(lengths, 1, |row, step| {
            let word = (row * 5 + step * 3) % 7;
            (0..1 + word % 4).map(|letter| ((word + letter * letter) % CHARACTERS) as u32).collect::<Vec<_>>()
        });
        batch.spelled.set(words.iter().map(|row| &row[..]));
    }
    batch
}

#[test]
fn gradients_equal_differences_of_the_loss() {
    for sizes in all() {
        check_gradients(&Tagger::new(&sizes).unwrap(), &batch(&sizes, &[2, 4, 1]));
    }
}

#[test]
fn a_padded_row_gives_the_same_bits_as_the_row_alone() {
    for isa in Isa::available() {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        for sizes in all() {
            let network = Tagger::new(&sizes).unwrap();
            let mut weights = Weights::new(network.layout(), &backend, &network.layout().init(1));
            weights.pack(&backend, false);
            let rows_of = |batch: &TaggerBatch| -> Vec<Vec<f32>> {
                let mut pass = TaggerWorkspace::default();
                let emissions = network.emissions(&backend, &weights, batch, None, &mut pass);
                (0..batch.rows()).map(|row| network.row(emissions, batch.lengths(), row)).collect()
            };
            let all = batch(&sizes, &[3, 9, 1, 6, 2]);
            let field = network.crf_params(&backend, &weights);
            for (row, together) in rows_of(&all).iter().enumerate() {
                let mut alone = TaggerBatch::default();
                alone.take(&all, row..row + 1);
                assert_eq!(rows_of(&alone)[0], *together, "{isa}, {sizes:?}, row {row}");
                assert_eq!(network.decode(&field, together).len(), all.lengths()[row]);
                for step in network.probabilities(&field, together.clone()).chunks_exact(LABELS) {
                    assert!((step.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{step:?}");
                }
            }
        }
    }
}

#[test]
fn invalid_sizes_are_rejected() {
    let good = sizes(CellKind::Lstm, IDS, SPELLING, true);
    assert!(Tagger::new(&good).is_ok());
    for (bad, part) in [
        (TaggerSizes { labels: 0, ..good.clone() }, "`labels` is 0: give a number from 1"),
        (
            TaggerSizes { word_dropout: 1.0, ..good.clone() },
            "`word_dropout` is 1: give a number from 0 up to",
        ),
        (TaggerSizes { input: FRAMES, ..good.clone() }, "for frames, which have no spelling"),
        (
            TaggerSizes {
                spelling: SPELLING.map(|s| CharEncoderSizes { hidden_size: 0, ..s }),
                ..good.clone()
            },
            "`char_hidden_size` is 0",
        ),
    ] {
        let message = Tagger::new(&bad).unwrap_err().to_string();
        assert!(message.contains(part), "no {part:?} in {message}");
    }
}

#[test]
fn a_wrong_number_of_labels_is_rejected() {
    let frames = |steps: usize| TagInput::frames(&vec![vec![1.0, 2.0]; steps]);
    let is_size = |error: &Error, what: &str| {
        let Error::Input { problem: InputProblem::Size { what: found, .. }, .. } = error else {
            return false;
        };
        *found == what
    };
    let error = Dataset::new([frames(2)], [["on", "off"], ["on", "off"]]).unwrap_err();
    assert!(is_size(&error, "rows of labels"), "{error}");
    let error = Dataset::new([frames(2), frames(3)], [["on", "off"], ["on", "off"]]).unwrap_err();
    assert!(is_size(&error, "labels"), "{error}");
    assert!(error.to_string().starts_with("the data, example 2"), "{error}");
    // Records can be made without the constructor.
    let tagged = |steps: usize| TaggedInput {
        input: frames(steps),
        labels: vec!["on".to_owned(), "off".to_owned()],
        lines: vec![],
    };
    let data: Dataset = [tagged(2), tagged(1)].into_iter().collect();
    let settings = Settings { valid_fraction: Some(0.0), max_steps: Some(1), ..Settings::default() };
    let backend = Cpu::new(1).unwrap();
    let error = settings.fit(&backend, data, None, |_| ControlFlow::Continue(())).unwrap_err();
    assert!(is_size(&error, "labels"), "{error}");
}
