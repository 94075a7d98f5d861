//! What models are made of.

mod stack;

pub use stack::{DropoutMask, Source, Stack, StackInput, StackPass, WeightDrop};
