//! Training: from batches to a model that has learned from them.

mod learner;

pub use learner::{Learner, StepReport};
