//! The device that a verb asks for: this machine's processors.

use refrain::kernels::Backend;
use refrain::model::{Network, Task};
use refrain::train::{self, Settings};
use refrain::{Cpu, Model, PrecisionChoice};

use crate::failure::Failure;
use crate::named::named;

/// More threads than any machine serves; far more than this the system refuses to start.
const MAX_THREADS: usize = 1024;

/// The processor with this many threads.
pub(crate) fn cpu(threads: usize) -> Result<Cpu, Failure> {
    match threads {
        1..=MAX_THREADS => Ok(Cpu::new(threads)?),
        _ => Err(Failure::Usage(format!("--threads is {threads}: give a number from 1 to {MAX_THREADS}"))),
    }
}

/// The processor that a run is trained on.
pub(crate) fn for_training(settings: &Settings) -> Result<Cpu, Failure> {
    let threads = settings.threads.unwrap_or_else(train::available_threads);
    Ok(cpu(threads)?.with_precision_choice(settings.precision.unwrap_or_default()))
}

/// How a model is run, for every verb that only uses one.
#[derive(clap::Args)]
pub(crate) struct DeviceArgs {
    /// f32, bf16, int8, or auto: bf16 where the processor multiplies it faster than f32 [auto]
    #[arg(long, value_parser = named::<PrecisionChoice>)]
    precision: Option<PrecisionChoice>,
    /// Threads; changes no bit of the result [all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl DeviceArgs {
    /// The processor for a model.
    pub(crate) fn backend<T: Task>(&self, model: &Model<T>) -> Result<Cpu, Failure> {
        let choice = self.precision.unwrap_or_default();
        let hidden_size = model.task.network().hidden_size();
        Ok(cpu(self.threads())?.with_precision_choice(choice).for_hidden_size(hidden_size))
    }

    /// How many threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(train::available_threads)
    }
}
