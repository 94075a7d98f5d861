//! Creates the CPU backend of a command.

use refrain::Cpu;
use refrain::train::{self, Settings};

use crate::failure::Failure;

/// CPU backend with this many threads.
pub(crate) fn cpu(threads: usize) -> Result<Cpu, Failure> {
    // Starting a million threads would take minutes to fail.
    Settings { threads: Some(threads), ..Settings::default() }.check_ranges()?;
    Ok(Cpu::new(threads)?)
}

/// CPU backend for a training run.
pub(crate) fn for_training(settings: &Settings) -> Result<Cpu, Failure> {
    let threads = settings.threads.unwrap_or_else(train::available_threads);
    Ok(cpu(threads)?.with_precision_choice(settings.precision.unwrap_or_default()))
}
