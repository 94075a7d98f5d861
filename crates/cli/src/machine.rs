//! The processor as a verb asks for it.

use refrain::{Cpu, PrecisionChoice, train};

use crate::Failure;

/// More threads than any machine serves; far more than this the system refuses to start.
const MOST_THREADS: usize = 1024;

/// The processor with this many threads.
pub(crate) fn cpu(threads: usize) -> Result<Cpu, Failure> {
    match threads {
        1..=MOST_THREADS => Ok(Cpu::new(threads)?),
        _ => Err(Failure::Usage(format!("--threads is {threads}: give a number from 1 to {MOST_THREADS}"))),
    }
}

/// The processor for a model of this hidden size, with threads and precision where they are asked for.
pub(crate) fn backend(
    threads: Option<usize>,
    precision: Option<PrecisionChoice>,
    hidden_size: usize,
) -> Result<Cpu, Failure> {
    let precision = precision.unwrap_or_default().resolve(hidden_size);
    Ok(cpu(threads.unwrap_or_else(train::available_threads))?.with_precision(precision))
}
