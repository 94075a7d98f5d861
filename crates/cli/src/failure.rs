//! How a verb fails: a message on standard error and an exit code, 2 for a wrong request, 1 for everything else,
//! 130 for an interruption. And how the library's messages read in a terminal: its settings become flags.

use std::io::{self, Write};
use std::process::ExitCode;

use refrain::train::Settings;
use refrain::{Error, InputProblem, RunProblem};

use crate::options::Options;

/// Why the program ends early.
pub(crate) enum Failure {
    /// Something went wrong.
    Error(Error),
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
            Failure::Error(error) => (message_of(&error), if is_usage(&error) { 2 } else { 1 }),
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

/// Whether another command would do, with the same files.
fn is_usage(error: &Error) -> bool {
    match error {
        Error::Setting { .. } | Error::Isa(_) => true,
        Error::Input { problem, .. } => {
            matches!(problem, InputProblem::UnknownSymbols { .. } | InputProblem::Syntax { .. })
        }
        Error::Run { problem, .. } => !matches!(problem, RunProblem::Inconsistent { .. }),
        _ => false,
    }
}

/// An error of the library for the terminal. In what a configuration file has, settings keep their names.
pub(crate) fn message_of(error: &Error) -> String {
    match error {
        Error::Input { place, .. } if place.source.ends_with(".toml") => error.to_string(),
        Error::Input { problem: InputProblem::UnknownSymbols { .. }, place } if place.line.is_none() => {
            format!("{} (`refrain info MODEL` lists what it knows)", in_flags(&error.to_string()))
        }
        _ => in_flags(&error.to_string()),
    }
}

/// A message of the library for the terminal: a setting between backticks becomes its flag, `` `batch_size = 32` ``
/// `--batch-size 32`. Other words between backticks stay as they are.
pub(crate) fn in_flags(message: &str) -> String {
    let mut parts = message.split('`');
    let mut text = parts.next().unwrap_or_default().to_owned();
    while let Some(quoted) = parts.next() {
        // The last backtick has no partner.
        let Some(after) = parts.next() else { return text + "`" + quoted };
        match flag(quoted) {
            Some(flag) => text.push_str(&flag),
            None => text.extend(["`", quoted, "`"]),
        }
        text.push_str(after);
    }
    text
}

/// `--batch-size 32` for `batch_size = 32`; `--lines` for `lines = true`, if that takes no value.
fn flag(setting: &str) -> Option<String> {
    let (name, value) =
        setting.split_once(" = ").map_or((setting, None), |(name, value)| (name, Some(value)));
    let mut options = Settings::DEFINITIONS.iter().chain(Options::DEFINITIONS);
    let option = options.find(|option| option.name == name)?;
    let long = name.replace('_', "-");
    match value {
        Some(value) if !option.value_name.is_empty() => Some(format!("--{long} {}", value.trim_matches('"'))),
        Some("true") | None => Some(format!("--{long}")),
        Some(_) => None,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
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

#[cfg(test)]
mod tests {
    use refrain::{Place, SettingProblem};

    use super::*;

    #[test]
    fn settings_become_flags() {
        for (message, expected) in [
            ("`batch_size` is 0: give at least 1", "--batch-size is 0: give at least 1"),
            ("or `units = byte`, or `lines = true`", "or --units byte, or --lines"),
            ("`refrain info` lists `them`, `lines = 3`", "`refrain info` lists `them`, `lines = 3`"),
            ("one ` alone, then `units`", "one ` alone, then `units`"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(in_flags(message), expected);
        }
    }

    #[test]
    fn errors_say_flags_but_in_what_a_configuration_file_has() {
        let problem = SettingProblem::OutOfRange { value: "0".into(), allowed: "at least 1".into() };
        let error = Error::Setting { setting: "batch_size", problem };
        assert_eq!(message_of(&error), "--batch-size is 0: give at least 1");
        assert!(is_usage(&error));
        let problem = InputProblem::Malformed { found: "no `units`".into(), expected: "name it".into() };
        let error = Error::Input { place: Place::of("run.toml").line(3), problem };
        assert_eq!(message_of(&error), "run.toml, line 3: no `units`: name it");
        assert!(!is_usage(&error));
    }
}
