//! The effective settings of a run: those that were given, checked, and defaults for the others.

use std::collections::BTreeMap;

use refrain_kernels::{Backend, Precision, Rule};

use super::choices::{Optimizer, Schedule};
use super::settings::{Config, Settings};
use crate::PrecisionChoice;
use crate::error::{Error, InputProblem, Place, Result, SettingProblem};
use crate::model::{ActivationKind, CellKind, LayerSizes, RecurrentLayers, ResetGate, TaskName};
use crate::option::{Range, Span, Subcommand, nearest};

/// The defaults of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
pub struct Defaults {
    pub hidden_size: usize,
    pub num_layers: usize,
    pub dropout: f32,
    pub batch_size: usize,
    /// Unless the number of updates is limited.
    pub epochs: u64,
    /// Whether a time limit replaces the default number of epochs.
    pub time_limit_replaces_epochs: bool,
    /// For Adam, AdamW and RMSprop.
    pub learning_rate: f64,
    pub weight_decay: f64,
    pub valid_fraction: f64,
    pub patience: u64,
}

// A setting that has no effect together with the others must have its default, one of these.
const MOMENTUM: f64 = 0.9;
const BETA2: f64 = 0.999;
const DECAY_FACTOR: f64 = 0.5;

impl Config {
    /// Fills in defaults and checks all that can be checked without the data. Threads and precision are those of the
    /// backend, with an automatic precision resolved for the hidden size.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value out of range or for settings that exclude each other.
    pub fn resolve<B: Backend>(settings: &Settings, defaults: Defaults, backend: &B) -> Result<Config> {
        let s = settings.clone();
        let batch_size = s.batch_size.unwrap_or(defaults.batch_size);
        let learning_rate = s.learning_rate.unwrap_or(match s.optimizer {
            None | Some(Optimizer::Adam | Optimizer::AdamW | Optimizer::RmsProp) => defaults.learning_rate,
            Some(Optimizer::Adagrad) => 2e-2,
            Some(Optimizer::Sgd) => 1.0,
        });
        let hidden_size = s.hidden_size.unwrap_or(defaults.hidden_size);
        let precision = precision(settings, backend.for_hidden_size(hidden_size).precision())?;
        let limited =
            s.max_steps.is_some() || (s.time_limit.is_some() && defaults.time_limit_replaces_epochs);
        let config = Config {
            data: s.data.filter(|files| !files.is_empty()),
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
            beta2: s.beta2.unwrap_or(BETA2),
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
        Settings::from(self).check_ranges()?;
        Range::between(1.0, self.batch_size as f64).check("shards", self.shards as f64)?;
        #[cfg(not(feature = "clock"))]
        if self.time_limit.is_some() {
            return Err(Error::unused("time_limit", "by a build without a clock"));
        }
        self.check_unused()
    }

    /// Rejects settings that have no effect together with the others.
    fn check_unused(&self) -> Result<()> {
        let (elman, gru) = (self.cell == CellKind::Rnn, self.cell == CellKind::Gru);
        let steps = self.schedule == Schedule::Step;
        let adam = matches!(self.optimizer, Optimizer::Adam | Optimizer::AdamW);
        let unused = [
            ("activation", "`cell = rnn`", !elman && self.activation != ActivationKind::default()),
            ("reset_gate", "`cell = gru`", !gru && self.reset_gate != ResetGate::default()),
            ("momentum", "`optimizer` adam, adamw or sgd", !self.has_momentum() && self.momentum != MOMENTUM),
            ("beta2", "`optimizer` adam or adamw", !adam && self.beta2 != BETA2),
            ("decay_factor", "`schedule = step`", !steps && self.decay_factor != DECAY_FACTOR),
            ("decay_epochs", "`schedule = step`", !steps && self.decay_epochs.is_some()),
        ];
        match unused.iter().find(|(_, _, unused)| *unused) {
            Some((name, with, _)) => Err(Error::unused(name, format!("without {with}"))),
            None => Ok(()),
        }
    }

    /// Unidirectional layers of these sizes, with a new dropout mask at every time step. Tasks override this by their own
    /// settings.
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
        let (beta1, beta2, eps) = (self.momentum, self.beta2, 1e-8);
        match self.optimizer {
            Optimizer::Adam => Rule::Adam { beta1, beta2, eps, decoupled: false },
            Optimizer::AdamW => Rule::Adam { beta1, beta2, eps, decoupled: true },
            Optimizer::RmsProp => Rule::RmsProp { decay: 0.99, eps },
            Optimizer::Adagrad => Rule::Adagrad { eps: 1e-10 },
            Optimizer::Sgd => Rule::Sgd { momentum: self.momentum },
        }
    }

    /// Whether the update rule has momentum (or Adam's β₁).
    fn has_momentum(&self) -> bool {
        matches!(self.optimizer, Optimizer::Adam | Optimizer::AdamW | Optimizer::Sgd)
    }

    /// Optimiser, learning rate and batch size as text.
    pub(crate) fn recipe(&self) -> String {
        let momentum = match self.rule() {
            Rule::Adam { beta1, .. } => format!(", beta1 {beta1}"),
            Rule::Sgd { momentum } => format!(", momentum {momentum}"),
            Rule::RmsProp { .. } | Rule::Adagrad { .. } => String::new(),
        };
        let averaging = match self.average {
            0 => "off".to_owned(),
            updates => format!("over {updates} updates"),
        };
        let clipping = if self.grad_clip > 0.0 { self.grad_clip.to_string() } else { "off".to_owned() };
        let recipe = format!(
            "{:?}{momentum}, learning rate {}, {:?} schedule, weight decay {}, batch size {}, dropout {}, weight drop {}, weight averaging {averaging}, gradient clipping {clipping}, seed {}",
            self.optimizer,
            self.learning_rate,
            self.schedule,
            self.weight_decay,
            self.batch_size,
            self.dropout,
            self.weight_drop,
            self.seed
        );
        recipe.to_lowercase()
    }
}

/// The precision of training.
fn precision(settings: &Settings, precision: Precision) -> Result<Precision> {
    if precision == Precision::Int8 {
        return Err(Error::out_of_range(
            "precision",
            "int8",
            "f32 or bf16 for training; int8 is for trained models",
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

/// One shard per processor, but at least 16 rows per shard, because products of fewer rows are slow; at least two shards, so
/// that results are bit-identical on one and two processors.
fn default_shards(batch_size: usize) -> usize {
    available_threads().max(2).min((batch_size / 16).max(2)).min(batch_size)
}

/// `1 shard`, `2 shards`.
pub(super) fn shards(count: usize) -> String {
    format!("{count} {}", if count == 1 { "shard" } else { "shards" })
}

/// Processors that this process may use.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Settings {
    /// Refuses settings that a task, by its name, does not use, and numbers out of range.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first of them.
    pub fn check(&self, task: &str) -> Result<()> {
        if let Some(task) = TaskName::of(task) {
            // Every task accepts 0: no samples.
            let sample_every = self.sample_every.filter(|every| *every > 0);
            let given = Settings { sample_every, ..self.clone() }.changes(&Settings::default());
            let given = Settings::DEFINITIONS.iter().filter(|option| given.contains(&option.name));
            given.into_iter().try_for_each(|option| option.check_used(Subcommand::Train, task))?;
        }
        self.check_ranges()
    }

    /// The settings of a configuration file, TOML. `name` stands for it in errors. Former names of settings are accepted.
    ///
    /// # Errors
    /// [`Error::Input`] with the line, for what is not TOML, an unknown key (and the nearest known one), or a value of
    /// the wrong type.
    pub fn from_toml(name: &str, text: &str) -> Result<Settings> {
        let refuse = |offset: usize, message: String| {
            let line = text[..offset].matches('\n').count() as u64 + 1;
            let problem = InputProblem::Syntax { message };
            Error::Input { place: Place::of(name).line(line), problem }
        };
        let syntax = |error: toml::de::Error| {
            refuse(error.span().map_or(0, |span| span.start), error.message().to_owned())
        };
        let table: BTreeMap<toml::Spanned<String>, toml::Value> = toml::from_str(text).map_err(syntax)?;
        let mut settings = Settings::default();
        for (key, value) in table {
            let (offset, key) = (key.span().start, key.into_inner());
            let option =
                Settings::DEFINITIONS.iter().find(|option| option.has_name(&key)).ok_or_else(|| {
                    let names = Settings::DEFINITIONS.iter().map(|option| option.name);
                    let instead = nearest(&key, names)
                        .map_or(String::new(), |name| format!(", did you mean `{name}`?"));
                    refuse(offset, format!("unknown setting `{key}`{instead}"))
                })?;
            let one = toml::Table::from_iter([(option.name.to_owned(), value)]);
            let one: Settings = one
                .try_into()
                .map_err(|error: toml::de::Error| refuse(offset, format!("`{key}`: {}", error.message())))?;
            settings = settings.or(one);
        }
        Ok(settings)
    }
}
