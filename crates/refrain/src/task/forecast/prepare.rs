//! Prepares a forecasting run: test and validation sets, scales, season, baselines, sizes.

use std::ops::Range;
use std::sync::Arc;

use refrain_kernels::Backend;

use super::baseline::Autoregression;
use super::data::{AnchoredSeries, Dataset, Window, digest, transform};
use super::normalisation::Anchoring;
use super::scale::Scale;
use super::season::find_season;
use super::{Description, Forecast};
use crate::data::Examples;
use crate::error::{Error, Place, Result, SettingProblem};
use crate::model::{ForecasterSizes, FrameOutput, RecurrentLayers, Task};
use crate::note::Note;
use crate::number::thousands;
use crate::task::require_same;
use crate::task::sets::loaders;
use crate::train::{Config, Data, DataSummary, Defaults, Prepared, Settings, TaskData, TrainableTask};

/// Minimum number of training windows.
const MIN_WINDOWS: usize = 8;
/// A series with fewer windows is trained for many epochs, without a validation set.
const SHORT_SERIES: usize = 500;
/// Updates over which weights are averaged: with so few windows the last batch has too much influence.
const AVERAGED_UPDATES: u64 = 200;

/// A transformed series with the properties of its training set.
struct Series {
    /// `[T, C]`: the whole series on the scales of its columns.
    transformed: Vec<f64>,
    columns: usize,
    /// Steps before the test set.
    test_start: usize,
    season: Option<usize>,
    anchoring: Anchoring,
    /// Steps of history that a window needs.
    reach: usize,
    /// Number of windows for training and validation.
    windows: usize,
}

impl TaskData for Dataset {
    type Task = Forecast;
}

impl TrainableTask for Forecast {
    type Dataset = Dataset;
    type Loader = Examples<Window>;

    fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Self>> {
        prepare(settings, data, backend)
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        let of = |model: &Self| {
            let Description { columns, anchoring, .. } = &model.description;
            (columns.clone(), anchoring.scales.clone(), model.network.sizes().output.clone())
        };
        require_same(of(self) == of(other), "columns or normalisation")
    }
}

fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Forecast>> {
    let Data { train: dataset, valid } = data;
    check_settings(settings, &dataset, valid.is_some())?;
    let horizon = settings.horizon.unwrap_or(1);
    let test_fraction = settings.test_fraction.unwrap_or(0.2);
    let mut notes = vec![];
    let series = analyse(settings, &dataset, horizon, test_fraction, &mut notes)?;
    let average = settings.average.or(Some(AVERAGED_UPDATES));
    let config =
        Config::resolve(&Settings { average, ..settings.clone() }, defaults(series.windows), backend)?;
    let (train_windows, valid) = divide(&series, &config, horizon)?;
    let anchoring = series.anchoring.clone().fit(&series.transformed, horizon, train_windows.clone());
    let options = Settings {
        columns: Some(dataset.series.names.clone()),
        horizon: Some(horizon),
        quantiles: settings.quantiles.clone(),
        season: series.season.or(Some(0)),
        test_fraction: Some(test_fraction),
        seq_length: Some(anchoring.window),
        locked_dropout: settings.locked_dropout.or(Some(false)),
        ..Settings::default()
    };
    notes.extend(dataset.series.names.iter().zip(&anchoring.scales).filter_map(|(name, scale)| {
        let (roots, _) = scale.names()?;
        Some(Note::Transformed { column: name.clone(), scale: roots.to_owned() })
    }));
    let task = Forecast::new(describe(&dataset, &series, &anchoring, settings, &config))?;
    let test_start = series.test_start;
    let anchored = Arc::new(AnchoredSeries { series: series.transformed, anchoring });
    let (steps, columns, names) = (dataset.series.steps(), series.columns, &dataset.series.names);
    let data = DataSummary {
        name: format!("{}, {} steps of {}", dataset.name(), thousands(steps as u64), names.join(", ")),
        digest: digest(&dataset.series.values),
        unit: "windows",
        target: "window",
        train_size: train_windows.len() as u64,
        valid_size: valid.len() as u64,
        vocabulary: format!(
            "horizon {horizon}, {columns} {}; the last {} steps are the test set",
            if columns == 1 { "column" } else { "columns" },
            steps - test_start
        ),
        batches: format!("batch size {}, windows of {} steps", config.batch_size, anchored.anchoring.window),
        uniform_loss: 1.5,
        notes,
        preparation_s: 0.0,
    };
    let (train, valid) =
        loaders(Window::all(&anchored, train_windows), Window::all(&anchored, valid), &config);
    Ok(Prepared { config, options, task, train, valid, data })
}

/// Rejects settings that do not apply to a series.
fn check_settings(settings: &Settings, dataset: &Dataset, has_valid: bool) -> Result<()> {
    if has_valid {
        let context = "for a series, whose end is the validation set: use `valid_fraction`";
        return Err(Error::unused("valid", context));
    }
    // A reader selects columns of a file; from memory all columns are forecast.
    let names = &dataset.series.names;
    if let Some(columns) =
        settings.columns.as_ref().filter(|columns| !columns.is_empty() && *columns != names)
    {
        let found = format!("is {}", columns.join(", "));
        let expected = format!("the data have the columns {}, which are all forecast", names.join(", "));
        let problem = SettingProblem::Mismatch { found, expected };
        return Err(Error::Setting { setting: "columns", problem });
    }
    Ok(())
}

/// Determines scales, season and windows of a series.
fn analyse(
    settings: &Settings,
    dataset: &Dataset,
    horizon: usize,
    test_fraction: f64,
    notes: &mut Vec<Note>,
) -> Result<Series> {
    let series = &dataset.series;
    let (columns, steps) = (series.names.len(), series.steps());
    let test_start = steps - (steps as f64 * test_fraction).round() as usize;
    let training = &series.values[..test_start * columns];
    let scale = |c: usize| Scale::of(&column(training, c, columns));
    let plain = Anchoring::new((0..columns).map(scale).collect(), 0, None);
    let transformed = transform(&plain, dataset)?;
    let season = season(settings, &transformed[..test_start * columns], columns, notes)?;
    let seq_length = settings.seq_length.unwrap_or_else(|| default_window(season, test_start));
    let anchoring = Anchoring { window: seq_length, season, ..plain };
    let reach = if seq_length < test_start { anchoring.reach() } else { seq_length };
    let windows = (test_start + 1).saturating_sub(reach.saturating_add(horizon));
    if windows < MIN_WINDOWS {
        let found = format!(
            "has {test_start} steps for training, with {windows} windows of {reach} steps of history and {horizon} to forecast"
        );
        let expected = "give a longer series, or a lower `seq_length`, `season` or `horizon`";
        return Err(Error::too_little(Place::of(dataset.name()), found, expected));
    }
    Ok(Series { transformed, columns, test_start, season, anchoring, reach, windows })
}

/// One column of values `[T, C]`.
fn column(values: &[f64], c: usize, columns: usize) -> Vec<f64> {
    values.iter().skip(c).step_by(columns).copied().collect()
}

/// Length of the season: given, or estimated by autocorrelation.
fn season(
    settings: &Settings,
    training: &[f64],
    columns: usize,
    notes: &mut Vec<Note>,
) -> Result<Option<usize>> {
    let test_start = training.len() / columns;
    match settings.season {
        Some(0) => Ok(None),
        Some(season) if season >= test_start => {
            let allowed = format!("fewer than the {test_start} steps for training, or 0 for none");
            Err(Error::out_of_range("season", season, allowed))
        }
        Some(season) => Ok(Some(season)),
        None => {
            let found = find_season(training, columns);
            let choice = match found {
                Some(season) => format!("season of {season} steps, by autocorrelation"),
                None => "no season, by autocorrelation".to_owned(),
            };
            notes.push(Note::Chosen { setting: "season", choice });
            Ok(found)
        }
    }
}

/// The steps before which training and validation windows end. Training targets do not overlap with the validation set.
fn divide(series: &Series, config: &Config, horizon: usize) -> Result<(Range<usize>, Range<usize>)> {
    let Series { windows, reach, test_start, .. } = *series;
    let share = config.valid_fraction;
    let valid_windows = (windows as f64 * share).round() as usize;
    if !(0.0..1.0).contains(&share) || windows < valid_windows + horizon + MIN_WINDOWS {
        let allowed = format!("a lower fraction: too few of {windows} windows remain for training");
        return Err(Error::out_of_range("valid_fraction", share, allowed));
    }
    let valid_start = test_start + 1 - horizon - valid_windows;
    let train_windows = reach..if valid_windows > 0 { valid_start + 1 - horizon } else { valid_start };
    Ok((train_windows, valid_start..valid_start + valid_windows))
}

fn describe(
    dataset: &Dataset,
    series: &Series,
    anchoring: &Anchoring,
    settings: &Settings,
    config: &Config,
) -> Description {
    let Series { columns, test_start, season, reach, .. } = *series;
    let (names, raw, steps) = (&dataset.series.names, &dataset.series.values, dataset.series.steps());
    let training = &series.transformed[..test_start * columns];
    let horizon = settings.horizon.unwrap_or(1);
    let values = horizon.saturating_mul(columns);
    let sizes = ForecasterSizes {
        input_size: anchoring.width(),
        recurrent: RecurrentLayers {
            locked_dropout: settings.locked_dropout.unwrap_or(false),
            ..config.recurrent()
        },
        output: match &settings.quantiles {
            None => FrameOutput::Gaussian { values },
            Some(levels) => FrameOutput::Quantiles { values, levels: levels.clone() },
        },
    };
    let regression = |c| Autoregression::choose(&column(training, c, columns), season);
    Description {
        sizes,
        columns: names.clone(),
        horizon,
        anchoring: anchoring.clone(),
        autoregressions: (0..columns).map(regression).collect(),
        steps,
        test_start,
        digest: digest(&raw[..test_start * columns]),
        recent: raw[(steps - reach) * columns..].to_vec(),
    }
}

/// Default window: a season and one more step; less if seasons are long.
fn default_window(season: Option<usize>, steps: usize) -> usize {
    let window = match season {
        Some(season @ ..=32) => season + 1,
        _ => 48,
    };
    window.clamp(1, (steps / 3).max(1))
}

/// Few windows are trained for many epochs; of many the last tenth is the validation set.
fn defaults(windows: usize) -> Defaults {
    let short = windows < SHORT_SERIES;
    Defaults {
        hidden_size: 64,
        num_layers: 1,
        dropout: 0.2,
        batch_size: if short { 16 } else { 32 },
        epochs: if short { 100 } else { 12 },
        time_limit_replaces_epochs: false,
        learning_rate: 3e-3,
        weight_decay: 0.01,
        valid_fraction: if short { 0.0 } else { 0.1 },
        patience: 6,
    }
}
