//! The model under a time limit: its cell, and the largest size that the device can train well in the time, with what goes
//! with it.
//!
//! A larger model learns more from each character, and takes longer over it. Which one ends lower depends on how
//! many characters there is time for, so a few updates of each size in question are timed.

use refrain_kernels::Backend;

use super::resolve::{SMALL_TEXT, TextSize, architecture, is_measured, learning_rate, resolve};
use crate::bench::{self, Workload};
use crate::model::CellKind;
use crate::note::Note;
use crate::number::thousands;
use crate::text::TokenUnits;
use crate::train::{Clock, Settings};
use crate::{Error, Result};

/// A size.
struct Size {
    hidden_size: usize,
    num_layers: usize,
    /// Characters from which on this size ends lower than the one before it.
    enough: f64,
}

/// Smallest first.
const SIZES: [Size; 3] = [
    Size { hidden_size: 128, num_layers: 2, enough: 0.0 },
    Size { hidden_size: 256, num_layers: 2, enough: 2e6 },
    Size { hidden_size: 512, num_layers: 2, enough: 1e7 },
];

/// Steps of the sequences that are timed: enough for the speed of longer ones, about.
const TIMED_STEPS: usize = 32;

/// What was chosen.
pub(super) struct Chosen {
    pub(super) settings: Settings,
    /// What and why, for the user.
    pub(super) note: Note,
    /// Seconds that choosing took.
    pub(super) seconds: f64,
}

/// Chooses a model for a text of `size` in tokens of `vocab_size` kinds, where there is a time limit and no wish. The rules
/// were measured on characters and are for them, and for bytes.
///
/// # Errors
/// As [`resolve`].
pub(super) fn choose<B: Backend>(
    settings: &Settings,
    size: TextSize,
    vocab_size: usize,
    backend: &B,
) -> Result<Option<Chosen>> {
    let Some(limit) = settings.time_limit else { return Ok(None) };
    if matches!(settings.units, Some(TokenUnits::Word | TokenUnits::Bpe)) {
        return Ok(None);
    }
    if settings.hidden_size.is_some() || settings.num_layers.is_some() || settings.init_from.is_some() {
        return Ok(None);
    }
    let symbols = size.symbols;
    let settings = &Settings { cell: settings.cell.or(cell(settings, symbols)), ..settings.clone() };
    let began = Clock::start();
    let learnable = |settings: &Settings| {
        Ok::<_, Error>(chars_per_s(settings, size, vocab_size, backend)? * limit.seconds)
    };
    let (mut best, mut characters) = largest(settings, symbols, learnable)?;
    // Measured on a large text only.
    if settings.batch_size.is_none() && symbols >= SMALL_TEXT {
        let steps = resolve(&best, size, backend)?.1.seq_length;
        best.batch_size = Some(batch_size(characters, steps));
        characters = learnable(&best)?;
    }
    let passes = characters / symbols.max(1) as f64;
    let (config, options) = resolve(&best, size, backend)?;
    let (cell, hidden_size) = (config.cell, config.hidden_size);
    best.dropout = best.dropout.or(Some(dropout(cell, hidden_size, passes)));
    if is_measured(settings) {
        let updates = characters / (config.batch_size * options.seq_length) as f64;
        best.learning_rate = best.learning_rate.or(learning_rate(cell, hidden_size, Some(updates)));
        best.weight_decay = best.weight_decay.or(weight_decay(cell, hidden_size));
        best.momentum = best.momentum.or(momentum(cell, hidden_size));
    }
    let (config, options) = resolve(&best, size, backend)?;
    let choice = format!(
        "{}, {} layers of {}, batches of {}, dropout {}, momentum {}, weight decay {} and learning rate {} chosen for {limit}: this machine learns from about {} characters a second with them, {passes:.1} passes through the text in that time",
        architecture(&config, &options, vocab_size).layers.cell_name(),
        config.num_layers,
        config.hidden_size,
        config.batch_size,
        config.dropout,
        config.momentum,
        config.weight_decay,
        config.learning_rate,
        thousands((characters / limit.seconds) as u64),
    );
    let note = Note::Chosen { setting: "hidden_size", choice };
    Ok(Some(Chosen { settings: best, note, seconds: began.seconds() }))
}

/// The settings with the largest size that there is time for, and the characters that it learns from in the time, as
/// `learnable` measures them.
fn largest(
    settings: &Settings,
    symbols: u64,
    learnable: impl Fn(&Settings) -> Result<f64>,
) -> Result<(Settings, f64)> {
    let mut best = SIZES[0].settings(settings);
    let mut characters = learnable(&best)?;
    // A small text is learned by heart by anything larger.
    let larger = if symbols < SMALL_TEXT { &[] } else { &SIZES[1..] };
    for larger in larger {
        // Twice the width takes twice the time at least.
        if characters < 2.0 * larger.enough {
            break;
        }
        let candidate = larger.settings(settings);
        let enough = learnable(&candidate)?;
        if enough < larger.enough {
            break;
        }
        (best, characters) = (candidate, enough);
    }
    Ok((best, characters))
}

impl Size {
    /// The settings with this size, where they say nothing themselves.
    fn settings(&self, settings: &Settings) -> Settings {
        let size = Settings {
            hidden_size: Some(self.hidden_size),
            num_layers: Some(self.num_layers),
            ..Settings::default()
        };
        settings.clone().or(size)
    }
}

/// The cell, where another than usual does better. A GRU reads a third more characters in the time, and learns more from each:
/// tiny-shakespeare in twenty seconds 1.547 (LSTM 1.672), in two minutes 1.428 (1.455), in twenty 1.409 and 1.417 (1.409 and
/// 1.420), War and Peace in one minute 1.236 (1.278). Of a small text, read often, it learns more by heart (Latin in forty
/// passes 1.59; LSTM 1.56).
fn cell(settings: &Settings, symbols: u64) -> Option<CellKind> {
    (is_measured(settings) && symbols >= SMALL_TEXT).then_some(CellKind::Gru)
}

/// Dropout for a text that is read so many times: one that is read once cannot be learned by heart, and a narrow model
/// cannot learn much of it by heart. (Seven times through tiny-shakespeare, 2 x 256 LSTM: 1.450 with 0.2, 1.458 with 0.25.)
fn dropout(cell: CellKind, hidden_size: usize, passes: f64) -> f32 {
    let [few, some, many] = match (cell, hidden_size) {
        (_, 0..256) => [0.05, 0.08, 0.1],
        (CellKind::Gru, 256..512) => [0.075, 0.15, 0.2],
        (_, 256..512) => [0.075, 0.2, 0.25],
        (CellKind::Gru, _) => [0.2, 0.3, 0.4],
        _ => [0.25, 0.4, 0.5],
    };
    match passes {
        ..1.5 => 0.0,
        ..4.0 => few,
        ..10.0 => some,
        _ => many,
    }
}

/// Adam's beta1, where it is another than usual. Each update goes on in the text where the one before it ended, so their
/// gradients resemble each other, and a mean over the last ten of them leans on what is being read (Melis et al. 2017 do
/// without it, too). (2 x 256 LSTM seven times through tiny-shakespeare, dropout 0.2: 1.458 with 0.3, 1.457 with 0.6, 1.450
/// with none; 1.475 to 1.492 with the usual 0.9 and the dropout that is best then. 2 x 512, which has time to learn the text by
/// heart, gains nothing: 1.420 with either. A GRU loses: 1.458 with 0.9 and 1.464 with none.)
fn momentum(cell: CellKind, hidden_size: usize) -> Option<f64> {
    (cell == CellKind::Lstm && (256..512).contains(&hidden_size)).then_some(0.0)
}

/// The weight decay of wide layers, where it is another than usual: dropout alone does not keep them from learning a text by
/// heart. (2 x 512 LSTM through tiny-shakespeare, twenty passes with dropout 0.5: 1.435 with the usual 0.01; with 0.1 1.409 and,
/// from another seed, 1.420. In five passes the one does about as well as the other. LSTM layers of 256 gain nothing in seven
/// passes, nor in twelve. A GRU wants more: 2 x 256, twenty passes through half of the text, 1.683 with 0.1, 1.661 with 0.3.)
fn weight_decay(cell: CellKind, hidden_size: usize) -> Option<f64> {
    match (cell, hidden_size) {
        (CellKind::Gru, 512..) => Some(0.3),
        (CellKind::Gru, 256..) | (CellKind::Lstm, 512..) => Some(0.1),
        _ => None,
    }
}

/// Sequences in a batch: fewer where the time would not suffice for many updates. In 3 million characters of
/// tiny-shakespeare, 2 x 256 comes to 1.57 by 32 at a time, to 1.54 by 16 and to 1.51 by 8; below that products are slow. In
/// two minutes on AVX-512, eight million, 16 and 8 come to 1.473 and 1.476 and 32 to 1.49.
fn batch_size(characters: f64, steps: usize) -> usize {
    const UPDATES: f64 = 7e3;
    let fitting = characters / (UPDATES * steps as f64);
    match fitting {
        ..12.0 => 8,
        ..24.0 => 16,
        _ => 32,
    }
}

/// How fast this machine trains with these settings.
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

    fn chosen(seconds: f64, symbols: u64) -> Settings {
        let settings = Settings { time_limit: Some(Span { seconds }), ..Settings::default() };
        choose(&settings, TextSize { symbols, tokens: symbols }, 65, &cpu()).unwrap().unwrap().settings
    }

    #[test]
    fn time_makes_models_larger_where_the_text_is_large_enough() {
        // No machine learns two million characters in a millisecond, and each does in a year.
        let (little, much) = (chosen(1e-3, 1_000_000), chosen(3e7, 1_000_000));
        assert_eq!((little.hidden_size, little.num_layers, little.dropout), (Some(128), Some(2), Some(0.0)));
        assert_eq!((much.hidden_size, much.num_layers, much.dropout), (Some(512), Some(2), Some(0.4)));
        assert_eq!((little.cell, much.cell), (Some(CellKind::Gru), Some(CellKind::Gru)));
        assert_eq!((little.batch_size, much.batch_size), (Some(8), Some(32)));
        let small = chosen(3e7, 50_000);
        assert_eq!((small.cell, small.hidden_size, small.learning_rate), (None, Some(128), Some(1e-3)));
    }

    #[test]
    fn nothing_is_chosen_against_a_wish_or_without_a_limit() {
        let million = TextSize { symbols: 1_000_000, tokens: 1_000_000 };
        let limited = Settings { time_limit: Some(Span { seconds: 1.0 }), ..Settings::default() };
        let sized = Settings { hidden_size: Some(40), ..limited };
        assert!(choose(&sized, million, 65, &cpu()).unwrap().is_none());
        assert!(choose(&Settings::default(), million, 65, &cpu()).unwrap().is_none());
    }

    #[test]
    fn only_what_was_measured_has_another_momentum_weight_decay_and_rate() {
        let recipe = |settings: Settings| {
            let year = Settings { time_limit: Some(Span { seconds: 3e7 }), ..settings };
            let chosen = choose(&year, TextSize { symbols: 1_000_000, tokens: 1_000_000 }, 65, &cpu())
                .unwrap()
                .unwrap();
            (chosen.settings.momentum, chosen.settings.weight_decay, chosen.settings.learning_rate)
        };
        let usual = Settings::default;
        let lstm = || Settings { cell: Some(CellKind::Lstm), ..usual() };
        assert_eq!(recipe(lstm()), (None, Some(0.1), Some(1e-3)));
        assert_eq!([128, 256, 512].map(|width| momentum(CellKind::Lstm, width)), [None, Some(0.0), None]);
        let given =
            Settings { momentum: Some(0.8), weight_decay: Some(0.03), learning_rate: Some(0.01), ..usual() };
        assert_eq!(recipe(given), (Some(0.8), Some(0.03), Some(0.01)));
        let nothing = (None, None, None);
        assert_eq!(recipe(usual()), (None, Some(0.3), Some(2.5e-3)));
        assert_eq!(recipe(Settings { cell: Some(CellKind::Rnn), ..usual() }), nothing);
        // Adam adds the decay to the gradient, where a tenth would be far too much.
        assert_eq!(recipe(Settings { optimizer: Some(Optimizer::Adam), ..usual() }), nothing);
    }
}
