//! Every value in force in a run: what was asked for, checked, and defaults that fit the text for the rest.

use std::path::PathBuf;

use refrain_kernels::{Precision, Rule};
use serde::Serialize;

use super::settings::{Example, Optimizer, Schedule, Settings, Span};
use crate::model::{ActivationKind, Architecture, CellKind, ResetGate};
use crate::text::Units;
use crate::{Error, PrecisionChoice, Result};

/// The configuration of a run, as its `config.toml` has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Config {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
    pub units: Units,
    pub lines: bool,
    pub raw: bool,
    pub min_count: u64,
    pub valid_fraction: f64,
    pub cell: CellKind,
    pub activation: ActivationKind,
    pub reset_gate: ResetGate,
    pub hidden_size: usize,
    pub num_layers: usize,
    pub embedding_size: usize,
    pub dropout: f32,
    pub weight_drop: f32,
    pub seq_length: usize,
    pub batch_size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Span>,
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    pub schedule: Schedule,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    pub min_learning_rate: f64,
    pub decay_factor: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_epochs: Option<u64>,
    pub momentum: f64,
    pub weight_decay: f64,
    pub grad_clip: f64,
    pub average: u64,
    pub patience: u64,
    pub seed: u64,
    pub shards: usize,
    pub threads: usize,
    pub precision: PrecisionChoice,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_every: Option<u64>,
    pub checkpoint_every: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_from: Option<PathBuf>,
}

/// Texts below this are small: larger models learn them by heart.
pub(super) const SMALL_TEXT: u64 = 300_000;

impl Settings {
    /// Settings that an example brings along; what a user gives wins.
    #[must_use]
    pub fn with_example(self) -> Settings {
        let example = match (self.example, &self.text) {
            (None, Some(text)) if !text.is_empty() => return self,
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

impl Config {
    /// Fills in what was not asked for, for a text of `symbols` symbols to train on, and checks everything that
    /// can be checked without the text.
    ///
    /// # Errors
    /// [`Error::Config`] for a value out of range or for settings that exclude each other.
    pub fn resolve(settings: Settings, symbols: u64) -> Result<Config> {
        let s = settings;
        let small = symbols < SMALL_TEXT;
        let seq_length = s.seq_length.unwrap_or(64);
        let batch_size = s.batch_size.unwrap_or_else(|| default_batch_size(symbols, seq_length));
        let learning_rate = s.learning_rate.unwrap_or(match s.optimizer {
            None | Some(Optimizer::Adam | Optimizer::AdamW | Optimizer::RmsProp) if small => 5e-3,
            None | Some(Optimizer::Adam | Optimizer::AdamW | Optimizer::RmsProp) => 3e-3,
            Some(Optimizer::Adagrad) => 2e-2,
            Some(Optimizer::Sgd) => 1.0,
        });
        let hidden_size = s.hidden_size.unwrap_or(if small { 128 } else { 256 });
        let precision = s.precision.unwrap_or_default().resolve(hidden_size);
        if precision == Precision::Int8 {
            return Err(Error::Config(
                "--precision int8 is for models that are trained: learn in f32 or bf16".to_owned(),
            ));
        }
        let limited = s.max_steps.is_some() || s.time_limit.is_some();
        let config = Config {
            text: s.text.unwrap_or_default(),
            example: s.example,
            units: s.units.unwrap_or_default(),
            lines: s.lines.unwrap_or(false),
            raw: s.raw.unwrap_or(false),
            min_count: s.min_count.unwrap_or(1),
            valid_fraction: s.valid_fraction.unwrap_or(0.1),
            cell: s.cell.unwrap_or_default(),
            activation: s.activation.unwrap_or_default(),
            reset_gate: s.reset_gate.unwrap_or_default(),
            hidden_size,
            num_layers: s.num_layers.unwrap_or(2),
            embedding_size: s.embedding_size.unwrap_or(64),
            dropout: s.dropout.unwrap_or(0.2),
            weight_drop: s.weight_drop.unwrap_or(0.0),
            seq_length,
            batch_size,
            epochs: s.epochs.or_else(|| (!limited).then(|| default_epochs(symbols))),
            max_steps: s.max_steps,
            time_limit: s.time_limit,
            optimizer: s.optimizer.unwrap_or(Optimizer::AdamW),
            learning_rate,
            schedule: s.schedule.unwrap_or(Schedule::Cosine),
            warmup_steps: s.warmup_steps,
            min_learning_rate: s.min_learning_rate.unwrap_or(learning_rate / 30.0),
            decay_factor: s.decay_factor.unwrap_or(0.5),
            decay_epochs: s.decay_epochs,
            momentum: s.momentum.unwrap_or(0.9),
            weight_decay: s.weight_decay.unwrap_or(0.01),
            grad_clip: s.grad_clip.unwrap_or(1.0),
            average: s.average.unwrap_or(0),
            patience: s.patience.unwrap_or(10),
            seed: s.seed.unwrap_or(1),
            shards: s.shards.unwrap_or_else(|| default_shards(batch_size)),
            threads: s.threads.unwrap_or_else(available_threads),
            precision: precision.into(),
            sample_every: s.sample_every,
            checkpoint_every: s.checkpoint_every.unwrap_or(Span { seconds: 20.0 }),
            out: s.out,
            init_from: s.init_from,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let positive = |name: &str, value: u64| match value {
            0 => Err(Error::Config(format!("{name} is 0: give at least 1"))),
            _ => Ok(()),
        };
        positive("seq-length", self.seq_length as u64)?;
        positive("batch-size", self.batch_size as u64)?;
        positive("epochs", self.epochs.unwrap_or(1))?;
        positive("max-steps", self.max_steps.unwrap_or(1))?;
        positive("shards", self.shards as u64)?;
        positive("threads", self.threads as u64)?;
        positive("min-count", self.min_count)?;
        positive("decay-epochs", self.decay_epochs.unwrap_or(1))?;
        let at_most = |name: &str, value: usize, most: usize| match value > most {
            true => Err(Error::Config(format!("{name} is {value}: give at most {most}"))),
            false => Ok(()),
        };
        at_most("seq-length", self.seq_length, 1 << 20)?;
        at_most("batch-size", self.batch_size, 1 << 16)?;
        at_most("shards", self.shards, self.batch_size)?;
        at_most("threads", self.threads, 1024)?;
        let number = |name: &str, value: f64, least: f64| match value.is_finite() && value >= least {
            true => Ok(()),
            false => Err(Error::Config(format!("{name} is {value}: give a number of at least {least}"))),
        };
        number("learning-rate", self.learning_rate, f64::MIN_POSITIVE)?;
        number("min-learning-rate", self.min_learning_rate, 0.0)?;
        number("weight-decay", self.weight_decay, 0.0)?;
        number("grad-clip", self.grad_clip, 0.0)?;
        number("momentum", self.momentum, 0.0)?;
        number("decay-factor", self.decay_factor, 0.0)?;
        if !(0.0..1.0).contains(&self.weight_drop) {
            return Err(Error::Config(format!(
                "weight-drop is {}: give a share from 0 up to, not including, 1",
                self.weight_drop
            )));
        }
        if self.momentum >= 1.0 {
            return Err(Error::Config(format!("momentum is {}: give a share below 1", self.momentum)));
        }
        if self.example == Some(Example::Sentences) && self.lines {
            return Err(Error::Config(
                "--lines is for texts: the sentences are sequences already".to_owned(),
            ));
        }
        // The vocabulary is not known yet; any size in bounds stands for it.
        self.architecture(1).validate()
    }

    /// The model's architecture over a vocabulary of this size.
    pub fn architecture(&self, vocab_size: usize) -> Architecture {
        Architecture {
            cell: self.cell,
            activation: self.activation,
            reset_gate: self.reset_gate,
            hidden_size: self.hidden_size,
            num_layers: self.num_layers,
            embedding_size: self.embedding_size,
            vocab_size,
            dropout: self.dropout,
        }
    }

    /// What products are computed in.
    pub fn precision(&self) -> Precision {
        self.precision.resolve(self.hidden_size)
    }

    /// The update rule.
    pub fn rule(&self) -> Rule {
        let (beta1, beta2, eps) = (0.9, 0.999, 1e-8);
        match self.optimizer {
            Optimizer::Adam => Rule::Adam { beta1, beta2, eps, decoupled: false },
            Optimizer::AdamW => Rule::Adam { beta1, beta2, eps, decoupled: true },
            Optimizer::RmsProp => Rule::RmsProp { decay: 0.99, eps },
            Optimizer::Adagrad => Rule::Adagrad { eps: 1e-10 },
            Optimizer::Sgd => Rule::Sgd { momentum: self.momentum },
        }
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

/// As many shards as there are processors, but none of fewer than sixteen rows, where products get slow; two at
/// least, so that one and two processors give the same bits.
fn default_shards(batch_size: usize) -> usize {
    available_threads().max(2).min((batch_size / 16).max(2)).min(batch_size)
}

/// Processors that this process may use.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
