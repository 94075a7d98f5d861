//! The training set and the validation set of a run.

use super::dataset::Dataset;
use super::record::{Digest, Record};
use crate::data::{Example, Examples};
use crate::error::{Error, Result};
use crate::number::thousands;
use crate::train::{Config, Data, DataSummary};

/// Training set and validation set of a run (empty if there is none), with a digest of both.
pub(super) struct Sets<E> {
    pub(super) train: Dataset<E>,
    pub(super) valid: Dataset<E>,
    digest: String,
}

impl<E: Record> Sets<E> {
    /// Holds out a validation set, unless it is given.
    ///
    /// # Errors
    /// As [`Dataset::split`]; [`Error::Input`] for a training set without examples.
    pub(super) fn of(data: Data<Dataset<E>>, config: &Config) -> Result<Self> {
        if data.train.is_empty() {
            let name = data.train.name();
            return Err(Error::too_little(name, "has no examples", "training needs at least one"));
        }
        let mut digest = Digest::default();
        let held_out = data.valid.iter().flat_map(Dataset::records);
        data.train.records().iter().chain(held_out).for_each(|record| record.digest(&mut digest));
        let (train, valid) = match data.valid {
            Some(valid) => (data.train, valid),
            None => data.train.split(config.valid_fraction, config.seed)?,
        };
        Ok(Self { train, valid, digest: digest.finish() })
    }

    /// Summary of both sets, with sizes in `unit`; the fields of the task are left empty.
    pub(super) fn summary(&self, unit: &'static str, config: &Config) -> DataSummary {
        let (train_size, valid_size) = (self.train.len() as u64, self.valid.len() as u64);
        DataSummary {
            name: format!("{}, {} {unit}", self.train.name(), thousands(train_size + valid_size)),
            digest: self.digest.clone(),
            unit,
            train_size,
            valid_size,
            batches: format!("batch size {}", config.batch_size),
            notes: [self.train.notes(), self.valid.notes()].concat(),
            ..DataSummary::default()
        }
    }
}

/// Batches of the training set, shuffled in each epoch, and of the validation set in fixed order; `None` if it is empty.
pub(super) fn loaders<X: Example>(
    train: Vec<X>,
    valid: Vec<X>,
    config: &Config,
) -> (Examples<X>, Option<Examples<X>>) {
    let valid = (!valid.is_empty()).then(|| Examples::new(valid, config.batch_size, None));
    (Examples::new(train, config.batch_size, Some(config.seed)), valid)
}
