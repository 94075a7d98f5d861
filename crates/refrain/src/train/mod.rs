//! Training: from settings and data to a model.
//!
//! [`Settings`] are the options, [`Config`] has all values resolved; a [`TrainableTask`] prepares its data, [`Run`] trains and
//! reports every [`Event`] to its listener, [`Trainer`] makes one update from one batch.

mod choices;
mod clock;
mod config;
mod event;
mod milestones;
mod run;
#[cfg(feature = "files")]
mod run_dir;
mod schedule;
mod settings;
mod trainable_task;
mod trainer;
mod training;

pub use crate::option::Span;
pub use choices::{Example, Optimizer, Preset, Schedule};
pub(crate) use clock::Clock;
pub use config::{Defaults, available_threads};
pub use event::{Done, Event, Reason, Start, Step};
pub(crate) use milestones::VALIDATION_TARGETS;
pub use run::Run;
pub use settings::{Config, Settings};
#[cfg(all(feature = "files", feature = "formats"))]
pub use trainable_task::ReadData;
pub use trainable_task::{Data, DataSummary, Prepared, TaskData, TrainableTask};
pub use trainer::{StepReport, Trainer};
pub use training::{Listener, Outcome, Training};
