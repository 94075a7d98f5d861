//! What a thread is set to while it computes.

use crate::panel::tiles;
use crate::simd::FlushDenormals;

/// While it lives, denormal numbers count as zero on this thread; at its end, a tile unit that products have turned on
/// goes off.
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
