//! Errors of commands: a message on standard error and an exit code, 2 for a wrong request, 130 for an interruption,
//! 1 otherwise. Settings in messages of the library become flags.

use std::io::{self, Write};
use std::process::ExitCode;

use refrain::train::Settings;
use refrain::{Error, InputProblem, RunProblem};

use crate::options::Options;

/// Why a command fails.
pub(crate) enum Failure {
    /// An error of the library.
    Error(Error),
    /// An error of the system: a port is in use, a thread cannot be started.
    Machine(String),
    /// A wrong request.
    Usage(String),
    /// Interrupted by the user; the command to continue has been printed.
    Interrupted,
    /// The reader of standard output has closed it, which is not an error.
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
        // If standard error is closed, only the exit code remains.
        let _ = writeln!(io::stderr(), "refrain: {message}");
        ExitCode::from(code)
    }
}

/// Whether the command has to be corrected, not its files.
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

/// The message of an error for the terminal. In errors of configuration files, settings keep their names.
pub(crate) fn message_of(error: &Error) -> String {
    match error {
        Error::Input { place, .. } if place.source.ends_with(".toml") => error.to_string(),
        Error::Input { problem: InputProblem::UnknownSymbols { .. }, place } if place.line.is_none() => {
            format!("{} (`refrain info MODEL` lists its vocabulary)", in_flags(&error.to_string()))
        }
        _ => in_flags(&error.to_string()),
    }
}

/// Replaces settings between backticks by their flags, `` `batch_size = 32` `` by `--batch-size 32`. Other words between
/// backticks are unchanged.
pub(crate) fn in_flags(message: &str) -> String {
    let mut parts = message.split('`');
    let mut text = parts.next().unwrap_or_default().to_owned();
    while let Some(quoted) = parts.next() {
        // An unpaired backtick.
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
    fn errors_name_flags_except_in_configuration_files() {
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
