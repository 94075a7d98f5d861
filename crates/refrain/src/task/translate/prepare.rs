//! From pairs to a run: validation part, the units of both sides, sizes.

use std::path::Path;

use super::data::TranslateExample;
use super::{Description, Options, Translate};
use crate::data::Examples;
use crate::format::{Pair, read_pairs};
use crate::model::{RecurrentLayers, Task, TranslatorSizes};
use crate::task::split::{Digest, hold_back, one_file};
use crate::task::text_side::{SideForm, TextSide};
use crate::text::{TokenUnits, TokenizerOptions, thousands};
use crate::train::{Config, DataSummary, Defaults, Prepared, Settings};
use crate::{Error, Result};

pub(super) fn prepare(settings: Settings) -> Result<Prepared<Translate>> {
    let path = one_file(&settings)?;
    let all = read_pairs(&path)?;
    let held = settings.valid.as_deref().map(read_pairs).transpose()?;
    let defaults = Defaults {
        hidden_size: 256,
        num_layers: 1,
        dropout: 0.3,
        batch_size: if all.len() < 20_000 { 32 } else { 64 },
        epochs: if all.len() < 20_000 { 30 } else { 12 },
        more_epochs_in_time: false,
        learning_rate: 2e-3,
        weight_decay: 0.01,
        valid_fraction: 0.05,
        patience: 5,
    };
    let config = Config::resolve(settings.clone(), defaults)?;
    let digest = digest(&all, held.as_deref());
    let (train, valid) = match held {
        Some(valid) => (all, valid),
        None => hold_back(all, config.valid_fraction, config.seed, |pair: &Pair| Some(pair.source.clone()))?,
    };
    let mut notes = vec![];
    let sources = || train.iter().map(|pair| pair.source.as_str());
    let targets = || train.iter().map(|pair| pair.target.as_str());
    let source = side(sources(), "source", settings.source_units, false, &settings, &mut notes)?;
    let target = side(targets(), "target", settings.target_units, true, &settings, &mut notes)?;
    let small = [&source, &target].iter().all(|side| side.tokenizer().len() <= 1_000);
    let options = Options {
        source_units: source.tokenizer().units(),
        target_units: target.tokenizer().units(),
        lowercase: settings.lowercase.unwrap_or(false),
        min_count: settings.min_count,
        vocab_size: settings.vocab_size,
        embedding_size: settings.embedding_size.unwrap_or(if small { 64 } else { 256 }),
        bidirectional: settings.bidirectional.unwrap_or(true),
        locked_dropout: settings.locked_dropout.unwrap_or(false),
        attention: settings.attention.unwrap_or_default(),
        scheduled_sampling: settings.scheduled_sampling.unwrap_or(0.0),
        label_smoothing: settings.label_smoothing.unwrap_or(0.0),
    };
    let sizes = TranslatorSizes {
        source_vocab: source.tokenizer().len(),
        target_vocab: target.tokenizer().len(),
        embedding_size: options.embedding_size,
        encoder: RecurrentLayers {
            bidirectional: options.bidirectional,
            locked_dropout: options.locked_dropout,
            ..config.recurrent()
        },
        attention: options.attention,
        scheduled_sampling: options.scheduled_sampling,
        label_smoothing: options.label_smoothing,
    };
    let mut task = Translate::new(Description { sizes, source, target, target_ratio: 1.0 })?;
    let (train_size, valid_size) = (train.len() as u64, valid.len() as u64);
    let valid_path = config.valid.as_deref().unwrap_or(&path);
    let held = examples(&task, valid_path, &valid)?;
    let train = examples(&task, &path, &train)?;
    let steps = |side: fn(&TranslateExample) -> usize| train.iter().map(side).sum::<usize>() as f32;
    task.target_ratio = steps(|example| example.target.len()) / steps(|example| example.source.len());
    let data = DataSummary {
        name: format!("{}, {} pairs", path.display(), thousands(train_size + valid_size)),
        digest,
        unit: "pairs",
        target: "symbol",
        train_size,
        valid_size,
        vocabulary: format!(
            "{} {} to {} {}",
            thousands(task.source.tokenizer().len() as u64),
            task.source.plural(),
            thousands(task.target.tokenizer().len() as u64),
            task.target.plural()
        ),
        batches: format!("{} pairs", config.batch_size),
        guessing: (task.target.tokenizer().len() as f64).ln(),
        notes,
        preparation_s: 0.0,
    };
    let train = Examples::new(train, config.batch_size, Some(config.seed));
    let valid = (!held.is_empty()).then(|| Examples::new(held, config.batch_size, None));
    Ok(Prepared { config, options, task, train, valid, data })
}

/// How one side becomes ids: in the units that are asked for, or in those that suit its form.
fn side<'a>(
    texts: impl Iterator<Item = &'a str> + Clone,
    name: &str,
    units: Option<TokenUnits>,
    boundaries: bool,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<TextSide> {
    let form = SideForm::of(texts.clone());
    let asked = units.or(settings.units);
    let units = asked.unwrap_or_else(|| form.units());
    let options = TokenizerOptions {
        units,
        min_count: settings.min_count.unwrap_or(match (units, form) {
            (TokenUnits::Word, SideForm::Words | SideForm::Sentences) => 2,
            _ => 1,
        }),
        max_size: settings.vocab_size.filter(|_| matches!(units, TokenUnits::Word | TokenUnits::Bpe)),
        lowercase: settings.lowercase.unwrap_or(false),
        boundaries,
    };
    let side = TextSide::train(texts, form, &options)?;
    if asked.is_none() {
        let plural = side.plural();
        notes.push(format!("{name} in {plural}, for {form} (--{name}-units chooses otherwise)"));
    }
    Ok(side)
}

/// Pairs in numbers.
pub(super) fn examples(task: &Translate, path: &Path, pairs: &[Pair]) -> Result<Vec<TranslateExample>> {
    let example = |pair: &Pair| {
        let place = |message: String| Error::data(path, pair.line, message);
        let source = task.encode(&pair.source).map_err(place)?;
        Ok(TranslateExample { target: task.encode_target(&pair.target), ..source })
    };
    pairs.iter().map(example).collect()
}

impl Translate {
    /// A source in numbers.
    ///
    /// # Errors
    /// What is wrong with it, and the remedy.
    pub(super) fn encode(&self, source: &str) -> Result<TranslateExample, String> {
        let source = self.source.encode(source);
        match source.is_empty() {
            true => Err("has no token in its source: leave it out".to_owned()),
            false => Ok(TranslateExample { source, target: vec![] }),
        }
    }

    /// A target in numbers, between the boundaries.
    pub(super) fn encode_target(&self, target: &str) -> Vec<u32> {
        let tokenizer = self.target.tokenizer();
        let ids = self.target.encode(target).into_iter();
        tokenizer.start().into_iter().chain(ids).chain(tokenizer.end()).collect()
    }
}

/// Identifies the data.
fn digest(all: &[Pair], held: Option<&[Pair]>) -> String {
    let mut digest = Digest::default();
    for pair in all.iter().chain(held.into_iter().flatten()) {
        digest.add(pair.source.as_bytes());
        digest.add(pair.target.as_bytes());
    }
    digest.finish()
}
