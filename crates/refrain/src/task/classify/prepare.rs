//! From labelled sequences to a run: validation part, vocabulary or scaling, labels, sizes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::data::{ClassifyExample, ClassifyInput, LabelledInput, read_labelled};
use super::{Classify, Description, InputCodec, Options};
use crate::data::Examples;
use crate::model::{ClassifierSizes, InputKind, RecurrentLayers, Task};
use crate::task::Scaling;
use crate::task::labels::LabelSet;
use crate::task::split::{Digest, hold_back_of_classes, one_file};
use crate::text::{TokenUnits, Tokenizer, TokenizerOptions, thousands};
use crate::train::{Config, DataSummary, Defaults, Prepared, Settings};
use crate::{Error, Result};

/// Texts of fewer words than this, on average, are read by characters: they are words themselves.
const WORDS_OF_A_TEXT: f64 = 2.5;

/// From so many texts on, words that occur once can be spared.
const MANY_TEXTS: usize = 1_000;

pub(super) fn prepare(settings: Settings) -> Result<Prepared<Classify>> {
    let path = one_file(&settings)?;
    let all = read_labelled(&path, &[])?;
    let columns = all.first().map_or_else(|| [].into(), |first| Arc::clone(&first.columns));
    let held = settings.valid.as_deref().map(|path| read_labelled(path, &columns)).transpose()?;
    let texts = all.iter().filter(|example| matches!(example.input, ClassifyInput::Text(_))).count();
    let defaults = match (texts, all.len()) {
        (0, size) => Defaults {
            hidden_size: if size < 2_000 { 64 } else { 128 },
            num_layers: 1,
            dropout: 0.5,
            batch_size: if size < 2_000 { 16 } else { 32 },
            epochs: if size < 2_000 { 60 } else { 40 },
            more_epochs_in_time: false,
            learning_rate: 3e-3,
            weight_decay: 0.01,
            valid_fraction: 0.1,
            patience: 12,
        },
        (_, size) => Defaults {
            hidden_size: 128,
            num_layers: 1,
            dropout: 0.5,
            batch_size: if size < 2_000 { 16 } else { 32 },
            epochs: 20,
            more_epochs_in_time: false,
            learning_rate: 2e-3,
            weight_decay: 0.01,
            valid_fraction: 0.1,
            patience: 4,
        },
    };
    let config = Config::resolve(settings.clone(), defaults)?;
    let digest = digest(&all, held.as_deref());
    let (train, valid) = match held {
        Some(valid) => (all, valid),
        None => {
            let text = |example: &LabelledInput| match &example.input {
                ClassifyInput::Text(text) => Some(text.clone()),
                ClassifyInput::Frames { .. } => None,
            };
            let (fraction, seed) = (config.valid_fraction, config.seed);
            hold_back_of_classes(all, fraction, seed, text, |example| &example.label)?
        }
    };
    let labels = LabelSet::of(&path, "label", train.iter().map(|example| &example.label))?;
    let mut notes = vec![];
    let mut options = Options {
        units: None,
        lowercase: None,
        min_count: None,
        vocab_size: settings.vocab_size.filter(|_| texts > 0),
        embedding_size: None,
        bidirectional: settings.bidirectional.unwrap_or(true),
        locked_dropout: settings.locked_dropout.unwrap_or(false),
        pooling: settings.pooling.unwrap_or_default(),
        class_weights: settings.class_weights.unwrap_or(false),
    };
    let (codec, input) = if texts > 0 {
        let tokenizer = tokenizer(&train, &settings, &mut options, &mut notes)?;
        let embedding_size = settings.embedding_size.unwrap_or(match tokenizer.units() {
            TokenUnits::Char | TokenUnits::Byte => 64,
            TokenUnits::Word | TokenUnits::Bpe => 128,
        });
        options.embedding_size = Some(embedding_size);
        let input = InputKind::Ids { vocab_size: tokenizer.len(), embedding_size };
        (InputCodec::Text(tokenizer), input)
    } else {
        let width = train.iter().map(|example| example.width()).max().unwrap_or(0);
        let sequences = train.iter().filter_map(|example| match &example.input {
            ClassifyInput::Frames { values, .. } => Some(&values[..]),
            ClassifyInput::Text(_) => None,
        });
        (InputCodec::Frames(Scaling::of(width, sequences).named(&columns)), InputKind::Frames { size: width })
    };
    let sizes = ClassifierSizes {
        input,
        recurrent: RecurrentLayers {
            bidirectional: options.bidirectional,
            locked_dropout: options.locked_dropout,
            ..config.recurrent()
        },
        pooling: options.pooling,
        classes: labels.len(),
    };
    let task = Classify::new(Description { sizes, codec, labels })?;
    let unit = if texts > 0 { "texts" } else { "sequences" };
    let data = DataSummary {
        name: format!("{}, {} {unit}", path.display(), thousands((train.len() + valid.len()) as u64)),
        digest,
        unit,
        target: "label",
        train_size: train.len() as u64,
        valid_size: valid.len() as u64,
        vocabulary: match &task.codec {
            InputCodec::Text(tokenizer) => format!(
                "{} {}, {} labels",
                thousands(tokenizer.len() as u64),
                tokenizer.units().plural(),
                task.labels.len()
            ),
            InputCodec::Frames(scaling) => {
                format!("{} features, {} labels", scaling.means.len(), task.labels.len())
            }
        },
        batches: format!("{} {unit}", config.batch_size),
        guessing: (task.labels.len() as f64).ln(),
        notes,
        preparation_s: 0.0,
    };
    let weights = if options.class_weights { class_weights(&task, &train) } else { vec![] };
    let valid_path = config.valid.as_deref().unwrap_or(&path);
    let held = examples(&task, valid_path, valid, &[])?;
    let train = Examples::new(examples(&task, &path, train, &weights)?, config.batch_size, Some(config.seed));
    let valid = (!held.is_empty()).then(|| Examples::new(held, config.batch_size, None));
    Ok(Prepared { config, options, task, train, valid, data })
}

impl LabelledInput {
    fn width(&self) -> usize {
        match self.input {
            ClassifyInput::Text(_) => 0,
            ClassifyInput::Frames { width, .. } => width,
        }
    }
}

/// A tokenizer of the texts to learn from.
fn tokenizer(
    train: &[LabelledInput],
    settings: &Settings,
    options: &mut Options,
    notes: &mut Vec<String>,
) -> Result<Tokenizer> {
    let texts = || {
        train.iter().filter_map(|example| match &example.input {
            ClassifyInput::Text(text) => Some(text.as_str()),
            ClassifyInput::Frames { .. } => None,
        })
    };
    let units = settings.units.unwrap_or_else(|| {
        let words: usize = texts().map(|text| text.split_whitespace().count()).sum();
        let mean = words as f64 / train.len().max(1) as f64;
        let units = if mean < WORDS_OF_A_TEXT { TokenUnits::Char } else { TokenUnits::Word };
        notes.push(format!(
            "read by {}, for texts of {mean:.1} words (--units chooses otherwise)",
            units.plural()
        ));
        units
    });
    let words = units == TokenUnits::Word;
    let made = TokenizerOptions {
        units,
        // What occurs once cannot be told from what never does; as the unknown symbol it teaches what that means.
        min_count: settings.min_count.unwrap_or(if words && train.len() >= MANY_TEXTS { 2 } else { 1 }),
        max_size: settings.vocab_size,
        lowercase: settings.lowercase.unwrap_or(words),
        boundaries: false,
    };
    (options.units, options.lowercase, options.min_count) =
        (Some(made.units), Some(made.lowercase), Some(made.min_count));
    Tokenizer::train(texts(), &made)
}

/// Such that every class counts as much as any other.
fn class_weights(task: &Classify, train: &[LabelledInput]) -> Vec<f32> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    train.iter().for_each(|example| *counts.entry(&example.label).or_default() += 1);
    let even = train.len() as f32 / task.labels.len() as f32;
    task.labels
        .names()
        .iter()
        .map(|label| even / counts.get(&label[..]).copied().unwrap_or(1) as f32)
        .collect()
}

/// Labelled sequences in numbers; each class counts as `weights` says, or 1.
pub(super) fn examples(
    task: &Classify,
    path: &Path,
    labelled: Vec<LabelledInput>,
    weights: &[f32],
) -> Result<Vec<ClassifyExample>> {
    let example = |labelled: LabelledInput| {
        let place = |message: String| Error::data(path, labelled.line, message);
        let class = task.labels.id(&labelled.label);
        let class = class.map_err(|unknown| place(format!("has the label {unknown}")))?;
        let weight = weights.get(class as usize).copied().unwrap_or(1.0);
        let input = task.encode(labelled.input).map_err(place)?;
        Ok(ClassifyExample { class, weight, ..input })
    };
    labelled.into_iter().map(example).collect()
}

impl Classify {
    /// A sequence in numbers.
    ///
    /// # Errors
    /// What is wrong with it, and the remedy.
    pub(super) fn encode(&self, input: ClassifyInput) -> Result<ClassifyExample, String> {
        let mut example = ClassifyExample { ids: vec![], frames: vec![], width: 0, class: 0, weight: 1.0 };
        match (&self.codec, input) {
            (InputCodec::Text(tokenizer), ClassifyInput::Text(text)) => {
                example.ids = tokenizer.encode(&text);
                if example.ids.is_empty() {
                    return Err("has no token in it: leave it out".to_owned());
                }
            }
            (InputCodec::Frames(scaling), ClassifyInput::Frames { values, width }) => {
                (example.frames, example.width) = (scaling.frames(values, width)?, width);
            }
            (InputCodec::Text(_), ClassifyInput::Frames { .. }) => {
                return Err("is a sequence of numbers: the model reads texts".to_owned());
            }
            (InputCodec::Frames(_), ClassifyInput::Text(_)) => {
                return Err("is a text: the model reads sequences of numbers".to_owned());
            }
        }
        Ok(example)
    }
}

/// Identifies the data.
fn digest(all: &[LabelledInput], held: Option<&[LabelledInput]>) -> String {
    let mut digest = Digest::default();
    for example in all.iter().chain(held.into_iter().flatten()) {
        digest.add(example.label.as_bytes());
        match &example.input {
            ClassifyInput::Text(text) => digest.add(text.as_bytes()),
            ClassifyInput::Frames { values, .. } => digest.add_numbers(values),
        }
    }
    digest.finish()
}
