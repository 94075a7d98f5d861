//! What a run of a language model settles for itself: how the text is read, and defaults that fit its size.

use serde::Serialize;

use crate::model::{Architecture, CellKind};
use crate::text::{TokenUnits, Units};
use crate::train::{Config, Defaults, Example, Optimizer, Schedule, Settings, at_least_one, at_most};
use crate::{Error, Result};

/// The values in force that only a language model has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
    pub units: Units,
    pub lines: bool,
    pub raw: bool,
    pub min_count: u64,
    pub embedding_size: usize,
    pub seq_length: usize,
}

/// Texts below this are small: larger models learn them by heart.
pub(super) const SMALL_TEXT: u64 = 300_000;

impl Settings {
    /// Settings that an example brings along; what a user gives wins.
    #[must_use]
    pub fn with_example(self) -> Settings {
        let example = match (self.example, &self.data) {
            (None, Some(data)) if !data.is_empty() => return self,
            (example, _) => example.unwrap_or(Example::Latin),
        };
        let base = match example {
            Example::Latin => Settings::default(),
            Example::Sentences => Settings {
                cell: Some(CellKind::Rnn),
                hidden_size: Some(12),
                num_layers: Some(1),
                embedding_size: Some(0),
                dropout: Some(0.0),
                seq_length: Some(14),
                batch_size: Some(3),
                epochs: Some(100),
                optimizer: Some(Optimizer::Adam),
                learning_rate: Some(0.01),
                schedule: Some(Schedule::Constant),
                warmup_steps: Some(0),
                weight_decay: Some(0.0),
                grad_clip: Some(0.0),
                valid_fraction: Some(0.0),
                sample_every: Some(0),
                shards: Some(1),
                ..Settings::default()
            },
            Example::Brackets => Settings {
                hidden_size: Some(64),
                num_layers: Some(1),
                embedding_size: Some(0),
                dropout: Some(0.0),
                epochs: Some(10),
                ..Settings::default()
            },
        };
        Settings { example: Some(example), ..self.or(base) }
    }
}

/// Fills in what was not asked for, for a text of `symbols` symbols to train on, and checks everything that can be checked
/// without the text.
///
/// # Errors
/// [`Error::Config`] for a value out of range or for settings that exclude each other.
pub(super) fn resolve(settings: Settings, symbols: u64) -> Result<(Config, Options)> {
    let s = &settings;
    let seq_length = s.seq_length.unwrap_or(64);
    let options = Options {
        example: s.example,
        units: units(s)?,
        lines: s.lines.unwrap_or(false),
        raw: s.raw.unwrap_or(false),
        min_count: s.min_count.unwrap_or(1),
        embedding_size: s.embedding_size.unwrap_or(64),
        seq_length,
    };
    at_least_one("seq-length", seq_length as u64)?;
    at_most("seq-length", seq_length, 1 << 20)?;
    at_least_one("min-count", options.min_count)?;
    if options.example == Some(Example::Sentences) && options.lines {
        return Err(Error::Config("--lines is for texts: the sentences are sequences already".to_owned()));
    }
    let small = symbols < SMALL_TEXT;
    let defaults = Defaults {
        hidden_size: if small { 128 } else { 256 },
        num_layers: 2,
        dropout: 0.2,
        batch_size: default_batch_size(symbols, seq_length),
        epochs: default_epochs(symbols),
        learning_rate: if small { 5e-3 } else { 3e-3 },
        weight_decay: 0.01,
        valid_fraction: 0.1,
        patience: 10,
    };
    let config = Config::resolve(settings, defaults)?;
    // The vocabulary is not known yet; any size in bounds stands for it.
    architecture(&config, &options, 1).validate()?;
    Ok((config, options))
}

/// The units of the text, of those that a language model can read.
pub(super) fn units(settings: &Settings) -> Result<Units> {
    match settings.units.unwrap_or_default() {
        TokenUnits::Char => Ok(Units::Char),
        TokenUnits::Byte => Ok(Units::Byte),
        other => Err(Error::Config(format!("--units {other} is not for language models: use char or byte"))),
    }
}

/// The model's architecture over a vocabulary of this size.
pub(super) fn architecture(config: &Config, options: &Options, vocab_size: usize) -> Architecture {
    Architecture {
        cell: config.cell,
        activation: config.activation,
        reset_gate: config.reset_gate,
        hidden_size: config.hidden_size,
        num_layers: config.num_layers,
        embedding_size: options.embedding_size,
        vocab_size,
        dropout: config.dropout,
    }
}

/// Rows that leave each lane of a small text some windows long, two at least where that can be.
fn default_batch_size(symbols: u64, seq_length: usize) -> usize {
    let usual = match symbols {
        0..20_000 => 8,
        20_000..60_000 => 16,
        _ => 32,
    };
    let two_windows = 2 * (seq_length as u64).max(1);
    usual.min(usize::try_from(symbols / two_windows).unwrap_or(usual)).max(1)
}

/// Enough passes that a text is learned and not too many that it is known by heart.
fn default_epochs(symbols: u64) -> u64 {
    match symbols {
        0..100_000 => 40,
        100_000..300_000 => 25,
        300_000..2_000_000 => 12,
        2_000_000..10_000_000 => 8,
        _ => 3,
    }
}
