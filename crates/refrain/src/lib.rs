//! refrain: a recurrent-network workbench.
#![forbid(unsafe_code)]

pub mod bench;
pub mod data;
mod error;
pub mod layer;
pub mod model;
mod params;
pub mod sample;
mod session;
mod store;
pub mod text;
pub mod train;

pub use error::{Error, Result};
pub use refrain_kernels as kernels;
pub use refrain_kernels::{Cpu, Isa};
pub use session::{Evaluated, Session, TextStream};
pub use store::{History, Measured, Model};
