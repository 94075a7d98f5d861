//! A seed where none is given.

use std::time::{SystemTime, UNIX_EPOCH};

/// A short number that is another one each time.
pub(crate) fn seed_of_the_moment() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(20)) % 1_000_000
}
