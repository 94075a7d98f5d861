//! Training: from settings to a model that has learned.
//!
//! [`Settings`] say what is wanted, [`Config`] what is in force; a [`TrainableTask`] task prepares its data, and [`Run`] trains,
//! telling its listener every [`Event`]; [`Trainer`] makes one update from one batch.

mod config;
mod event;
mod milestones;
mod run;
mod run_dir;
mod schedule;
mod settings;
mod trainable_task;
mod trainer;
mod training;

pub use config::{Config, Defaults, available_threads};
pub(crate) use config::{at_least_one, at_most};
pub use event::{Done, Event, Reason, Start, Step};
pub(crate) use milestones::VALIDATION_TARGETS;
pub use run::{Outcome, Run};
pub use settings::{Example, Optimizer, Preset, Schedule, Settings, Span};
pub use trainable_task::{DataSummary, Prepared, TrainableTask};
pub use trainer::{StepReport, Trainer};
