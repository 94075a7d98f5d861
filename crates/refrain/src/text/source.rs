//! Where a text lies, and reading it by position.

use std::fmt;
#[cfg(feature = "files")]
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "files")]
use super::file::OpenFile;
use crate::{Error, Place, Result};

/// A text on disk or in memory.
#[derive(Clone, Debug)]
pub enum Source {
    /// A regular file, read in place.
    #[cfg(feature = "files")]
    File(PathBuf),
    /// A text that the program holds.
    Memory {
        /// What messages call it; if it is empty, [`Corpus::scan`](super::Corpus::scan) gives it a number.
        name: String,
        /// The text, UTF-8 unless it is read as bytes.
        bytes: Arc<[u8]>,
    },
}

impl Source {
    /// A text on disk.
    #[cfg(feature = "files")]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Source::File(path.into())
    }

    /// A text in memory, under the name that messages should use.
    pub fn memory(name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Source::Memory { name: name.into(), bytes: bytes.as_ref().into() }
    }

    /// With a name, if it has none.
    pub(super) fn named(self, name: impl FnOnce() -> String) -> Self {
        match self {
            Source::Memory { name: none, bytes } if none.is_empty() => Source::Memory { name: name(), bytes },
            named => named,
        }
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Source::memory("", text)
    }
}

impl From<String> for Source {
    fn from(text: String) -> Self {
        Source::memory("", text)
    }
}

impl fmt::Display for Source {
    /// The path, or the name of a text in memory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "files")]
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Memory { name, .. } => f.write_str(name),
        }
    }
}

/// A source that passed the opening checks.
#[derive(Debug)]
pub(super) struct OpenSource {
    name: String,
    length: u64,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Memory(Arc<[u8]>),
    #[cfg(feature = "files")]
    File(OpenFile),
}

impl OpenSource {
    /// Opens a source and checks that it can be read more than once. A file stays open if `keep_open`, and is
    /// opened for every read otherwise.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that is missing or may not be read, [`Error::Input`] for a directory, a pipe
    /// and an empty text.
    #[cfg_attr(not(feature = "files"), expect(unused_variables, reason = "only files are kept open"))]
    pub(super) fn open(source: &Source, keep_open: bool) -> Result<Self> {
        let name = source.to_string();
        let (length, contents) = match source {
            Source::Memory { bytes, .. } => (bytes.len() as u64, Contents::Memory(bytes.clone())),
            #[cfg(feature = "files")]
            Source::File(path) => {
                let file = OpenFile::open(path, keep_open)?;
                (file.length(), Contents::File(file))
            }
        };
        let source = Self { name, length, contents };
        if length == 0 { Err(source.is_empty_error()) } else { Ok(source) }
    }

    /// The path, or the name of a text in memory.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What messages call it.
    pub(super) fn place(&self) -> Place {
        Place::of(&self.name)
    }

    /// Length in bytes when the source was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` with the bytes from `offset` on, all of which must lie within [`length`](Self::length),
    /// and checks that the file is still the one that was opened.
    ///
    /// # Errors
    /// [`Error::Input`] if the file changed or was cut, [`Error::Io`] if it cannot be read.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        match &self.contents {
            Contents::Memory(bytes) => {
                let start = offset as usize;
                buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
                Ok(())
            }
            #[cfg(feature = "files")]
            Contents::File(file) => file.read_exact_at(buffer, offset),
        }
    }

    /// Compares length and time of modification of a file with those at opening.
    ///
    /// # Errors
    /// [`Error::Input`] if they differ, [`Error::Io`] if the file cannot be asked.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        match &self.contents {
            Contents::Memory(_) => Ok(()),
            #[cfg(feature = "files")]
            Contents::File(file) => file.check_unchanged(),
        }
    }

    /// The line that the byte at `offset` is on, counted from 1. Reads the text up to there: for messages
    /// only.
    ///
    /// # Errors
    /// As [`read_exact_at`](Self::read_exact_at).
    pub(super) fn line_at(&self, offset: u64) -> Result<u64> {
        let mut buffer = vec![0; 65_536];
        let (mut position, mut line) = (0, 1);
        while position < offset {
            let count = (offset - position).min(buffer.len() as u64) as usize;
            self.read_exact_at(&mut buffer[..count], position)?;
            line += buffer[..count].iter().filter(|&&byte| byte == b'\n').count() as u64;
            position += count as u64;
        }
        Ok(line)
    }

    /// Says that there is nothing to read.
    pub(super) fn is_empty_error(&self) -> Error {
        Error::too_little(self.place(), "is empty", "leave it out, or name a file that holds text")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io;
    use std::time::SystemTime;

    use super::*;

    fn refusal(source: Source) -> String {
        OpenSource::open(&source, true).unwrap_err().to_string()
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = refusal(Source::file("no-such-file.txt"));
        assert_eq!(message, "cannot read no-such-file.txt: no such file or directory");
    }

    #[test]
    fn a_directory_is_refused_with_a_pattern_that_works() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        let expected = format!(
            "{path}: is a directory: name a text file, or use {path}/*.txt; of a folder of pictures, the list of file<TAB>text"
        );
        assert_eq!(refusal(Source::file(directory.path())), expected);
    }

    #[test]
    fn an_empty_text_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let expected = "is empty: leave it out, or name a file that holds text";
        assert_eq!(refusal(Source::file(file.path())), format!("{}: {expected}", file.path().display()));
        assert_eq!(refusal(Source::memory("nothing", "")), format!("nothing: {expected}"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_or_pipe_is_refused_without_being_opened() {
        let expected =
            "is not a regular file: save it to a file first, because the text is read more than once";
        assert_eq!(refusal(Source::file("/dev/null")), format!("/dev/null: {expected}"));
    }

    #[test]
    fn a_file_that_grows_shrinks_or_is_touched_has_changed() {
        for keep_open in [true, false] {
            let changes: [fn(&File) -> io::Result<()>; 3] = [
                |file| file.set_len(99),
                |file| file.set_len(2),
                |file| file.set_modified(SystemTime::UNIX_EPOCH),
            ];
            for change in changes {
                let file = tempfile::NamedTempFile::new().unwrap();
                fs::write(file.path(), "abcdef").unwrap();
                let source = OpenSource::open(&Source::file(file.path()), keep_open).unwrap();
                let mut buffer = [0; 3];
                source.check_unchanged().unwrap();
                source.read_exact_at(&mut buffer, 2).unwrap();
                assert_eq!(&buffer, b"cde");

                change(file.as_file()).unwrap();
                let expected = format!(
                    "{}: changed while it was being read: leave the file as it is during a run, and start again",
                    file.path().display()
                );
                assert_eq!(source.check_unchanged().unwrap_err().to_string(), expected);
                assert_eq!(source.read_exact_at(&mut buffer, 2).unwrap_err().to_string(), expected);
            }
        }
    }
}
