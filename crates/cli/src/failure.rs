//! How a verb fails: a message on standard error and an exit code, 2 for a wrong request, 1 for everything else,
//! 130 for an interruption.

use std::io::{self, Write};
use std::process::ExitCode;

/// Why the program ends early.
pub(crate) enum Failure {
    /// Something went wrong.
    Error(refrain::Error),
    /// The system would not do it: a port is taken, a thread cannot be started.
    Machine(String),
    /// The request itself cannot be served.
    Usage(String),
    /// The user broke off; what to do next has been said.
    Interrupted,
    /// Whoever read standard output has gone: nothing to say, and nobody to say it to.
    Closed,
}

impl Failure {
    pub(crate) fn report(self) -> ExitCode {
        let (message, code) = match self {
            Failure::Error(error @ (refrain::Error::Config(_) | refrain::Error::Prompt(_))) => {
                (error.to_string(), 2)
            }
            Failure::Error(error) => (error.to_string(), 1),
            Failure::Machine(message) => (message, 1),
            Failure::Usage(message) => (message, 2),
            Failure::Interrupted => return ExitCode::from(130),
            Failure::Closed => return ExitCode::SUCCESS,
        };
        // If standard error is closed too, the code has to do.
        let _ = writeln!(io::stderr(), "refrain: {message}");
        ExitCode::from(code)
    }
}

impl From<refrain::Error> for Failure {
    fn from(error: refrain::Error) -> Self {
        Failure::Error(error)
    }
}

impl From<refrain::kernels::IsaError> for Failure {
    fn from(error: refrain::kernels::IsaError) -> Self {
        Failure::Usage(error.to_string())
    }
}

impl From<refrain::CpuError> for Failure {
    fn from(error: refrain::CpuError) -> Self {
        match error {
            refrain::CpuError::Isa(error) => error.into(),
            error => Failure::Error(error.into()),
        }
    }
}
