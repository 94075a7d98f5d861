//! Reads a series from a file.

use std::path::Path;

use super::Forecast;
use super::data::Dataset;
use crate::Model;
use crate::Result;
use crate::format;
use crate::task::files::one_file;
use crate::train::{Data, ReadData, Settings};

impl ReadData for Forecast {
    fn read_data(settings: &Settings) -> Result<Data<Dataset>> {
        let columns = settings.columns.clone().unwrap_or_default();
        Ok(read(&one_file(settings)?, &columns)?.into())
    }

    fn read_model(path: &Path) -> Result<Model<Self>> {
        Model::load(path)
    }
}

impl Forecast {
    /// Reads a series for evaluation or prediction, with the columns of this model.
    ///
    /// # Errors
    /// If the file cannot be read or parsed, or lacks a column.
    pub fn read_dataset(&self, path: &Path) -> Result<Dataset> {
        read(path, self.columns())
    }
}

/// These columns of a table; all if the list is empty.
fn read(path: &Path, columns: &[String]) -> Result<Dataset> {
    let series = format::read(path, |place, input| format::series_of(place, input, columns))?;
    Ok(Dataset::from(series).named(path.display().to_string()))
}
