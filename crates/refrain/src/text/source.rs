//! Where a text lies, and reading it by position.
//!
//! A file is read in place, several times, while a run lasts. A memory map would end the program with a
//! signal when someone cuts the file; positional reads with a check of length and modification time give an
//! error instead.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::{Error, Result};

/// A text on disk or in memory.
#[derive(Clone, Debug)]
pub enum Source {
    /// A regular file, read in place.
    File(PathBuf),
    /// A text that the program holds, such as a built-in example.
    Memory {
        /// What messages call it.
        name: String,
        /// The text, UTF-8 unless it is read as bytes.
        bytes: Arc<[u8]>,
    },
}

impl Source {
    /// A text on disk.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Source::File(path.into())
    }

    /// A text in memory, under the name that messages should use.
    pub fn memory(name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Source::Memory { name: name.into(), bytes: bytes.as_ref().into() }
    }

    /// The path, or the name of a text in memory.
    pub fn name(&self) -> &Path {
        match self {
            Source::File(path) => path,
            Source::Memory { name, .. } => Path::new(name),
        }
    }
}

/// A source that passed the opening checks, with its length and time of modification as they were then.
#[derive(Debug)]
pub(super) struct OpenSource {
    name: PathBuf,
    length: u64,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Memory(Arc<[u8]>),
    /// `handle` is `None` when a corpus has too many files to keep open: each read then opens the file for
    /// itself.
    File {
        handle: Option<File>,
        modified: Option<SystemTime>,
    },
}

impl OpenSource {
    /// Opens a source and checks that it can be read more than once. A file stays open if `keep_open`, and is
    /// opened for every read otherwise.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that is missing or may not be read, [`Error::Text`] for a directory, a pipe
    /// and an empty text.
    pub(super) fn open(source: &Source, keep_open: bool) -> Result<Self> {
        let name = source.name().to_owned();
        let (length, contents) = match source {
            Source::Memory { bytes, .. } => (bytes.len() as u64, Contents::Memory(bytes.clone())),
            Source::File(path) => {
                // Before opening, because opening a pipe waits for its writer.
                check_is_regular(path, &fs::metadata(path).map_err(Error::io("read", path))?)?;
                let file = File::open(path).map_err(Error::io("read", path))?;
                let metadata = file.metadata().map_err(Error::io("read", path))?;
                let modified = metadata.modified().ok();
                (metadata.len(), Contents::File { handle: keep_open.then_some(file), modified })
            }
        };
        let source = Self { name, length, contents };
        if length == 0 { Err(source.is_empty_error()) } else { Ok(source) }
    }

    /// The path, or the name of a text in memory.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// Length in bytes when the source was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` with the bytes from `offset` on, all of which must lie within [`length`](Self::length),
    /// and checks that the file is still the one that was opened.
    ///
    /// # Errors
    /// [`Error::Text`] if the file changed or was cut, [`Error::Io`] if it cannot be read.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        match &self.contents {
            Contents::Memory(bytes) => {
                let start = offset as usize;
                buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
                Ok(())
            }
            Contents::File { handle: Some(file), .. } => self.read_file(file, buffer, offset),
            Contents::File { handle: None, .. } => {
                let file = File::open(&self.name).map_err(Error::io("read", &self.name))?;
                self.read_file(&file, buffer, offset)
            }
        }
    }

    fn read_file(&self, file: &File, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
        while !buffer.is_empty() {
            match read_at(file, buffer, offset) {
                Ok(0) => return Err(self.changed_error()),
                Ok(count) => {
                    buffer = &mut buffer[count..];
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.name)(error)),
            }
        }
        self.check_metadata(&file.metadata().map_err(Error::io("read", &self.name))?)
    }

    /// Compares length and time of modification with those at opening.
    ///
    /// # Errors
    /// [`Error::Text`] if they differ, [`Error::Io`] if the file cannot be asked.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        let metadata = match &self.contents {
            Contents::Memory(_) => return Ok(()),
            Contents::File { handle: Some(file), .. } => file.metadata(),
            Contents::File { handle: None, .. } => fs::metadata(&self.name),
        };
        self.check_metadata(&metadata.map_err(Error::io("read", &self.name))?)
    }

    fn check_metadata(&self, metadata: &Metadata) -> Result<()> {
        let recorded = match &self.contents {
            Contents::Memory(_) => None,
            Contents::File { modified, .. } => *modified,
        };
        let same = metadata.len() == self.length && metadata.modified().ok() == recorded;
        if same { Ok(()) } else { Err(self.changed_error()) }
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

    /// Says that the file is not what it was when it was opened.
    pub(super) fn changed_error(&self) -> Error {
        self.error(
            "changed while it was being read: leave the file as it is during a run, and start again"
                .to_owned(),
        )
    }

    /// Says that there is nothing to read.
    pub(super) fn is_empty_error(&self) -> Error {
        self.error("is empty: leave it out, or name a file that holds text".to_owned())
    }

    /// An [`Error::Text`] about this source.
    pub(super) fn error(&self, message: String) -> Error {
        Error::Text { path: self.name.clone(), message }
    }
}

fn check_is_regular(path: &Path, metadata: &Metadata) -> Result<()> {
    let message = if metadata.is_dir() {
        format!(
            "is a directory: name a text file, or use {}; of a folder of pictures, the list of file<TAB>text",
            path.join("*.txt").display()
        )
    } else if !metadata.is_file() {
        "is not a regular file: save it to a file first, because the text is read more than once".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::Text { path: path.to_owned(), message })
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(not(any(unix, windows)))]
fn read_at(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read, Seek};
    file.seek(io::SeekFrom::Start(offset))?;
    file.read(buffer)
}

#[cfg(test)]
mod tests {
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
