//! refrain: a recurrent-network workbench.
//!
//! Trains, samples, evaluates and inspects Elman RNN, GRU and LSTM models on one machine, without a tensor framework. The
//! modules, in the order of the data flow:
//!
//! [`text`] and [`format`](mod@format) (tokens, vocabularies, data formats) -> [`data`] (batches) -> [`params`], [`layer`], [`model`] (ids
//! and frames to losses, forward and backward) -> [`Model`] (a value, bytes or a file) -> [`Session`] (a model on a backend) ->
//! [`sample`]. [`train`] and [`task`] combine them, [`inspect`] gives activations, [`picture`] draws figures.
//!
//! The library prints nothing: a run reports every [`train::Event`] to its listener. Results depend on the settings, the data, the number
//! of shards, the instruction set and the precision, not on the number of threads.
//!
//! ```
//! use std::ops::ControlFlow;
//! use refrain::{AnyModel, Cpu, Session, task::classify, train::Settings};
//!
//! # fn main() -> refrain::Result<()> {
//! // Two classes of sequences of two features.
//! let frame = |i: usize, t: usize| vec![(i % 2) as f32 * t as f32, 1.0];
//! let sequences = (0..20).map(|i| (0..4).map(|t| frame(i, t)).collect::<Vec<_>>());
//! let labels = (0..20).map(|i| ["flat", "rising"][i % 2]);
//! let (train, valid) = classify::Dataset::new(sequences, labels)?.split(0.2, 1)?;
//!
//! let backend = Cpu::new(1)?;
//! let settings = Settings { hidden_size: Some(8), epochs: Some(2), ..Settings::default() };
//! let model = settings.fit(&backend, train, Some(valid), |_event| ControlFlow::Continue(()))?;
//!
//! let AnyModel::Classify(model) = AnyModel::from_bytes(&model.to_bytes()?)? else { unreachable!() };
//! let session = Session::new(model, &backend);
//! let new = (0..4).map(|t| frame(1, t)).collect::<Vec<_>>();
//! let predicted = &session.predict(vec![new.clone().into()])?[0];
//! println!("{} {:?}", session.model().task.labels()[predicted.class], predicted.probabilities);
//! println!("{:?}", &session.trace(new.into())?["i"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! All are on by default. Without any, the library supports inference from models in memory.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `train` | settings, runs, preparation of data |
//! | `files` | paths, locks, run directories, texts read from disk |
//! | `clock` | time limits, speeds |
//! | `formats` | CSV, MIDI, NumPy, CoNLL and other data formats |
//! | `tokenizers` | byte pair encoding |
//! | `pictures` | reading images, drawing figures |
//! | `threads` | shards and streams on several threads |
#![forbid(unsafe_code)]
#![cfg_attr(
    not(feature = "train"),
    allow(dead_code, reason = "preparation of data has no caller without training")
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
pub mod option;
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
pub use store::{History, Model, Validation};
