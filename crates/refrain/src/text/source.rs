//! A text in a file or in memory, read by position.

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
    /// A text in memory.
    Memory {
        /// Its name in messages; if it is empty, [`Corpus::scan`](super::Corpus::scan) numbers it.
        name: String,
        /// The text, UTF-8 unless it is read as bytes.
        bytes: Arc<[u8]>,
    },
}

impl Source {
    /// A text in a file.
    #[cfg(feature = "files")]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Source::File(path.into())
    }

    /// A text in memory, with its name in messages.
    pub fn memory(name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Source::Memory { name: name.into(), bytes: bytes.as_ref().into() }
    }

    /// Sets the name if it is empty.
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

/// A source that passed the checks of [`OpenSource::open`].
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
    /// Opens a source and checks that it can be read more than once. With `keep_open` a file stays open, otherwise it
    /// is opened for every read.
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

    /// Its place in messages.
    pub(super) fn place(&self) -> Place {
        Place::of(&self.name)
    }

    /// Length in bytes when the source was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` with the bytes starting at `offset`, all of which must be within [`length`](Self::length),
    /// and checks that the file has not changed.
    ///
    /// # Errors
    /// [`Error::Input`] if the file changed or was truncated, [`Error::Io`] if it cannot be read.
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

    /// Compares length and modification time of a file with those at opening.
    ///
    /// # Errors
    /// [`Error::Input`] if they differ, [`Error::Io`] if the metadata cannot be read.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        match &self.contents {
            Contents::Memory(_) => Ok(()),
            #[cfg(feature = "files")]
            Contents::File(file) => file.check_unchanged(),
        }
    }

    /// The line of the byte at `offset`, from 1. Reads the text up to there: for messages only.
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

    /// An error for an empty source.
    pub(super) fn is_empty_error(&self) -> Error {
        Error::too_little(self.place(), "is empty", "remove it, or use a file that contains text")
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
    fn a_directory_is_refused_with_a_pattern_as_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        let expected = format!(
            "{path}: is a directory: use a text file, or {path}/*.txt; for a folder of images, the list of file<TAB>text"
        );
        assert_eq!(refusal(Source::file(directory.path())), expected);
    }

    #[test]
    fn an_empty_text_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let expected = "is empty: remove it, or use a file that contains text";
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
    fn changes_of_length_or_modification_time_are_errors() {
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
                    "{}: changed while it was being read: do not modify the file during a run, and start again",
                    file.path().display()
                );
                assert_eq!(source.check_unchanged().unwrap_err().to_string(), expected);
                assert_eq!(source.read_exact_at(&mut buffer, 2).unwrap_err().to_string(), expected);
            }
        }
    }
}
