//! The size of the model under a time limit: as large as this machine can teach well in the time.
//!
//! A larger model learns more from each character, and takes longer over it. Which one ends lower depends on how
//! many characters there is time for, so a few updates of each size in question are timed.

use std::time::Instant;

use refrain_kernels::Cpu;

use super::config::{Config, SMALL_TEXT};
use super::settings::Settings;
use crate::bench::{self, Workload};
use crate::text::thousands;
use crate::{Error, Result};

/// A size, with what goes with it.
struct Size {
    hidden_size: usize,
    num_layers: usize,
    batch_size: Option<usize>,
    seq_length: Option<usize>,
    /// Characters from which on this size ends lower than the one before it.
    enough: f64,
}

/// Smallest first.
const SIZES: [Size; 3] = [
    Size { hidden_size: 128, num_layers: 2, batch_size: None, seq_length: None, enough: 0.0 },
    Size { hidden_size: 256, num_layers: 2, batch_size: None, seq_length: None, enough: 2e6 },
    Size { hidden_size: 512, num_layers: 2, batch_size: Some(64), seq_length: Some(128), enough: 5e6 },
];

/// Steps of the sequences that are timed: enough for the speed of longer ones, about.
const TIMED_STEPS: usize = 32;
/// What was chosen.
pub(super) struct Chosen {
    pub(super) settings: Settings,
    /// What and why, for the user.
    pub(super) note: String,
    /// Seconds that choosing took.
    pub(super) seconds: f64,
}

/// Chooses sizes for a text of `symbols` symbols of `vocab_size` kinds, where there is a time limit and no wish.
///
/// # Errors
/// As [`Config::resolve`].
pub(super) fn choose(settings: &Settings, symbols: u64, vocab_size: usize) -> Result<Option<Chosen>> {
    let Some(limit) = settings.time_limit else { return Ok(None) };
    if settings.hidden_size.is_some() || settings.num_layers.is_some() || settings.init_from.is_some() {
        return Ok(None);
    }
    let began = Instant::now();
    let learnable =
        |settings: &Settings| Ok::<_, Error>(chars_per_s(settings, symbols, vocab_size)? * limit.seconds);
    let mut best = SIZES[0].settings(settings);
    let mut characters = learnable(&best)?;
    // A small text is learned by heart by anything larger.
    let larger = if symbols < SMALL_TEXT { &[] } else { &SIZES[1..] };
    for size in larger {
        // Twice the width takes twice the time at least.
        if characters < 2.0 * size.enough {
            break;
        }
        let candidate = size.settings(settings);
        let enough = learnable(&candidate)?;
        if enough < size.enough {
            break;
        }
        (best, characters) = (candidate, enough);
    }
    let passes = characters / symbols.max(1) as f64;
    best.dropout = best.dropout.or(Some(dropout(passes)));
    let note = format!(
        "{} layers of {} and dropout {} chosen for {limit}: this machine learns from about {} characters a second with them, {passes:.1} passes through the text in that time (--hidden-size chooses otherwise)",
        best.num_layers.unwrap_or_default(),
        best.hidden_size.unwrap_or_default(),
        best.dropout.unwrap_or_default(),
        thousands((characters / limit.seconds) as u64),
    );
    Ok(Some(Chosen { settings: best, note, seconds: began.elapsed().as_secs_f64() }))
}

impl Size {
    /// The settings with this size, where they say nothing themselves.
    fn settings(&self, settings: &Settings) -> Settings {
        let size = Settings {
            hidden_size: Some(self.hidden_size),
            num_layers: Some(self.num_layers),
            batch_size: self.batch_size,
            seq_length: self.seq_length,
            ..Settings::default()
        };
        settings.clone().or(size)
    }
}

/// Dropout for a text that is read so many times: a text that is read once cannot be learned by heart.
fn dropout(passes: f64) -> f32 {
    match passes {
        ..1.5 => 0.0,
        ..4.0 => 0.1,
        ..6.0 => 0.3,
        ..10.0 => 0.4,
        _ => 0.5,
    }
}

/// How fast this machine trains with these settings.
fn chars_per_s(settings: &Settings, symbols: u64, vocab_size: usize) -> Result<f64> {
    let config = Config::resolve(settings.clone(), symbols)?;
    let backend = Cpu::new(config.threads).map_err(|error| Error::Config(error.to_string()))?;
    let workload = Workload {
        architecture: config.architecture(vocab_size),
        batch_size: config.batch_size,
        streams: 1,
        seq_length: config.seq_length.min(TIMED_STEPS),
        shards: config.shards,
        warm_up: 1,
        repeat: 1,
    };
    Ok(bench::train(&backend.with_precision(config.precision()), &workload)?.chars_per_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Span;

    fn chosen(seconds: f64, symbols: u64) -> Settings {
        let settings = Settings { time_limit: Some(Span { seconds }), ..Settings::default() };
        choose(&settings, symbols, 65).unwrap().unwrap().settings
    }

    #[test]
    fn time_makes_models_larger_where_the_text_is_large_enough() {
        // No machine learns two million characters in a millisecond, and each does in a year.
        let (little, much) = (chosen(1e-3, 1_000_000), chosen(3e7, 1_000_000));
        assert_eq!((little.hidden_size, little.num_layers, little.dropout), (Some(128), Some(2), Some(0.0)));
        assert_eq!((much.hidden_size, much.num_layers, much.dropout), (Some(512), Some(2), Some(0.5)));
        assert_eq!(chosen(3e7, 50_000).hidden_size, Some(128));
    }

    #[test]
    fn nothing_is_chosen_against_a_wish_or_without_a_limit() {
        let limited = Settings { time_limit: Some(Span { seconds: 1.0 }), ..Settings::default() };
        let sized = Settings { hidden_size: Some(40), ..limited };
        assert!(choose(&sized, 1_000_000, 65).unwrap().is_none());
        assert!(choose(&Settings::default(), 1_000_000, 65).unwrap().is_none());
    }
}
