//! refrain: a recurrent-network workbench.
#![forbid(unsafe_code)]

pub mod bench;
pub mod data;
mod error;
pub mod layer;
pub mod model;
mod params;
pub mod sample;
pub mod text;
pub mod train;

pub use error::{Error, Result};
