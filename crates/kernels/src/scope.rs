//! Processor state of a thread while it computes.

use crate::panel::tiles;
use crate::simd::FlushDenormals;

/// While this value is alive, denormal numbers are treated as zero on this thread. Dropping it turns off a tile unit
/// that products have turned on.
pub(crate) struct Scope {
    _flush: FlushDenormals,
}

impl Scope {
    pub(crate) fn new() -> Self {
        Self { _flush: FlushDenormals::new() }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        tiles::release();
    }
}
