//! The threads of a backend: a pool for independent items, and a team for the short steps of a single sequence.
//! Without the feature `threads`, the calling thread does everything.

#[cfg(not(feature = "threads"))]
mod calling;
#[cfg(feature = "threads")]
mod pool;
#[cfg(feature = "threads")]
mod team;

#[cfg(not(feature = "threads"))]
pub(crate) use calling::{MAX_ITEMS, Team, Threads};
#[cfg(feature = "threads")]
pub(crate) use {
    pool::Threads,
    team::{MAX_ITEMS, Team},
};
