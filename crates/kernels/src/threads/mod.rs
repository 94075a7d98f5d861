//! The threads of a backend: a pool for items that are independent of one another, and a team for the short steps of a
//! single stream. Without the feature `threads`, the calling thread does everything.

#[cfg(not(feature = "threads"))]
mod calling;
#[cfg(feature = "threads")]
mod pool;
#[cfg(feature = "threads")]
mod team;

#[cfg(not(feature = "threads"))]
pub(crate) use calling::{MOST_PIECES, Team, Threads};
#[cfg(feature = "threads")]
pub(crate) use {
    pool::Threads,
    team::{MOST_PIECES, Team},
};
