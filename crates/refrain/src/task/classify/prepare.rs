//! Prepares a classification run: validation set, vocabulary or scaling, labels, sizes.

use refrain_kernels::Backend;

use super::data::{ClassifyExample, ClassifyInput, Dataset};
use super::{Classify, Description, InputCodec};
use crate::data::Examples;
use crate::model::{ClassifierSizes, InputKind, RecurrentLayers, Task};
use crate::number::thousands;
use crate::task::Scaling;
use crate::task::labels::LabelSet;
use crate::task::require_same;
use crate::task::sets::{Sets, loaders};
use crate::text::{TokenUnits, Tokenizer, TokenizerOptions};
use crate::train::{Config, Data, DataSummary, Defaults, Prepared, Settings, TaskData, TrainableTask};
use crate::{Note, Result};

/// If texts have fewer words than this on average, they are treated as words or names and split into characters.
const MIN_WORDS_PER_TEXT: f64 = 2.5;

/// With at least this many texts, words that occur once are replaced by the unknown token.
const MIN_TEXTS_FOR_UNKNOWN: usize = 1_000;

impl TaskData for Dataset {
    type Task = Classify;
}

impl TrainableTask for Classify {
    type Dataset = Dataset;
    type Loader = Examples<ClassifyExample>;

    fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Self>> {
        prepare(settings, data, backend)
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        require_same((&self.codec, &self.labels) == (&other.codec, &other.labels), "labels or vocabulary")
    }
}

fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Classify>> {
    let is_text = data.train.records().iter().any(|record| matches!(record.input, ClassifyInput::Text(_)));
    let config = Config::resolve(settings, defaults(is_text, data.train.len()), backend)?;
    let sets = Sets::of(data, &config)?;
    let train = &sets.train;
    let labels = LabelSet::of(train.name(), "label", train.records().iter().map(|record| &record.label))?;
    let mut notes = vec![];
    let mut options = options(settings, is_text);
    let (codec, input) = match is_text {
        true => text_input(train, settings, &mut options, &mut notes)?,
        false => frame_input(train),
    };
    let sizes = ClassifierSizes {
        input,
        recurrent: RecurrentLayers {
            bidirectional: settings.bidirectional.unwrap_or(true),
            locked_dropout: settings.locked_dropout.unwrap_or(false),
            ..config.recurrent()
        },
        pooling: settings.pooling.unwrap_or_default(),
        classes: labels.len(),
    };
    let task = Classify::new(Description { sizes, codec, labels })?;
    let classes = task.labels.len();
    let data = DataSummary {
        target: "label",
        vocabulary: match &task.codec {
            InputCodec::Text(tokenizer) => {
                let (size, units) = (thousands(tokenizer.len() as u64), tokenizer.units().plural());
                format!("{size} {units}, {classes} labels")
            }
            InputCodec::Frames(scaling) => format!("{} features, {classes} labels", scaling.means.len()),
        },
        uniform_loss: (classes as f64).ln(),
        ..sets.summary(if is_text { "texts" } else { "sequences" }, &config)
    };
    let data = DataSummary { notes: [data.notes, notes].concat(), ..data };
    let mut train = task.examples(&sets.train)?;
    if settings.class_weights == Some(true) {
        balance_class_weights(&mut train, classes);
    }
    let (train, valid) = loaders(train, task.examples(&sets.valid)?, &config);
    Ok(Prepared { config, options, task, train, valid, data })
}

/// Texts need few epochs, short sequences of frames many.
fn defaults(is_text: bool, size: usize) -> Defaults {
    let small = size < 2_000;
    Defaults {
        hidden_size: if small && !is_text { 64 } else { 128 },
        num_layers: 1,
        dropout: 0.5,
        batch_size: if small { 16 } else { 32 },
        epochs: match (is_text, small) {
            (true, _) => 20,
            (false, true) => 60,
            (false, false) => 40,
        },
        time_limit_replaces_epochs: false,
        learning_rate: if is_text { 2e-3 } else { 3e-3 },
        weight_decay: 0.01,
        valid_fraction: 0.1,
        patience: if is_text { 4 } else { 12 },
    }
}

/// Resolved settings that are not in [`Config`]; [`text_input`] adds those of texts.
fn options(settings: &Settings, is_text: bool) -> Settings {
    Settings {
        vocab_size: settings.vocab_size.filter(|_| is_text),
        bidirectional: settings.bidirectional.or(Some(true)),
        locked_dropout: settings.locked_dropout.or(Some(false)),
        pooling: Some(settings.pooling.unwrap_or_default()),
        class_weights: settings.class_weights.or(Some(false)),
        ..Settings::default()
    }
}

fn text_input(
    train: &Dataset,
    settings: &Settings,
    options: &mut Settings,
    notes: &mut Vec<Note>,
) -> Result<(InputCodec, InputKind)> {
    let tokenizer = tokenizer(train, settings, options, notes)?;
    let embedding_size = settings.embedding_size.unwrap_or(match tokenizer.units() {
        TokenUnits::Char | TokenUnits::Byte => 64,
        TokenUnits::Word | TokenUnits::Bpe => 128,
    });
    options.embedding_size = Some(embedding_size);
    let input = InputKind::Ids { vocab_size: tokenizer.len(), embedding_size };
    Ok((InputCodec::Text(tokenizer), input))
}

/// Encoding of frames: standardised by the training set.
fn frame_input(train: &Dataset) -> (InputCodec, InputKind) {
    let frames = train.records().iter().filter_map(|record| match &record.input {
        ClassifyInput::Frames { values, width } => Some((&values[..], *width)),
        ClassifyInput::Text(_) => None,
    });
    let size = frames.clone().map(|(_, width)| width).max().unwrap_or(0);
    let scaling = Scaling::of(size, frames.filter(|&(_, width)| width == size).map(|(values, _)| values));
    (InputCodec::Frames(scaling.named(train.features())), InputKind::Frames { size })
}

/// A tokenizer for the texts of the training set.
fn tokenizer(
    train: &Dataset,
    settings: &Settings,
    options: &mut Settings,
    notes: &mut Vec<Note>,
) -> Result<Tokenizer> {
    let texts = || {
        train.records().iter().filter_map(|example| match &example.input {
            ClassifyInput::Text(text) => Some(text.as_str()),
            ClassifyInput::Frames { .. } => None,
        })
    };
    let units = settings.units.unwrap_or_else(|| {
        let words: usize = texts().map(|text| text.split_whitespace().count()).sum();
        let mean = words as f64 / train.len().max(1) as f64;
        let units = if mean < MIN_WORDS_PER_TEXT { TokenUnits::Char } else { TokenUnits::Word };
        let choice = format!("tokens are {}, because texts have {mean:.1} words on average", units.plural());
        notes.push(Note::Chosen { setting: "units", choice });
        units
    });
    let is_word_level = units == TokenUnits::Word;
    let tokenizer =
        TokenizerOptions {
            units,
            // Words that occur once become the unknown token, so that its embedding is trained.
            min_count: settings
                .min_count
                .unwrap_or(if is_word_level && train.len() >= MIN_TEXTS_FOR_UNKNOWN { 2 } else { 1 }),
            max_size: settings.vocab_size,
            lowercase: settings.lowercase.unwrap_or(is_word_level),
            boundaries: false,
        };
    (options.units, options.lowercase, options.min_count) =
        (Some(tokenizer.units), Some(tokenizer.lowercase), Some(tokenizer.min_count));
    Tokenizer::train(texts(), &tokenizer)
}

/// Gives every class the same total weight.
fn balance_class_weights(train: &mut [ClassifyExample], classes: usize) {
    let mut counts = vec![0_usize; classes];
    train.iter().for_each(|example| counts[example.class as usize] += 1);
    let even = train.len() as f32 / classes as f32;
    train.iter_mut().for_each(|example| example.weight = even / counts[example.class as usize] as f32);
}
