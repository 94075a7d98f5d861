//! Reads data files by path, unpacking those whose name ends in `.gz`; no other module opens data files. The reader of
//! each format returns its own errors in addition to [`Error::Io`].

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::captions::captions_of;
use super::detect::{HEAD, IMAGES, MIDI, detect_format_of_bytes, format_of_extension};
use super::midi::{MidiPiece, midi_of};
use super::rolls::rolls_of;
use super::rows::extension;
use crate::format::data_format::{DataFormat, DetectedFormat};
use crate::format::records::Caption;
use crate::format::roll::{RollParts, StepsPerQuarter};
use crate::format::text::text_of;
use crate::{Error, Place, Result};

/// The bytes of a file, unpacked if its name ends in `.gz`.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Input`] if its name ends in `.gz` but it is not a gzip file.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    read_head(path, u64::MAX)
}

/// The first `limit` bytes of a file, unpacked if its name ends in `.gz`; fewer if it has no more.
fn read_head(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = vec![];
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
        MultiGzDecoder::new(file).take(limit).read_to_end(&mut bytes).map_err(|error| {
            let found = format!("cannot be unpacked ({error})");
            Error::malformed(path, found, "use another copy, or unpack it yourself")
        })?;
    } else {
        file.take(limit).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    }
    Ok(bytes)
}

/// Reads a file with the reader of its format: `read(path, labelled_of)`, or with further arguments
/// `read(path, |place, input| series_of(place, input, &columns))`.
///
/// # Errors
/// As [`read_bytes`], and those of the reader.
pub fn read<'p, T>(path: &'p Path, reader: impl FnOnce(&'p Path, Cursor<Vec<u8>>) -> Result<T>) -> Result<T> {
    reader(path, Cursor::new(read_bytes(path)?))
}

/// [`text_of`] for a file.
///
/// # Errors
/// As [`read_bytes`] and [`text_of`].
pub fn read_text(path: &Path) -> Result<String> {
    read(path, text_of)
}

/// [`captions_of`] for a file, with the names of images relative to `folder`.
///
/// # Errors
/// As [`read_bytes`] and [`captions_of`]; [`Error::Input`] for an image that does not exist.
pub fn read_captions(path: &Path, folder: &Path) -> Result<Vec<Caption>> {
    let captions = read(path, captions_of)?.into_iter().map(|caption| {
        let file = folder.join(&caption.file);
        if !file.is_file() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let found = format!("there is no file {:?} in {}", caption.file, folder.display());
            let remedy = "correct the name, or give the folder of the images";
            return Err(Error::malformed(Place::from(path).line(caption.line), found, remedy));
        }
        Ok(Caption { file, ..caption })
    });
    captions.collect()
}

/// [`rolls_of`] for a file.
///
/// # Errors
/// As [`read_bytes`] and [`rolls_of`].
pub fn read_rolls(path: &Path) -> Result<RollParts> {
    read(path, rolls_of)
}

/// [`midi_of`] for a file.
///
/// # Errors
/// As [`read_bytes`] and [`midi_of`].
pub fn read_midi(path: &Path, steps: StepsPerQuarter) -> Result<MidiPiece> {
    read(path, |place, input| midi_of(place, input, steps))
}

/// Reads all `.mid` and `.midi` files of a folder in the order of their names; hidden files and folders in it are
/// skipped.
///
/// # Errors
/// [`Error::Io`], [`Error::Input`] for a folder without such a file, and the error of the first invalid file.
pub fn read_midi_folder(folder: &Path, steps: StepsPerQuarter) -> Result<Vec<(PathBuf, MidiPiece)>> {
    let entries = folder.read_dir().and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = entries.map_err(Error::io("read", folder))?;
    paths.retain(|path| {
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let midi = |ending: &std::ffi::OsStr| MIDI.iter().any(|midi| ending.eq_ignore_ascii_case(midi));
        !hidden && path.extension().is_some_and(midi) && !path.is_dir()
    });
    if paths.is_empty() {
        let found = "has no file that ends in .mid or .midi";
        return Err(Error::too_little(folder, found, "give a folder that contains some"));
    }
    paths.sort_unstable();
    let read = |path: PathBuf| read_midi(&path, steps).map(|piece| (path, piece));
    paths.into_iter().map(read).collect()
}

/// [`pixels_of`](crate::format::pixels_of) for a file of any name.
///
/// # Errors
/// As [`read_bytes`] and [`pixels_of`](crate::format::pixels_of).
#[cfg(feature = "pictures")]
pub fn read_image(path: &Path, size: Option<(usize, usize)>) -> Result<crate::format::Pixels> {
    read(path, |place, input| crate::format::pixels_of(place, input, size))
}

/// Detects the format of the file or folder at `path`; for files as [`detect_format_of_bytes`].
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Input`] if it is empty, a single image or MIDI file, or a folder
/// without any.
pub fn detect_format(path: &Path) -> Result<DetectedFormat> {
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    if metadata.is_dir() {
        return folder(path);
    }
    if !metadata.is_file() {
        let expected = "save its data to a file first";
        return Err(Error::wrong_kind(path, "is neither a file nor a folder", expected));
    }
    let name = path.to_string_lossy();
    match format_of_extension(&name)? {
        Some(detected) => Ok(detected),
        None => detect_format_of_bytes(&name, &read_head(path, HEAD as u64)?),
    }
}

/// Maximum depth of files in a folder: usually one folder per class, one per split.
const MAX_DEPTH: usize = 2;

fn folder(path: &Path) -> Result<DetectedFormat> {
    let (mut images, mut midi) = (0, 0);
    let mut folders = vec![(path.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let extension = extension(&path.to_string_lossy());
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                continue;
            } else if path.is_dir() {
                folders.extend((depth < MAX_DEPTH).then_some((path, depth + 1)));
            } else {
                images += usize::from(IMAGES.contains(&extension.as_str()));
                midi += usize::from(MIDI.contains(&extension.as_str()));
            }
        }
    }
    match images.max(midi) {
        0 => {
            let found = "is a folder with neither images (.png, .jpg) nor MIDI files (.mid, .midi) in it";
            let expected = format!("give files, such as {}/*.txt", path.display());
            Err(Error::wrong_kind(path, found, expected))
        }
        _ if images >= midi => {
            Ok(DetectedFormat::new(DataFormat::ImageFolder, format!("it contains {images} images")))
        }
        _ => Ok(DetectedFormat::new(DataFormat::MidiFolder, format!("it contains {midi} MIDI files"))),
    }
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod detect_tests;

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
