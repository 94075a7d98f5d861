//! Probabilistic forecasts of a series, several steps ahead.

mod baseline;
mod data;
mod evaluate;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod files;
mod inspect;
mod normalisation;
#[cfg(feature = "pictures")]
mod picture;
mod predict;
#[cfg(feature = "train")]
mod prepare;
mod scale;
mod season;
mod step;

use serde::{Deserialize, Serialize};

pub use baseline::{Autoregression, Baseline};
pub use data::{Dataset, Window};
pub use evaluate::{ForecastErrors, ForecastEvaluation};
pub use normalisation::Anchoring;
pub use predict::{Distribution, ForecastOutput};
pub use scale::{Normal, Scale};
pub use step::ForecastState;

use crate::Result;
use crate::model::{Forecaster, ForecasterSizes, FrameOutput, Task, TaskName};
use crate::task::{inconsistent, listed};

/// A forecaster with its normalisation and baselines.
#[derive(Clone, Debug)]
pub struct Forecast {
    network: Forecaster,
    description: Description,
}

/// Description of the model in its file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    sizes: ForecasterSizes,
    /// `[C]`, names of the columns.
    columns: Vec<String>,
    /// `h`, steps ahead.
    horizon: usize,
    anchoring: Anchoring,
    /// For each column; `None` if the training set is too short.
    autoregressions: Vec<Option<Autoregression>>,
    /// Steps of the whole series.
    steps: usize,
    /// Steps before the test set, and the digest of their values.
    test_start: usize,
    digest: String,
    /// `[_, C]`: the end of the whole series, as many steps as a forecast needs.
    recent: Vec<f64>,
}

impl Forecast {
    /// `[C]`, names of the columns that are forecast.
    pub fn columns(&self) -> &[String] {
        &self.description.columns
    }

    /// Steps ahead.
    pub fn horizon(&self) -> usize {
        self.description.horizon
    }

    /// Length of the season in steps.
    pub fn season(&self) -> Option<usize> {
        self.description.anchoring.season
    }

    /// The baselines of a column.
    pub fn baselines(&self, column: usize) -> Vec<Baseline<'_>> {
        let Description { anchoring, autoregressions, .. } = &self.description;
        let ar = autoregressions[column].as_ref().map(Baseline::Autoregression);
        [Some(Baseline::LastValue), anchoring.season.map(Baseline::SeasonalNaive), ar]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Task for Forecast {
    const NAME: &'static str = TaskName::Forecast.name();
    type Network = Forecaster;
    type Description = Description;

    fn new(description: Description) -> Result<Self> {
        let Description { sizes, columns, horizon, anchoring, .. } = &description;
        let wide = horizon.saturating_mul(columns.len());
        let fits = anchoring.fits(*horizon, columns.len())
            && sizes.input_size == anchoring.width()
            && sizes.output.values() == wide
            && !matches!(sizes.output, FrameOutput::Bernoulli { .. })
            && !sizes.recurrent.bidirectional
            && description.autoregressions.len() == columns.len()
            && description.autoregressions.iter().flatten().all(|ar| !ar.weights.is_empty())
            && description.recent.len() == anchoring.reach().saturating_mul(columns.len());
        if !fits {
            return Err(inconsistent("its columns and steps do not match its layers"));
        }
        Ok(Self { network: Forecaster::new(sizes)?, description })
    }

    fn description(&self) -> Description {
        self.description.clone()
    }

    fn network(&self) -> &Forecaster {
        &self.network
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let Description { columns, horizon, test_start, .. } = &self.description;
        let steps = if *horizon == 1 { "1 step".to_owned() } else { format!("{horizon} steps") };
        vec![
            ("columns", listed(columns.iter().cloned())),
            ("forecast", format!("{steps} ahead; the test set begins after row {test_start}")),
        ]
    }
}
