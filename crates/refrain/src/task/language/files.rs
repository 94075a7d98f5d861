//! Reads texts from files.

use std::path::Path;

use super::{Dataset, Language};
use crate::Model;
use crate::error::{Error, Result, SettingProblem};
use crate::text::Source;
use crate::train::{Data, ReadData, Settings};

impl ReadData for Language {
    /// Files are not read here: they are scanned when the run is prepared.
    fn read_data(settings: &Settings) -> Result<Data<Dataset>> {
        let settings = settings.clone().with_preset().with_example();
        Ok(Dataset { sources: sources(&settings)?, example: settings.example }.into())
    }

    fn read_model(path: &Path) -> Result<Model<Self>> {
        Model::load(path)
    }
}

/// The texts in the settings.
pub(super) fn sources(settings: &Settings) -> Result<Vec<Source>> {
    match settings.example {
        Some(_) if settings.data.as_ref().is_some_and(|data| !data.is_empty()) => {
            let reason = "both an example and a text are given: choose one".to_owned();
            let problem = SettingProblem::Conflict { other: "data", reason };
            Err(Error::Setting { setting: "example", problem })
        }
        Some(example) => Ok(Dataset::example(example, settings.seed.unwrap_or(1)).sources),
        None => Ok(settings.data.iter().flatten().map(Source::file).collect()),
    }
}
