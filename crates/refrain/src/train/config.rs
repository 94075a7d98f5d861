//! The values in force in a run: what was asked for, checked, and defaults that fit the task for the rest.

use std::path::PathBuf;

use refrain_kernels::{Backend, Precision, Rule};
use serde::Serialize;

use super::settings::{Optimizer, Schedule, Settings, Span};
use crate::PrecisionChoice;
use crate::error::{Error, InputProblem, Place, Result, SettingProblem, fraction};
use crate::model::{ActivationKind, CellKind, LayerSizes, RecurrentLayers, ResetGate};

/// The values in force in a run, whatever its task; the task has options of its own beside them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Config {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<PathBuf>,
    pub valid_fraction: f64,
    pub cell: CellKind,
    pub activation: ActivationKind,
    pub reset_gate: ResetGate,
    pub hidden_size: usize,
    pub num_layers: usize,
    pub layer_norm: bool,
    pub dropout: f32,
    pub weight_drop: f32,
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

/// What a task takes where nothing is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Defaults {
    pub hidden_size: usize,
    pub num_layers: usize,
    pub dropout: f32,
    pub batch_size: usize,
    /// Unless updates are limited.
    pub epochs: u64,
    /// Whether there may be more of them if time is limited, as many as fit.
    pub more_epochs_in_time: bool,
    /// For Adam and its like.
    pub learning_rate: f64,
    pub weight_decay: f64,
    pub valid_fraction: f64,
    pub patience: u64,
}

/// What SGD and Adam carry over from update to update, and what a step of the schedule leaves of the learning rate.
const MOMENTUM: f64 = 0.9;
const DECAY_FACTOR: f64 = 0.5;

impl Config {
    /// Fills in what was not asked for, and checks everything that can be checked without the data. Threads and precision are
    /// those of the backend, its precision settled for layers of the hidden size.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value out of range or for settings that exclude each other.
    pub fn resolve<B: Backend>(settings: &Settings, defaults: Defaults, backend: &B) -> Result<Config> {
        let s = settings.clone();
        if s.preset.is_some() {
            return Err(unused("preset", "by this task, only by language models"));
        }
        // Others may well be told to show none.
        if s.sample_every.is_some_and(|every| every > 0) {
            return Err(unused("sample_every", "by this task, only by language models"));
        }
        let batch_size = s.batch_size.unwrap_or(defaults.batch_size);
        let learning_rate = s.learning_rate.unwrap_or(match s.optimizer {
            None | Some(Optimizer::Adam | Optimizer::AdamW | Optimizer::RmsProp) => defaults.learning_rate,
            Some(Optimizer::Adagrad) => 2e-2,
            Some(Optimizer::Sgd) => 1.0,
        });
        let hidden_size = s.hidden_size.unwrap_or(defaults.hidden_size);
        let precision = precision(settings, backend.for_hidden_size(hidden_size).precision())?;
        let limited = s.max_steps.is_some() || (s.time_limit.is_some() && defaults.more_epochs_in_time);
        let config = Config {
            data: s.data.unwrap_or_default(),
            valid: s.valid,
            valid_fraction: s.valid_fraction.unwrap_or(defaults.valid_fraction),
            cell: s.cell.unwrap_or_default(),
            activation: s.activation.unwrap_or_default(),
            reset_gate: s.reset_gate.unwrap_or_default(),
            hidden_size,
            num_layers: s.num_layers.unwrap_or(defaults.num_layers),
            layer_norm: s.layer_norm.unwrap_or(false),
            dropout: s.dropout.unwrap_or(defaults.dropout),
            weight_drop: s.weight_drop.unwrap_or(0.0),
            batch_size,
            epochs: s.epochs.or_else(|| (!limited).then_some(defaults.epochs)),
            max_steps: s.max_steps,
            time_limit: s.time_limit,
            optimizer: s.optimizer.unwrap_or(Optimizer::AdamW),
            learning_rate,
            schedule: s.schedule.unwrap_or(Schedule::Cosine),
            warmup_steps: s.warmup_steps,
            min_learning_rate: s.min_learning_rate.unwrap_or(learning_rate / 30.0),
            decay_factor: s.decay_factor.unwrap_or(DECAY_FACTOR),
            decay_epochs: s.decay_epochs,
            momentum: s.momentum.unwrap_or(MOMENTUM),
            weight_decay: s.weight_decay.unwrap_or(defaults.weight_decay),
            grad_clip: s.grad_clip.unwrap_or(1.0),
            average: s.average.unwrap_or(0),
            patience: s.patience.unwrap_or(defaults.patience),
            seed: s.seed.unwrap_or(1),
            shards: s.shards.unwrap_or_else(|| default_shards(batch_size)),
            threads: backend.threads(),
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
        at_least_one("batch_size", self.batch_size as u64)?;
        at_least_one("epochs", self.epochs.unwrap_or(1))?;
        at_least_one("max_steps", self.max_steps.unwrap_or(1))?;
        at_least_one("shards", self.shards as u64)?;
        at_least_one("decay_epochs", self.decay_epochs.unwrap_or(1))?;
        at_most("batch_size", self.batch_size, 1 << 16)?;
        at_most("shards", self.shards, self.batch_size)?;
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(Error::out_of_range("learning_rate", self.learning_rate, "a number above 0"));
        }
        for (name, value) in [
            ("min_learning_rate", self.min_learning_rate),
            ("weight_decay", self.weight_decay),
            ("grad_clip", self.grad_clip),
            ("momentum", self.momentum),
            ("decay_factor", self.decay_factor),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::out_of_range(name, value, "a number of at least 0"));
            }
        }
        fraction("dropout", self.dropout.into())?;
        fraction("weight_drop", self.weight_drop.into())?;
        if self.momentum >= 1.0 {
            return Err(Error::out_of_range("momentum", self.momentum, "a share below 1"));
        }
        #[cfg(not(feature = "clock"))]
        if self.time_limit.is_some() {
            return Err(unused("time_limit", "by a build without a clock"));
        }
        self.check_idle()
    }

    /// Refuses values that nothing would come of.
    fn check_idle(&self) -> Result<()> {
        let (elman, gru) = (self.cell == CellKind::Rnn, self.cell == CellKind::Gru);
        let steps = self.schedule == Schedule::Step;
        let idle = [
            ("activation", "`cell = rnn`", !elman && self.activation != ActivationKind::default()),
            ("reset_gate", "`cell = gru`", !gru && self.reset_gate != ResetGate::default()),
            ("momentum", "`optimizer` adam, adamw or sgd", !self.has_momentum() && self.momentum != MOMENTUM),
            ("decay_factor", "`schedule = step`", !steps && self.decay_factor != DECAY_FACTOR),
            ("decay_epochs", "`schedule = step`", !steps && self.decay_epochs.is_some()),
        ];
        match idle.iter().find(|(_, _, idle)| *idle) {
            Some((name, with, _)) => Err(unused(name, &format!("without {with}"))),
            None => Ok(()),
        }
    }

    /// Recurrent layers of these sizes that read forwards and drop anew at every step. Whether a task's do otherwise is
    /// among its own options.
    pub fn recurrent(&self) -> RecurrentLayers {
        let layers = LayerSizes {
            cell: self.cell,
            activation: self.activation,
            reset_gate: self.reset_gate,
            hidden_size: self.hidden_size,
            num_layers: self.num_layers,
            layer_norm: self.layer_norm,
            dropout: self.dropout,
        };
        RecurrentLayers { layers, bidirectional: false, locked_dropout: false }
    }

    /// The update rule.
    pub fn rule(&self) -> Rule {
        let (beta1, beta2, eps) = (self.momentum, 0.999, 1e-8);
        match self.optimizer {
            Optimizer::Adam => Rule::Adam { beta1, beta2, eps, decoupled: false },
            Optimizer::AdamW => Rule::Adam { beta1, beta2, eps, decoupled: true },
            Optimizer::RmsProp => Rule::RmsProp { decay: 0.99, eps },
            Optimizer::Adagrad => Rule::Adagrad { eps: 1e-10 },
            Optimizer::Sgd => Rule::Sgd { momentum: self.momentum },
        }
    }

    /// Whether the update rule keeps a share of the direction of earlier updates.
    fn has_momentum(&self) -> bool {
        matches!(self.optimizer, Optimizer::Adam | Optimizer::AdamW | Optimizer::Sgd)
    }

    /// Optimiser, learning rate, batch: for people.
    pub(crate) fn recipe(&self) -> String {
        let momentum =
            if self.has_momentum() { format!(", momentum {}", self.momentum) } else { String::new() };
        let recipe = format!(
            "{:?}{momentum}, learning rate {}, {:?} schedule, weight decay {}, batches of {}, dropout {}, weight drop {}, average over {}, clip {}, seed {}",
            self.optimizer,
            self.learning_rate,
            self.schedule,
            self.weight_decay,
            self.batch_size,
            self.dropout,
            self.weight_drop,
            self.average,
            self.grad_clip,
            self.seed
        );
        recipe.to_lowercase()
    }
}

/// The precision that training runs in.
fn precision(settings: &Settings, precision: Precision) -> Result<Precision> {
    if precision == Precision::Int8 {
        return Err(Error::out_of_range(
            "precision",
            "int8",
            "f32 or bf16 to train, int8 is for trained models",
        ));
    }
    match settings.precision {
        None | Some(PrecisionChoice::Auto) => Ok(precision),
        Some(asked) if asked == precision.into() => Ok(precision),
        Some(asked) => Err(Error::Setting {
            setting: "precision",
            problem: SettingProblem::Mismatch {
                found: format!("is {asked:?}").to_lowercase(),
                expected: format!("the backend computes in {precision}"),
            },
        }),
    }
}

/// A setting that has no effect in this context.
pub(crate) fn unused(setting: &'static str, context: &str) -> Error {
    Error::Setting { setting, problem: SettingProblem::Unused { context: context.to_owned() } }
}

/// Refuses a setting of zero.
pub(crate) fn at_least_one(name: &'static str, value: u64) -> Result<()> {
    match value {
        0 => Err(Error::out_of_range(name, 0, "at least 1")),
        _ => Ok(()),
    }
}

/// Refuses a setting that is too large.
pub(crate) fn at_most(name: &'static str, value: usize, most: usize) -> Result<()> {
    match value > most {
        true => Err(Error::out_of_range(name, value, format!("at most {most}"))),
        false => Ok(()),
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

/// `config.toml`: every value in force but the run's directory itself, which may be moved.
pub(super) fn config_text(task: &str, config: &Config, options: &impl Serialize) -> Result<String> {
    let refuse = |error: toml::ser::Error| {
        let problem = InputProblem::Syntax { message: format!("cannot be stored: {error}") };
        Error::Input { place: Place::of("the settings"), problem }
    };
    let config = Config { out: None, ..config.clone() };
    Ok(format!(
        "# Every value in force in this run: a configuration file for another one.\ntask = \"{task}\"\n{}{}",
        toml::to_string(&config).map_err(refuse)?,
        toml::to_string(options).map_err(refuse)?,
    ))
}
