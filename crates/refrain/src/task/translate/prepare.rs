//! Prepares a translation run: validation set, units of both sides, sizes.

use refrain_kernels::Backend;

use super::data::{Dataset, TranslateExample};
use super::{Description, Translate};
use crate::data::Examples;
use crate::model::{RecurrentLayers, Task, TranslatorSizes};
use crate::number::thousands;
use crate::task::require_same;
use crate::task::sets::{Sets, loaders};
use crate::task::text_side::{TextKind, TextSide};
use crate::text::{TokenUnits, TokenizerOptions};
use crate::train::{Config, Data, DataSummary, Defaults, Prepared, Settings, TaskData, TrainableTask};
use crate::{Note, Result};

impl TaskData for Dataset {
    type Task = Translate;
}

impl TrainableTask for Translate {
    type Dataset = Dataset;
    type Loader = Examples<TranslateExample>;

    fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Self>> {
        prepare(settings, data, backend)
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        require_same((&self.source, &self.target) == (&other.source, &other.target), "vocabularies")
    }
}

fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Translate>> {
    let config = Config::resolve(settings, defaults(data.train.len()), backend)?;
    let sets = Sets::of(data, &config)?;
    let mut notes = vec![];
    let sources = sets.train.records().iter().map(|pair| pair.source.as_str());
    let targets = sets.train.records().iter().map(|pair| pair.target.as_str());
    let source = side(sources, "source", settings.source_units, false, settings, &mut notes)?;
    let target = side(targets, "target", settings.target_units, true, settings, &mut notes)?;
    let small = [&source, &target].iter().all(|side| side.tokenizer().len() <= 1_000);
    let embedding_size = settings.embedding_size.unwrap_or(if small { 64 } else { 256 });
    let options = Settings { embedding_size: Some(embedding_size), ..options(settings, &source, &target) };
    let sizes = TranslatorSizes {
        source_vocab: source.tokenizer().len(),
        target_vocab: target.tokenizer().len(),
        embedding_size,
        encoder: RecurrentLayers {
            bidirectional: settings.bidirectional.unwrap_or(true),
            locked_dropout: settings.locked_dropout.unwrap_or(false),
            ..config.recurrent()
        },
        attention: settings.attention.unwrap_or_default(),
        scheduled_sampling: settings.scheduled_sampling.unwrap_or(0.0),
        label_smoothing: settings.label_smoothing.unwrap_or(0.0),
    };
    let mut task = Translate::new(Description { sizes, source, target, target_ratio: 1.0 })?;
    let valid = task.examples(&sets.valid)?;
    let train = task.examples(&sets.train)?;
    let steps = |side: fn(&TranslateExample) -> usize| train.iter().map(side).sum::<usize>() as f32;
    task.target_ratio = steps(|example| example.target.len()) / steps(|example| example.source.len());
    let [sources, targets] = [&task.source, &task.target]
        .map(|side| format!("{} {}", thousands(side.tokenizer().len() as u64), side.plural()));
    let data = DataSummary {
        target: "token",
        vocabulary: format!("{sources} to {targets}"),
        uniform_loss: (task.target.tokenizer().len() as f64).ln(),
        notes,
        ..sets.summary("pairs", &config)
    };
    let (train, valid) = loaders(train, valid, &config);
    Ok(Prepared { config, options, task, train, valid, data })
}

fn defaults(size: usize) -> Defaults {
    let small = size < 20_000;
    Defaults {
        hidden_size: 256,
        num_layers: 1,
        dropout: 0.3,
        batch_size: if small { 32 } else { 64 },
        epochs: if small { 30 } else { 12 },
        time_limit_replaces_epochs: false,
        learning_rate: 2e-3,
        weight_decay: 0.01,
        valid_fraction: 0.05,
        patience: 5,
    }
}

/// Resolved settings that are not in [`Config`].
fn options(settings: &Settings, source: &TextSide, target: &TextSide) -> Settings {
    Settings {
        source_units: Some(source.tokenizer().units()),
        target_units: Some(target.tokenizer().units()),
        lowercase: settings.lowercase.or(Some(false)),
        min_count: settings.min_count,
        vocab_size: settings.vocab_size,
        bidirectional: settings.bidirectional.or(Some(true)),
        locked_dropout: settings.locked_dropout.or(Some(false)),
        attention: Some(settings.attention.unwrap_or_default()),
        scheduled_sampling: settings.scheduled_sampling.or(Some(0.0)),
        label_smoothing: settings.label_smoothing.or(Some(0.0)),
        ..Settings::default()
    }
}

/// The tokenizer of one side: in the given units, or in the default units of its kind of texts.
fn side<'a>(
    texts: impl Iterator<Item = &'a str> + Clone,
    name: &str,
    units: Option<TokenUnits>,
    boundaries: bool,
    settings: &Settings,
    notes: &mut Vec<Note>,
) -> Result<TextSide> {
    let kind = TextKind::of(texts.clone());
    let given = units.is_some();
    let units = units.unwrap_or_else(|| kind.units());
    let options = TokenizerOptions {
        units,
        min_count: settings.min_count.unwrap_or(match (units, kind) {
            (TokenUnits::Word, TextKind::Words | TextKind::Sentences) => 2,
            _ => 1,
        }),
        max_size: settings.vocab_size.filter(|_| matches!(units, TokenUnits::Word | TokenUnits::Bpe)),
        lowercase: settings.lowercase.unwrap_or(false),
        boundaries,
    };
    let side = TextSide::train(texts, kind, &options)?;
    if !given {
        let choice = format!("{name} in {}, for {kind}", side.plural());
        let setting = if boundaries { "target_units" } else { "source_units" };
        notes.push(Note::Chosen { setting, choice });
    }
    Ok(side)
}
