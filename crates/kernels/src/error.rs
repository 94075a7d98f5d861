//! Errors of creating a [`crate::Cpu`].

use crate::dispatch::IsaError;
use std::fmt;

/// Why a [`crate::Cpu`] could not be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CpuError {
    /// The instruction set does not exist, or the machine lacks it.
    Isa(IsaError),
    /// The system could not start the threads.
    Threads {
        /// The requested number.
        threads: usize,
        /// The system's error message.
        reason: String,
    },
}

impl fmt::Display for CpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CpuError::Isa(error) => error.fmt(f),
            CpuError::Threads { threads, reason } => {
                write!(f, "`threads = {threads}`: the system cannot start that many ({reason}); use fewer")
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
