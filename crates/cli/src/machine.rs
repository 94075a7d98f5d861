//! The processor as a verb asks for it.

use refrain::Cpu;

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
