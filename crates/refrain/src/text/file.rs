//! A text file, read by position.
//!
//! A file is read in place, several times during a run. If a memory-mapped file is truncated, the program ends with a
//! signal; positional reads with a check of length and modification time give an error instead.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{Error, Place, Result};

/// A file with its length and modification time when it was opened.
#[derive(Debug)]
pub(super) struct OpenFile {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    /// None if a corpus has too many files to keep open: the file is then opened for each read.
    handle: Option<File>,
}

impl OpenFile {
    /// Opens a file and checks that it can be read more than once.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that is missing or may not be read, [`Error::Input`] for a directory or a pipe.
    pub(super) fn open(path: &Path, keep_open: bool) -> Result<Self> {
        // Before opening, because opening a pipe blocks until it has a writer.
        check_is_regular(path, &fs::metadata(path).map_err(Error::io("read", path))?)?;
        let file = File::open(path).map_err(Error::io("read", path))?;
        let metadata = file.metadata().map_err(Error::io("read", path))?;
        Ok(Self {
            path: path.to_owned(),
            length: metadata.len(),
            modified: metadata.modified().ok(),
            handle: keep_open.then_some(file),
        })
    }

    /// Length in bytes when the file was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` with the bytes starting at `offset`, all of which must be within [`length`](Self::length),
    /// and checks that the file has not changed.
    ///
    /// # Errors
    /// [`Error::Input`] if the file changed or was truncated, [`Error::Io`] if it cannot be read.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        match &self.handle {
            Some(file) => self.read(file, buffer, offset),
            None => {
                let file = File::open(&self.path).map_err(Error::io("read", &self.path))?;
                self.read(&file, buffer, offset)
            }
        }
    }

    fn read(&self, file: &File, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
        while !buffer.is_empty() {
            match read_at(file, buffer, offset) {
                Ok(0) => return Err(Error::changed(Place::from(&self.path))),
                Ok(count) => {
                    buffer = &mut buffer[count..];
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path)(error)),
            }
        }
        self.check(&file.metadata().map_err(Error::io("read", &self.path))?)
    }

    /// Compares length and modification time with those at opening.
    ///
    /// # Errors
    /// [`Error::Input`] if they differ, [`Error::Io`] if the metadata cannot be read.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        let metadata = match &self.handle {
            Some(file) => file.metadata(),
            None => fs::metadata(&self.path),
        };
        self.check(&metadata.map_err(Error::io("read", &self.path))?)
    }

    fn check(&self, metadata: &Metadata) -> Result<()> {
        let same = metadata.len() == self.length && metadata.modified().ok() == self.modified;
        if same { Ok(()) } else { Err(Error::changed(Place::from(&self.path))) }
    }
}

fn check_is_regular(path: &Path, metadata: &Metadata) -> Result<()> {
    let (found, expected) = if metadata.is_dir() {
        let texts = path.join("*.txt");
        let remedy = format!(
            "use a text file, or {}; for a folder of images, the list of file<TAB>text",
            texts.display()
        );
        ("is a directory", remedy)
    } else if !metadata.is_file() {
        let remedy = "save it to a file first, because the text is read more than once";
        ("is not a regular file", remedy.to_owned())
    } else {
        return Ok(());
    };
    Err(Error::wrong_kind(path, found, expected))
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
