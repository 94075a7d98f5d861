//! Training: from settings to a model that has learned.
//!
//! [`Settings`] say what is wanted, [`Config`] what is in force; [`Run`] prepares the text and trains, telling its
//! listener every [`Event`]; [`Learner`] makes one update from one batch.

mod config;
mod event;
mod learner;
mod material;
mod milestones;
mod preset;
mod run;
mod run_dir;
mod schedule;
mod settings;
mod sizes;
mod training;

pub use config::{Config, available_threads};
pub use event::{Done, Event, Reason, Start, Step};
pub use learner::{Learner, StepReport};
pub use preset::Preset;
pub use run::{Outcome, Run};
pub use settings::{Example, Optimizer, Schedule, Settings, Span};
