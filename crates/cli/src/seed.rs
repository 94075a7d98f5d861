//! Random seed of commands without `--seed`.

use std::time::{SystemTime, UNIX_EPOCH};

/// A seed below a million that differs between calls.
pub(crate) fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(20)) % 1_000_000
}
