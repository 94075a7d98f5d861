//! Selects cell, size and matching settings of a model for a time limit.
//!
//! A larger model improves more per character but processes fewer characters. The best size depends on the number of
//! characters in the time limit, so a few updates of each candidate size are timed.

use refrain_kernels::Backend;

use super::resolve::{SMALL_TEXT, TextSize, architecture, has_tuned_defaults, learning_rate, resolve};
use crate::bench::{self, Workload};
use crate::model::CellKind;
use crate::note::Note;
use crate::number::thousands;
use crate::text::TokenUnits;
use crate::train::{Clock, Settings};
use crate::{Error, Result};

/// A candidate size.
struct Size {
    hidden_size: usize,
    num_layers: usize,
    /// Minimum number of training characters at which this size beats the previous one.
    min_chars: f64,
}

const SIZES: [Size; 3] = [
    Size { hidden_size: 128, num_layers: 2, min_chars: 0.0 },
    Size { hidden_size: 256, num_layers: 2, min_chars: 2e6 },
    Size { hidden_size: 512, num_layers: 2, min_chars: 1e7 },
];

/// Steps of the timed sequences; longer ones have about the same speed.
const TIMED_STEPS: usize = 32;

/// A selected model.
pub(super) struct Selection {
    pub(super) settings: Settings,
    /// The selection and its reason, for the user.
    pub(super) note: Note,
    /// Duration of the selection in seconds.
    pub(super) seconds: f64,
}

/// Selects a model for a text of `size` and a vocabulary of `vocab_size` tokens, if there is a time limit and no size is
/// given. The rules were tuned for characters and bytes.
///
/// # Errors
/// As [`resolve`].
pub(super) fn choose<B: Backend>(
    settings: &Settings,
    size: TextSize,
    vocab_size: usize,
    backend: &B,
) -> Result<Option<Selection>> {
    let Some(limit) = settings.time_limit else { return Ok(None) };
    if matches!(settings.units, Some(TokenUnits::Word | TokenUnits::Bpe)) {
        return Ok(None);
    }
    if settings.hidden_size.is_some() || settings.num_layers.is_some() || settings.init_from.is_some() {
        return Ok(None);
    }
    let text_chars = size.text_chars;
    let settings = &Settings { cell: settings.cell.or(cell(settings, text_chars)), ..settings.clone() };
    let began = Clock::start();
    let train_chars = |settings: &Settings| {
        Ok::<_, Error>(chars_per_s(settings, size, vocab_size, backend)? * limit.seconds)
    };
    let (mut best, mut chars_processed) = largest(settings, text_chars, train_chars)?;
    // Tuned on a large text only.
    if settings.batch_size.is_none() && text_chars >= SMALL_TEXT {
        let steps = resolve(&best, size, backend)?.1.seq_length;
        best.batch_size = Some(batch_size(chars_processed, steps));
        chars_processed = train_chars(&best)?;
    }
    let epochs = chars_processed / text_chars.max(1) as f64;
    let (config, options) = resolve(&best, size, backend)?;
    let (cell, hidden_size) = (config.cell, config.hidden_size);
    best.dropout = best.dropout.or(Some(dropout(cell, hidden_size, epochs)));
    if has_tuned_defaults(settings) {
        let updates = chars_processed / (config.batch_size * options.seq_length) as f64;
        best.learning_rate = best.learning_rate.or(learning_rate(cell, hidden_size, Some(updates)));
        best.weight_decay = best.weight_decay.or(weight_decay(cell, hidden_size));
        best.momentum = best.momentum.or(momentum(cell, hidden_size));
    }
    let (config, options) = resolve(&best, size, backend)?;
    let choice = format!(
        "{}, {} layers of {}, batch size {}, dropout {}, momentum {}, weight decay {} and learning rate {} selected for {limit}: this machine trains on about {} characters per second with them, {epochs:.1} epochs in that time",
        architecture(&config, &options, vocab_size).layers.cell_name(),
        config.num_layers,
        config.hidden_size,
        config.batch_size,
        config.dropout,
        config.momentum,
        config.weight_decay,
        config.learning_rate,
        thousands((chars_processed / limit.seconds) as u64),
    );
    let note = Note::Chosen { setting: "hidden_size", choice };
    Ok(Some(Selection { settings: best, note, seconds: began.seconds() }))
}

/// The settings with the largest size that fits the time limit, and the number of training characters in it, as estimated by
/// `train_chars`.
fn largest(
    settings: &Settings,
    text_chars: u64,
    train_chars: impl Fn(&Settings) -> Result<f64>,
) -> Result<(Settings, f64)> {
    let mut best = SIZES[0].settings(settings);
    let mut chars_processed = train_chars(&best)?;
    // Any larger model overfits a small text.
    let larger = if text_chars < SMALL_TEXT { &[] } else { &SIZES[1..] };
    for larger in larger {
        // Twice the width takes at least twice the time.
        if chars_processed < 2.0 * larger.min_chars {
            break;
        }
        let candidate = larger.settings(settings);
        let candidate_chars = train_chars(&candidate)?;
        if candidate_chars < larger.min_chars {
            break;
        }
        (best, chars_processed) = (candidate, candidate_chars);
    }
    Ok((best, chars_processed))
}

impl Size {
    fn settings(&self, settings: &Settings) -> Settings {
        let size = Settings {
            hidden_size: Some(self.hidden_size),
            num_layers: Some(self.num_layers),
            ..Settings::default()
        };
        settings.clone().or(size)
    }
}

/// The cell, if the default is not the best. A GRU processes a third more characters in the same time and improves more per
/// character: tiny-shakespeare in 20 seconds 1.547 (LSTM 1.672), in 2 minutes 1.428 (1.455), in 20 minutes 1.409 and 1.417
/// (1.409 and 1.420), War and Peace in 1 minute 1.236 (1.278). It overfits a small text more (Latin, 40 epochs: 1.59, LSTM
/// 1.56).
fn cell(settings: &Settings, text_chars: u64) -> Option<CellKind> {
    (has_tuned_defaults(settings) && text_chars >= SMALL_TEXT).then_some(CellKind::Gru)
}

/// Dropout for a number of epochs: neither a single epoch nor a narrow model overfits. (2 x 256 LSTM, 7 epochs of
/// tiny-shakespeare: 1.450 with 0.2, 1.458 with 0.25.)
fn dropout(cell: CellKind, hidden_size: usize, epochs: f64) -> f32 {
    let [few, some, many] = match (cell, hidden_size) {
        (_, 0..256) => [0.05, 0.08, 0.1],
        (CellKind::Gru, 256..512) => [0.075, 0.15, 0.2],
        (_, 256..512) => [0.075, 0.2, 0.25],
        (CellKind::Gru, _) => [0.2, 0.3, 0.4],
        _ => [0.25, 0.4, 0.5],
    };
    match epochs {
        ..1.5 => 0.0,
        ..4.0 => few,
        ..10.0 => some,
        _ => many,
    }
}

/// Adam's beta1, if the default is not the best. Consecutive updates read consecutive parts of the text, so their gradients are
/// correlated, and momentum biases the update towards the current part (Melis et al. 2017 also use none). (2 x 256 LSTM, 7
/// epochs of tiny-shakespeare, dropout 0.2: 1.458 with 0.3, 1.457 with 0.6, 1.450 with none; 1.475 to 1.492 with the default
/// 0.9 and its best dropout. 2 x 512, which has time to overfit, gains nothing: 1.420 with either. A GRU gets worse without
/// momentum: 1.458 with 0.9 and 1.464 with none.)
fn momentum(cell: CellKind, hidden_size: usize) -> Option<f64> {
    (cell == CellKind::Lstm && (256..512).contains(&hidden_size)).then_some(0.0)
}

/// Weight decay of wide layers, if the default is not the best: dropout alone does not prevent overfitting. (2 x 512 LSTM, 20
/// epochs of tiny-shakespeare, dropout 0.5: 1.435 with the default 0.01, 1.409 and, with another seed, 1.420 with 0.1; about
/// equal in 5 epochs. LSTM layers of 256 gain nothing in 7 or 12 epochs. A GRU needs more: 2 x 256, 20 epochs of half of the
/// text, 1.683 with 0.1, 1.661 with 0.3.)
fn weight_decay(cell: CellKind, hidden_size: usize) -> Option<f64> {
    match (cell, hidden_size) {
        (CellKind::Gru, 512..) => Some(0.3),
        (CellKind::Gru, 256..) | (CellKind::Lstm, 512..) => Some(0.1),
        _ => None,
    }
}

/// Batch size: smaller if the time limit allows few updates. (2 x 256, 3 million characters of tiny-shakespeare: 1.57 with
/// batches of 32, 1.54 with 16, 1.51 with 8; smaller batches are slow. In 2 minutes on AVX-512, 8 million characters: 1.473
/// with 16, 1.476 with 8, 1.49 with 32.)
fn batch_size(chars_processed: f64, steps: usize) -> usize {
    const UPDATES: f64 = 7e3;
    let fitting = chars_processed / (UPDATES * steps as f64);
    match fitting {
        ..12.0 => 8,
        ..24.0 => 16,
        _ => 32,
    }
}

/// Training speed with these settings, in characters per second.
fn chars_per_s<B: Backend>(
    settings: &Settings,
    size: TextSize,
    vocab_size: usize,
    backend: &B,
) -> Result<f64> {
    let (config, options) = resolve(settings, size, backend)?;
    let workload = Workload {
        architecture: architecture(&config, &options, vocab_size),
        batch_size: config.batch_size,
        streams: 1,
        seq_length: options.seq_length.min(TIMED_STEPS),
        shards: config.shards,
        warm_up: 1,
        repeat: 3,
    };
    Ok(bench::train(&backend.for_hidden_size(config.hidden_size), &workload)?.chars_per_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cpu;
    use crate::train::{Optimizer, Span};

    fn cpu() -> Cpu {
        Cpu::new(2).unwrap()
    }

    fn selected(seconds: f64, text_chars: u64) -> Settings {
        let settings = Settings { time_limit: Some(Span { seconds }), ..Settings::default() };
        choose(&settings, TextSize { text_chars, tokens: text_chars }, 65, &cpu()).unwrap().unwrap().settings
    }

    #[test]
    fn longer_time_limits_select_larger_models_for_large_texts() {
        // No machine trains on two million characters in a millisecond, and every machine does in a year.
        let (little, much) = (selected(1e-3, 1_000_000), selected(3e7, 1_000_000));
        assert_eq!((little.hidden_size, little.num_layers, little.dropout), (Some(128), Some(2), Some(0.0)));
        assert_eq!((much.hidden_size, much.num_layers, much.dropout), (Some(512), Some(2), Some(0.4)));
        assert_eq!((little.cell, much.cell), (Some(CellKind::Gru), Some(CellKind::Gru)));
        assert_eq!((little.batch_size, much.batch_size), (Some(8), Some(32)));
        let small = selected(3e7, 50_000);
        assert_eq!((small.cell, small.hidden_size, small.learning_rate), (None, Some(128), Some(1e-3)));
    }

    #[test]
    fn nothing_is_selected_with_explicit_settings_or_without_a_time_limit() {
        let million = TextSize { text_chars: 1_000_000, tokens: 1_000_000 };
        let limited = Settings { time_limit: Some(Span { seconds: 1.0 }), ..Settings::default() };
        let sized = Settings { hidden_size: Some(40), ..limited };
        assert!(choose(&sized, million, 65, &cpu()).unwrap().is_none());
        assert!(choose(&Settings::default(), million, 65, &cpu()).unwrap().is_none());
    }

    #[test]
    fn tuned_defaults_apply_only_to_tuned_models() {
        let recipe = |settings: Settings| {
            let year = Settings { time_limit: Some(Span { seconds: 3e7 }), ..settings };
            let selected = choose(&year, TextSize { text_chars: 1_000_000, tokens: 1_000_000 }, 65, &cpu())
                .unwrap()
                .unwrap();
            (selected.settings.momentum, selected.settings.weight_decay, selected.settings.learning_rate)
        };
        let default = Settings::default;
        let lstm = || Settings { cell: Some(CellKind::Lstm), ..default() };
        assert_eq!(recipe(lstm()), (None, Some(0.1), Some(1e-3)));
        assert_eq!([128, 256, 512].map(|width| momentum(CellKind::Lstm, width)), [None, Some(0.0), None]);
        let given = Settings {
            momentum: Some(0.8),
            weight_decay: Some(0.03),
            learning_rate: Some(0.01),
            ..default()
        };
        assert_eq!(recipe(given), (Some(0.8), Some(0.03), Some(0.01)));
        let nothing = (None, None, None);
        assert_eq!(recipe(default()), (None, Some(0.3), Some(2.5e-3)));
        assert_eq!(recipe(Settings { cell: Some(CellKind::Rnn), ..default() }), nothing);
        // Adam adds the decay to the gradient, where 0.1 would be far too much.
        assert_eq!(recipe(Settings { optimizer: Some(Optimizer::Adam), ..default() }), nothing);
    }
}
