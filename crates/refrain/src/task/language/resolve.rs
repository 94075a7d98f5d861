//! Resolves the settings of a language model: how the text is read, and defaults that depend on its size.

use crate::model::{Architecture, CellKind};
use crate::text::{Corpus, TokenUnits, Vocabulary};
use crate::train::{Config, Defaults, Example, Optimizer, Schedule, Settings};
use crate::{Error, Result};
use refrain_kernels::Backend;

/// Resolved settings that are not in [`Config`], named like the settings.
#[derive(Clone, Debug)]
pub(super) struct TextConfig {
    pub(super) example: Option<Example>,
    pub(super) units: TokenUnits,
    pub(super) lines: bool,
    pub(super) raw: bool,
    pub(super) min_count: u64,
    pub(super) vocab_size: Option<usize>,
    pub(super) embedding_size: usize,
    pub(super) tied_embeddings: bool,
    pub(super) seq_length: usize,
}

impl From<&TextConfig> for Settings {
    fn from(text: &TextConfig) -> Settings {
        Settings {
            example: text.example,
            units: Some(text.units),
            lines: Some(text.lines),
            raw: Some(text.raw),
            min_count: Some(text.min_count),
            vocab_size: text.vocab_size,
            embedding_size: Some(text.embedding_size),
            tied_embeddings: Some(text.tied_embeddings),
            seq_length: Some(text.seq_length),
            ..Settings::default()
        }
    }
}

/// Texts below this size, in characters, get the smaller default model, because a larger one overfits.
pub(super) const SMALL_TEXT: u64 = 300_000;

impl Settings {
    /// Fills in the settings of an example; explicit settings take precedence.
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
                learning_rate: Some(0.005),
                ..Settings::default()
            },
        };
        Settings { example: Some(example), ..self.or(base) }
    }
}

/// Size of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextSize {
    /// Characters or bytes.
    pub(super) text_chars: u64,
    /// Tokens, in the units of the model.
    pub(super) tokens: u64,
}

/// Fills in the defaults, and checks everything that does not depend on the text.
///
/// # Errors
/// [`crate::Error::Setting`] for a value out of range or for conflicting settings.
pub(super) fn resolve<B: Backend>(
    settings: &Settings,
    size: TextSize,
    backend: &B,
) -> Result<(Config, TextConfig)> {
    let s = settings;
    let seq_length = s.seq_length.unwrap_or(64);
    let units = s.units.unwrap_or_default();
    let is_word_level = matches!(units, TokenUnits::Word | TokenUnits::Bpe);
    if s.example == Some(Example::Sentences) && (s.lines == Some(true) || units != TokenUnits::Char) {
        let setting = if s.lines == Some(true) { "lines" } else { "units" };
        return Err(Error::unused(
            setting,
            "by the sentences example, which consists of sequences of characters",
        ));
    }
    let small = size.text_chars < SMALL_TEXT;
    let defaults = Defaults {
        hidden_size: if small { 128 } else { 256 },
        num_layers: 2,
        dropout: if is_word_level { 0.5 } else { 0.2 },
        batch_size: default_batch_size(size.tokens, seq_length),
        epochs: default_epochs(size.text_chars),
        time_limit_replaces_epochs: true,
        learning_rate: if small { 5e-3 } else { 3e-3 },
        weight_decay: 0.01,
        valid_fraction: 0.1,
        patience: 10,
    };
    let hidden_size = s.hidden_size.unwrap_or(defaults.hidden_size);
    let updates = updates(s, size, defaults, seq_length);
    let tuned_rate =
        has_tuned_defaults(s).then(|| learning_rate(s.cell.unwrap_or_default(), hidden_size, updates));
    let learning_rate = s.learning_rate.or(tuned_rate.flatten());
    let config = Config::resolve(&Settings { learning_rate, ..settings.clone() }, defaults, backend)?;
    // Many words are rare; tying the embeddings gives rare words more gradient updates.
    let fits = settings.embedding_size.is_none_or(|size| size == config.hidden_size);
    let tied_embeddings = settings.tied_embeddings.unwrap_or(is_word_level && fits);
    let default_embedding_size = match (tied_embeddings, is_word_level) {
        (true, _) => config.hidden_size,
        (false, true) => 256,
        (false, false) => 64,
    };
    let options = TextConfig {
        example: settings.example,
        units,
        lines: settings.lines.unwrap_or(false),
        raw: settings.raw.unwrap_or(false),
        min_count: min_count(settings),
        vocab_size: settings.vocab_size,
        embedding_size: settings.embedding_size.unwrap_or(default_embedding_size),
        tied_embeddings,
        seq_length,
    };
    // The vocabulary is not known yet; any valid size serves for the check.
    architecture(&config, &options, 1).validate()?;
    Ok((config, options))
}

fn min_count(settings: &Settings) -> u64 {
    let is_word_level = matches!(settings.units, Some(TokenUnits::Word | TokenUnits::Bpe));
    settings.min_count.unwrap_or(if is_word_level { 2 } else { 1 })
}

/// The tokens of a text.
///
/// # Errors
/// As [`Vocabulary::of_text`].
pub(super) fn vocabulary(settings: &Settings, corpus: &Corpus) -> Result<Vocabulary> {
    Vocabulary::of_text(corpus, settings.units.unwrap_or_default(), min_count(settings), settings.vocab_size)
}

/// The architecture of the model for this vocabulary size.
pub(super) fn architecture(config: &Config, options: &TextConfig, vocab_size: usize) -> Architecture {
    Architecture {
        layers: config.recurrent().layers,
        embedding_size: options.embedding_size,
        tied_embeddings: options.tied_embeddings,
        vocab_size,
    }
}

/// Whether the tuned defaults apply: a character-level model that is trained from scratch with AdamW and a decaying learning
/// rate.
pub(super) fn has_tuned_defaults(settings: &Settings) -> bool {
    let s = settings;
    s.init_from.is_none()
        && s.lines != Some(true)
        && s.optimizer.is_none()
        && matches!(s.schedule, None | Some(Schedule::Cosine | Schedule::Linear))
        && matches!(s.units, None | Some(TokenUnits::Char | TokenUnits::Byte))
}

/// The tuned learning rate, if there is one: higher for narrower layers and, for an LSTM, for fewer updates. Best for an LSTM
/// of 256 units: 0.015 in 1,000 updates, 0.01 in 3,000, 0.006 in 6,000; of 128 units: 0.02 in 1,000. For a GRU of 128 units,
/// 0.005 and 0.008 are about equal in 2,000 updates; of 256 units, 0.003 and 0.004 are best in 6,000 and 8,000; 512 units give
/// 1.41 with 0.0025 in 14,000.
pub(super) fn learning_rate(cell: CellKind, hidden_size: usize, updates: Option<f64>) -> Option<f64> {
    let width_factor = (256.0 / hidden_size.max(1) as f64).sqrt();
    let rate = match cell {
        CellKind::Lstm => (0.5 * width_factor / updates?.max(1.0).sqrt()).clamp(1e-3, 2e-2),
        CellKind::Gru => (0.0035 * width_factor).clamp(1e-3, 8e-3),
        CellKind::Rnn => return None,
    };
    Some((rate * 1e4).round() / 1e4)
}

/// Approximate number of updates of a run; `None` if only a time limit ends it.
fn updates(settings: &Settings, size: TextSize, defaults: Defaults, seq_length: usize) -> Option<f64> {
    let s = settings;
    let window = s.batch_size.unwrap_or(defaults.batch_size) as f64 * seq_length as f64;
    let timed = s.time_limit.is_some() && s.epochs.is_none() && s.max_steps.is_none();
    let epochs = s.epochs.or((s.max_steps.is_none()).then_some(defaults.epochs));
    let by_epochs = epochs.map_or(f64::INFINITY, |epochs| epochs as f64 * size.tokens as f64 / window);
    let by_steps = s.max_steps.map_or(f64::INFINITY, |steps| steps as f64);
    (!timed).then_some(by_epochs.min(by_steps))
}

/// A batch size that leaves several windows per row of a small text, at least two if possible.
fn default_batch_size(tokens: u64, seq_length: usize) -> usize {
    let default = match tokens {
        0..20_000 => 8,
        20_000..60_000 => 16,
        _ => 32,
    };
    let two_windows = 2 * (seq_length as u64).max(1);
    default.min(usize::try_from(tokens / two_windows).unwrap_or(default)).max(1)
}

/// Enough epochs to train, not enough to overfit.
fn default_epochs(text_chars: u64) -> u64 {
    match text_chars {
        0..100_000 => 40,
        100_000..300_000 => 25,
        300_000..2_000_000 => 12,
        2_000_000..10_000_000 => 8,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use refrain_kernels::Reference;

    use super::*;

    #[test]
    fn the_tuned_learning_rate_depends_on_width_and_updates() {
        let rate = |settings: Settings, tokens: u64| {
            resolve(&settings, TextSize { text_chars: tokens, tokens }, &Reference::<f32>::default())
                .unwrap()
                .0
                .learning_rate
        };
        let default = Settings::default;
        assert_eq!(rate(default(), 44_161), 0.017); // 40 epochs, batches of 16, 2 x 128
        assert_eq!(rate(default(), 1_003_854), 0.0065); // 12 epochs, batches of 32, 2 x 256
        assert_eq!(rate(Settings { epochs: Some(3), ..default() }, 1_003_854), 0.013);
        assert_eq!(rate(Settings { max_steps: Some(2500), ..default() }, 1_003_854), 0.01);
        assert_eq!(rate(Settings { max_steps: Some(10), ..default() }, 1_003_854), 0.02);
        assert_eq!(rate(Settings { hidden_size: Some(1024), ..default() }, 1_003_854), 0.0033);
        assert_eq!(rate(Settings { learning_rate: Some(0.3), ..default() }, 1_003_854), 0.3);
        let gru = |hidden_size| Settings { cell: Some(CellKind::Gru), hidden_size, ..default() };
        assert_eq!((rate(gru(None), 1_003_854), rate(gru(None), 44_161)), (0.0035, 0.0049));
        assert_eq!((rate(gru(Some(512)), 1_003_854), rate(gru(Some(16)), 1_003_854)), (0.0025, 0.008));
        let others = [
            Settings { cell: Some(CellKind::Rnn), ..default() },
            Settings { schedule: Some(Schedule::Constant), ..default() },
            Settings { optimizer: Some(Optimizer::RmsProp), ..default() },
            Settings { units: Some(TokenUnits::Word), ..default() },
            Settings { lines: Some(true), ..default() },
            Settings { init_from: Some("runs/play".into()), ..default() },
        ];
        for settings in others {
            assert_eq!((rate(settings.clone(), 1_003_854), rate(settings, 44_161)), (0.003, 0.005));
        }
    }
}
