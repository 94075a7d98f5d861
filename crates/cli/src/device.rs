//! The device that a verb asks for: this machine's processors.

use refrain::Cpu;
use refrain::train::{self, Settings};

use crate::failure::Failure;

/// The processor with this many threads.
pub(crate) fn cpu(threads: usize) -> Result<Cpu, Failure> {
    // Starting a million threads would take minutes to fail.
    Settings { threads: Some(threads), ..Settings::default() }.check_ranges()?;
    Ok(Cpu::new(threads)?)
}

/// The processor that a run is trained on.
pub(crate) fn for_training(settings: &Settings) -> Result<Cpu, Failure> {
    let threads = settings.threads.unwrap_or_else(train::available_threads);
    Ok(cpu(threads)?.with_precision_choice(settings.precision.unwrap_or_default()))
}
