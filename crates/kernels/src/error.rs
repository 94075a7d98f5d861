//! Why a processor cannot be used as it was asked for.

use crate::dispatch::IsaError;
use std::fmt;

/// Why there is no [`crate::Cpu`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CpuError {
    /// The instruction set does not exist, or the machine lacks it.
    Isa(IsaError),
    /// The system did not start the threads.
    Threads {
        /// As many as were asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}

impl fmt::Display for CpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CpuError::Isa(error) => error.fmt(f),
            CpuError::Threads { threads, reason } => {
                write!(
                    f,
                    "`threads = {threads}`: the system does not start that many ({reason}); ask for fewer"
                )
            }
        }
    }
}

impl std::error::Error for CpuError {}

impl From<IsaError> for CpuError {
    fn from(error: IsaError) -> Self {
        CpuError::Isa(error)
    }
}
