//! refrain: a recurrent-network workbench.
//!
//! Elman RNN, GRU and LSTM models: trained, sampled, measured and looked into on the machine at hand, without a tensor
//! framework underneath. A text becomes a model along the modules, in this order:
//!
//! [`text`] (symbols and vocabulary) -> [`data`] (batches of ids) -> [`layer`] -> [`model`] (ids to losses, and the
//! way back) -> [`train`] (updates, schedules, files, events) -> [`Model`] (one self-contained file) -> [`Session`]
//! (writing, measuring) by way of [`sample`]. [`inspect`] shows what happens inside, [`picture`] draws it.
//!
//! The library never prints: a run tells its listener every [`train::Event`]. Whatever a run computes follows from
//! its settings, its text, its number of shards, the instruction set and the precision; never from the number of threads.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//! use refrain::{Cpu, sample::Options, task::Language, train::{Run, Settings}};
//!
//! # fn main() -> refrain::Result<()> {
//! let backend = Cpu::new(2)?;
//! let settings = Settings { data: Some(vec!["play.txt".into()]), ..Settings::default() };
//! let outcome = Run::<Language>::new(settings)?.train(&backend, |_event| ControlFlow::Continue(()))?;
//! outcome.model.save("play.safetensors")?;
//! println!("{}", outcome.model.on(&backend).write("ROMEO:", 200, &Options::default())?);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(feature = "train"),
    allow(dead_code, reason = "what prepares data has no caller without training")
)]

mod any;
#[cfg(feature = "train")]
pub mod bench;
pub mod data;
mod error;
pub mod format;
pub mod inspect;
pub mod layer;
pub mod metric;
pub mod model;
mod note;
mod number;
pub mod params;
#[cfg(feature = "pictures")]
pub mod picture;
pub mod sample;
mod session;
mod store;
pub mod task;
pub mod text;
#[cfg(feature = "train")]
pub mod train;

pub use any::AnyModel;
pub use error::{Divergence, Error, InputProblem, ModelProblem, Place, Result, RunProblem, SettingProblem};
pub use note::Note;
pub use number::thousands;
pub use refrain_kernels as kernels;
pub use refrain_kernels::{Cpu, CpuError, Isa, Precision, PrecisionChoice};
pub use session::{Handle, Session, StepInput};
#[cfg(feature = "files")]
pub use store::write_atomically;
pub use store::{History, Measured, Model};
