//! Reads pairs from files.

use std::path::Path;

use super::Translate;
use super::data::Dataset;
use crate::Model;
use crate::Result;
use crate::format::{pairs_of, read};
use crate::task::files::one_file;
use crate::train::{Data, ReadData, Settings};

impl ReadData for Translate {
    fn read_data(settings: &Settings) -> Result<Data<Dataset>> {
        let train = Translate::read_dataset(&one_file(settings)?)?;
        let valid = settings.valid.as_deref().map(Translate::read_dataset).transpose()?;
        Ok(Data { train, valid })
    }

    fn read_model(path: &Path) -> Result<Model<Self>> {
        Model::load(path)
    }
}

impl Translate {
    /// Reads pairs for training or evaluation from lines of `source<TAB>target`.
    ///
    /// # Errors
    /// If the file cannot be read or parsed.
    pub fn read_dataset(path: &Path) -> Result<Dataset> {
        let pairs: Dataset = read(path, pairs_of)?.into_iter().collect();
        Ok(pairs.named(path.display().to_string()))
    }
}
