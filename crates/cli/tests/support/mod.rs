//! Runs the program in a temporary directory.

// Each test binary that includes this module uses its own part of it.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A temporary directory with a small text.
pub(crate) struct TestDir {
    directory: tempfile::TempDir,
}

impl TestDir {
    /// Writes `text.txt`: 500 lines of pseudo-random words, some with letters beyond ASCII.
    pub(crate) fn new() -> Self {
        const WORDS: [&str; 10] = ["the", "cat", "sat", "on", "a", "mat", "λόγος", "和", "dog", "🙂"];
        let dir = Self { directory: tempfile::tempdir().expect("a directory for the test") };
        let mut state = 1_u32;
        let mut word = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            WORDS[(state >> 16) as usize % WORDS.len()]
        };
        let line = |i: usize| (0..3 + i % 4).map(|_| word()).collect::<Vec<_>>().join(" ") + "\n";
        dir.write("text.txt", (0..500).map(line).collect::<String>());
        dir
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.at(name), contents).expect("a file for the test");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names of the entries, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.directory.path())
    }

    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_refrain"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env_remove("REFRAIN_ISA").env("RUST_BACKTRACE", "0");
        command
    }

    /// Runs the program with these arguments, separated by spaces.
    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.run_with(arguments.split_whitespace())
    }

    pub(crate) fn run_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Runs the program, which must succeed, and returns its standard output.
    pub(crate) fn succeed(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let errors = text(&output.stderr);
        assert!(output.status.success(), "{arguments}: {:?}\n{errors}", output.status);
        assert_eq!(errors, "", "{arguments}");
        text(&output.stdout)
    }

    /// Runs the program, which must fail with this code, without output or new files, and with a message that starts with
    /// `refrain: ` (or clap's `error: `). Returns the message.
    pub(crate) fn fail(&self, arguments: &str, code: i32) -> String {
        self.fail_with(self.command(arguments.split_whitespace()), code)
    }

    pub(crate) fn fail_with(&self, mut command: Command, code: i32) -> String {
        let before = self.names();
        let output = command.output().expect("the program starts");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command:?}: {message}");
        assert_eq!(text(&output.stdout), "", "{command:?}");
        assert!(!message.contains("panicked"), "{command:?}: {message}");
        let start = if message.starts_with("error: ") { "error: " } else { "refrain: " };
        assert!(message.starts_with(start), "{command:?}: {message}");
        assert_eq!(self.names(), before, "{command:?} created files");
        message
    }
}

/// Names of the entries of a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

/// The objects of a stream of JSON lines.
pub(crate) fn events(output: &str) -> Vec<serde_json::Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// The events of one kind.
pub(crate) fn only<'e>(events: &'e [serde_json::Value], kind: &str) -> Vec<&'e serde_json::Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}
