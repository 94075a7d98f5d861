//! A model of any task as one type, for callers that learn the task from the file.
//!
//! ```
//! use refrain::{AnyModel, Cpu, Result, Session, sample::SamplingOptions, with_any};
//!
//! # fn open(bytes: &[u8]) -> Result<()> {
//! let model = AnyModel::from_bytes(bytes)?;
//! println!("{}: {}, {} parameters", model.task_name(), model.summary(), model.parameters());
//! // One expression for every task ...
//! let data = with_any!(&model, model => &model.history.data);
//! println!("trained on {data}");
//! // ... or for one of them.
//! if let AnyModel::Language(model) = model {
//!     println!("{}", Session::new(model, &Cpu::new(1)?).write("", 200, &SamplingOptions::default())?);
//! }
//! # Ok(())
//! # }
//! ```

use crate::model::{Network, Task, TaskName};
use crate::params::Layout;
use crate::store::ModelBytes;
use crate::task::{Caption, Classify, Forecast, Language, Music, Tag, Translate};
use crate::{Error, History, Model, ModelProblem, Result};

/// A model of any of the library's tasks.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the variants are named as their tasks")]
pub enum AnyModel {
    Language(Model<Language>),
    Classify(Model<Classify>),
    Tag(Model<Tag>),
    Caption(Model<Caption>),
    Translate(Model<Translate>),
    Music(Model<Music>),
    Forecast(Model<Forecast>),
}

/// One expression for the model in an [`AnyModel`](crate::AnyModel) of any task, by value or by reference.
#[macro_export]
macro_rules! with_any {
    ($any:expr, $model:pat => $result:expr) => {
        match $any {
            $crate::AnyModel::Language($model) => $result,
            $crate::AnyModel::Classify($model) => $result,
            $crate::AnyModel::Tag($model) => $result,
            $crate::AnyModel::Caption($model) => $result,
            $crate::AnyModel::Translate($model) => $result,
            $crate::AnyModel::Music($model) => $result,
            $crate::AnyModel::Forecast($model) => $result,
        }
    };
}

/// One expression for the task of a [`TaskName`](crate::model::TaskName), with the task as the type `$task`.
#[macro_export]
macro_rules! with_task {
    ($name:expr, $task:ident => $result:expr) => {
        $crate::with_task!(@all $name, $task => $result;
            Language Classify Tag Caption Translate Music Forecast)
    };
    (@all $name:expr, $task:ident => $result:expr; $($one:ident)*) => {
        match $name {
            $($crate::model::TaskName::$one => {
                type $task = $crate::task::$one;
                $result
            })*
        }
    };
}

const NAME: &str = "the model";

impl AnyModel {
    /// Reads the bytes of a model of any task.
    ///
    /// # Errors
    /// [`Error::Model`] if they are damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(&ModelBytes::open(bytes, NAME)?, NAME)
    }

    /// As [`Model::to_bytes`].
    ///
    /// # Errors
    /// As [`Model::to_bytes`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        with_any!(self, model => model.to_bytes())
    }

    /// Reads a model file, or the model file in a run directory.
    ///
    /// # Errors
    /// As [`Model::load`].
    #[cfg(feature = "files")]
    pub fn load(path: impl AsRef<std::path::Path>) -> Result<Self> {
        crate::store::read_model(path.as_ref(), Self::read)
    }

    /// As [`Model::save`].
    ///
    /// # Errors
    /// As [`Model::save`].
    #[cfg(feature = "files")]
    pub fn save(&self, path: impl AsRef<std::path::Path>) -> Result<()> {
        with_any!(self, model => model.save(path))
    }

    fn read(bytes: &ModelBytes<'_>, name: &str) -> Result<Self> {
        match TaskName::of(bytes.task()) {
            Some(task) => with_task!(task, T => bytes.model::<T>(name).map(Self::from)),
            None => {
                let what = format!("contains a {} model, which this version does not support", bytes.task());
                Err(Error::Model { name: name.to_owned(), problem: ModelProblem::Version { what } })
            }
        }
    }

    /// Its task.
    pub fn task_name(&self) -> TaskName {
        match self {
            AnyModel::Language(_) => TaskName::Language,
            AnyModel::Classify(_) => TaskName::Classify,
            AnyModel::Tag(_) => TaskName::Tag,
            AnyModel::Caption(_) => TaskName::Caption,
            AnyModel::Translate(_) => TaskName::Translate,
            AnyModel::Music(_) => TaskName::Music,
            AnyModel::Forecast(_) => TaskName::Forecast,
        }
    }

    /// How it was trained.
    pub fn history(&self) -> &History {
        with_any!(self, model => &model.history)
    }

    /// Names and values to display, see [`Task::about`].
    pub fn about(&self) -> Vec<(&'static str, String)> {
        with_any!(self, model => model.task.about())
    }

    /// Its layers in one line.
    pub fn summary(&self) -> String {
        with_any!(self, model => model.task.network().summary())
    }

    /// The largest `H` of its recurrent layers.
    pub fn hidden_size(&self) -> usize {
        with_any!(self, model => model.task.network().hidden_size())
    }

    /// Its parameters by name.
    pub fn layout(&self) -> &Layout {
        with_any!(self, model => model.task.network().layout())
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.layout().len()
    }
}

macro_rules! from_models {
    ($($task:ident)*) => {
        $(impl From<Model<$task>> for AnyModel {
            fn from(model: Model<$task>) -> Self {
                AnyModel::$task(model)
            }
        })*
    };
}

from_models!(Language Classify Tag Caption Translate Music Forecast);
