//! The tasks, one folder each: how its data are read and become batches, what its model file says, and what its models
//! do once they have learned.

pub mod language;

pub use language::Language;
