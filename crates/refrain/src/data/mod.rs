//! Data loaders: tokens to batches, as plain host data for a training step.
//!
//! There are three ways to make a [`TextBatch`] from a text. In [`Windows`] each row reads its own contiguous part of
//! the text, with the network's state carried from one window to the next. [`Lines`] takes every line as a separate sequence, and
//! [`Sequences`] a few given ones. [`Batches`] is any of the three.
//!
//! ```
//! use refrain::data::{Batches, DataLoader, Sequences, TextBatch};
//!
//! let mut batches = Batches::from(Sequences::new(vec![vec![1, 2, 3], vec![4, 5]])?);
//! let mut batch = TextBatch::default();
//! assert!(batches.batch(0, 0, &mut batch)?);
//! // Time-major: two rows in parallel, the shorter one padded.
//! assert_eq!((batch.steps, batch.rows), (2, 2));
//! assert_eq!(batch.inputs, [1, 4, 2, 0]);
//! # Ok::<(), refrain::Error>(())
//! ```

mod batch;
mod batches;
mod distinct_words;
mod examples;
mod line_pieces;
mod lines;
mod loader;
mod padded;
mod sequences;
mod windows;

pub use batch::{IGNORE, TextBatch};
pub use batches::Batches;
pub use distinct_words::DistinctWords;
pub(crate) use examples::sort_longest_first;
pub use examples::{Example, Examples};
pub use lines::Lines;
pub use loader::{Batch, DataLoader};
pub use padded::Padded;
pub use sequences::Sequences;
pub use windows::{Evaluation, Windows};
