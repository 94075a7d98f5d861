//! The time that a run has taken; always zero where the library is built without a clock.

/// Seconds since some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    #[cfg(feature = "clock")]
    start: std::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            #[cfg(feature = "clock")]
            start: std::time::Instant::now(),
        }
    }

    /// Seconds since the start.
    pub(crate) fn seconds(self) -> f64 {
        #[cfg(feature = "clock")]
        return self.start.elapsed().as_secs_f64();
        #[cfg(not(feature = "clock"))]
        0.0
    }
}
