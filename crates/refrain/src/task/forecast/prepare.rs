//! From a table to a run: test and validation parts, scales, season, baselines, sizes.

use std::sync::Arc;

use super::anchored::Anchoring;
use super::baseline::Autoregression;
use super::data::{Anchored, Window};
use super::scale::Scale;
use super::season::find_season;
use super::{Description, Forecast, Options};
use crate::data::Examples;
use crate::format::{Series, read_series};
use crate::model::{ForecasterSizes, FrameOutput, RecurrentLayers, Task};
use crate::task::split::{Digest, one_file};
use crate::text::thousands;
use crate::train::{Config, DataSummary, Defaults, Prepared, Settings, at_least_one};
use crate::{Error, Result};

/// Windows of history that a series has to have for learning.
const MIN_WINDOWS: usize = 8;
/// A series of fewer windows is short: it is learned many times over, and none of it is held back.
const SHORT: usize = 500;
/// Updates over which the weights are averaged: on so few windows the latest weights lean to the latest batch.
const AVERAGE: u64 = 200;

pub(super) fn prepare(settings: Settings) -> Result<Prepared<Forecast>> {
    let path = one_file(&settings)?;
    if settings.valid.is_some() {
        return Err(Error::Config(
            "--valid: a series is measured on its own end, of which --valid-fraction says how much"
                .to_owned(),
        ));
    }
    if settings.bidirectional == Some(true) {
        return Err(Error::Config("--bidirectional true: what comes after is what is forecast".to_owned()));
    }
    let chosen = settings.columns.clone().unwrap_or_default();
    let series = read_series(&path, &chosen)?;
    let (columns, steps) = (series.names.len(), series.steps());
    let horizon = settings.horizon.unwrap_or(1);
    at_least_one("horizon", horizon as u64)?;
    let test_fraction = settings.test_fraction.unwrap_or(0.2);
    if !(0.0..1.0).contains(&test_fraction) {
        return Err(Error::Config(format!(
            "test-fraction is {test_fraction}: give a share from 0 up to, not including, 1"
        )));
    }
    let test_start = steps - (steps as f64 * test_fraction).round() as usize;
    let training = &series.values[..test_start * columns];
    let mut notes = vec![];

    let column = |c: usize| training.iter().skip(c).step_by(columns).copied().collect::<Vec<f64>>();
    let plain = Anchoring::new((0..columns).map(|c| Scale::of(&column(c))).collect(), 0, None);
    let transformed = transform(&plain, &series, &path)?;
    let training = &transformed[..test_start * columns];
    let season = match settings.season {
        Some(0) => None,
        Some(season) if season >= test_start => {
            return Err(Error::Config(format!(
                "season is {season}: the part to learn from has {test_start} steps, give fewer, or 0 for none"
            )));
        }
        Some(season) => Some(season),
        None => {
            let found = find_season(training, columns);
            notes.push(match found {
                Some(season) => format!(
                    "repeats itself after {season} steps, by its autocorrelation (--season chooses otherwise)"
                ),
                None => {
                    "does not repeat itself, by its autocorrelation (--season chooses otherwise)".to_owned()
                }
            });
            found
        }
    };
    let seq_length = settings.seq_length.unwrap_or_else(|| default_window(season, test_start));
    at_least_one("seq-length", seq_length as u64)?;
    let bare = Anchoring { window: seq_length, season, ..plain };
    let reach = if seq_length < test_start { bare.reach() } else { seq_length };
    let windows = (test_start + 1).saturating_sub(reach.saturating_add(horizon));
    if windows < MIN_WINDOWS {
        return Err(Error::data(
            &path,
            None,
            format!(
                "has {test_start} steps to learn from, which hold {windows} times a history of {reach} and {horizon} to \
                 forecast: give a longer series, or a lower --seq-length, --season or --horizon"
            ),
        ));
    }
    let average = settings.average.or(Some(AVERAGE));
    let config = Config::resolve(Settings { average, ..settings.clone() }, defaults(windows))?;
    let held = (windows as f64 * config.valid_fraction).round() as usize;
    if !(0.0..1.0).contains(&config.valid_fraction) || windows < held + horizon + MIN_WINDOWS {
        return Err(Error::Config(format!(
            "valid-fraction is {}: of {windows} windows that leaves too few to learn from, give a lower one",
            config.valid_fraction
        )));
    }
    // Nothing that is learned from reaches into what is measured.
    let valid_start = test_start + 1 - horizon - held;
    let learned = reach..if held > 0 { valid_start + 1 - horizon } else { valid_start };
    let anchoring = bare.fit(&transformed, horizon, learned.clone());
    let autoregressions = (0..columns)
        .map(|c| {
            let column: Vec<f64> = training.iter().skip(c).step_by(columns).copied().collect();
            Autoregression::choose(&column, season)
        })
        .collect();

    let options = Options {
        columns: series.names.clone(),
        horizon,
        quantiles: settings.quantiles.clone(),
        season: season.unwrap_or(0),
        test_fraction,
        seq_length,
        locked_dropout: settings.locked_dropout.unwrap_or(false),
    };
    let values = horizon.saturating_mul(columns);
    let sizes = ForecasterSizes {
        input_size: anchoring.width(),
        recurrent: RecurrentLayers { locked_dropout: options.locked_dropout, ..config.recurrent() },
        output: match &options.quantiles {
            None => FrameOutput::Gaussian { values },
            Some(levels) => FrameOutput::Quantiles { values, levels: levels.clone() },
        },
    };
    notes.extend(series.names.iter().zip(&anchoring.scales).filter_map(|(name, scale)| {
        let (roots, _) = scale.names()?;
        Some(format!("{name} is taken in {roots}: it varies more where it is higher"))
    }));
    let task = Forecast::new(Description {
        sizes,
        columns: series.names.clone(),
        horizon,
        anchoring: anchoring.clone(),
        autoregressions,
        steps,
        test_start,
        digest: digest(&series.values[..test_start * columns]),
        recent: series.values[(steps - reach) * columns..].to_vec(),
    })?;
    let data = DataSummary {
        name: format!("{}, {} steps of {}", path.display(), thousands(steps as u64), series.names.join(", ")),
        digest: digest(&series.values),
        unit: "windows",
        target: "window",
        train_size: learned.len() as u64,
        valid_size: held as u64,
        vocabulary: format!(
            "{horizon} steps ahead of {columns} columns; the last {} steps are kept for eval",
            steps - test_start
        ),
        batches: format!("{} windows of {seq_length} steps", config.batch_size),
        guessing: 1.5,
        notes,
        preparation_s: 0.0,
    };
    let anchored = Arc::new(Anchored { series: transformed, anchoring });
    let valid = Window::all(&anchored, valid_start..valid_start + held);
    let valid = (held > 0).then(|| Examples::new(valid, config.batch_size, None));
    let train = Examples::new(Window::all(&anchored, learned), config.batch_size, Some(config.seed));
    Ok(Prepared { config, options, task, train, valid, data })
}

/// A season of history and the step before it; less if seasons are long.
fn default_window(season: Option<usize>, steps: usize) -> usize {
    let wanted = match season {
        Some(season @ ..=32) => season + 1,
        _ => 48,
    };
    wanted.clamp(1, (steps / 3).max(1))
}

/// Few windows are learned to the end and seen many times; of many the last tenth says when to stop.
fn defaults(windows: usize) -> Defaults {
    let short = windows < SHORT;
    Defaults {
        hidden_size: 64,
        num_layers: 1,
        dropout: 0.2,
        batch_size: if short { 16 } else { 32 },
        epochs: if short { 100 } else { 12 },
        more_epochs_in_time: false,
        learning_rate: 3e-3,
        weight_decay: 0.01,
        valid_fraction: if short { 0.0 } else { 0.1 },
        patience: 6,
    }
}

/// A series on the scales of its columns.
pub(super) fn transform(anchoring: &Anchoring, series: &Series, path: &std::path::Path) -> Result<Vec<f64>> {
    anchoring.transform(&series.values).map_err(|(step, column)| {
        let (roots, always) = anchoring.scales[column].names().unwrap_or_default();
        Error::data(
            path,
            None,
            format!(
                "step {}, column `{}` is {}: in training it was {always} and taken in {roots}, which that has none of; \
                 train with these values too",
                step + 1,
                series.names[column],
                series.values[step * series.names.len() + column]
            ),
        )
    })
}

/// Identifies numbers.
pub(super) fn digest(values: &[f64]) -> String {
    let mut digest = Digest::default();
    values.iter().for_each(|value| digest.add(&value.to_le_bytes()));
    digest.finish()
}
