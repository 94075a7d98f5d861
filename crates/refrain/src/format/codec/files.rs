//! Data files by their paths: the only place where they are opened. Each function reads a file, unpacked if its name ends
//! in `.gz`, and leaves the rest to the reader of its format, whose errors are its own beside [`Error::Io`].

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::captions::captions_of;
use super::conll::{tagged_of, tagged_or_written_of, untagged_of};
use super::extension::extension;
use super::labelled::labelled_of;
use super::midi::{MidiPiece, midi_of};
use super::npz::npz_of;
use super::pairs::pairs_of;
use super::rolls::rolls_of;
use super::series_table::series_of;
use super::sniff::{HEAD, IMAGES, MIDI, form_of_bytes, form_of_name};
use super::table::table_of;
use super::ts::ts_of;
use super::vectors::vectors_of;
use crate::format::column::Columns;
use crate::format::form::{Form, Guess};
use crate::format::frames::FrameSequence;
use crate::format::records::{Caption, DescribedVector, LabelledText, Pair, Sentence, TaggedSentence};
use crate::format::roll::{RollParts, StepsPerQuarter};
use crate::format::series::Series;
use crate::format::text::text_of;
use crate::{Error, Place, Result};

/// The bytes of a file, unpacked if its name ends in `.gz`.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Input`] if it is no gzip file for all its name.
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

/// [`text_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`text_of`].
pub fn read_text(path: &Path) -> Result<String> {
    text_of(path, &*read_bytes(path)?)
}

/// [`labelled_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`labelled_of`].
pub fn read_labelled(path: &Path) -> Result<Vec<LabelledText>> {
    labelled_of(path, &*read_bytes(path)?)
}

/// [`pairs_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`pairs_of`].
pub fn read_pairs(path: &Path) -> Result<Vec<Pair>> {
    pairs_of(path, &*read_bytes(path)?)
}

/// [`captions_of`] a file, the names of images being relative to `folder`.
///
/// # Errors
/// As [`read_bytes`] and [`captions_of`]; [`Error::Input`] for an image that is not there.
pub fn read_captions(path: &Path, folder: &Path) -> Result<Vec<Caption>> {
    let captions = captions_of(path, &*read_bytes(path)?)?.into_iter().map(|caption| {
        let file = folder.join(&caption.file);
        if !file.is_file() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let found = format!("there is no file {:?} in {}", caption.file, folder.display());
            let remedy = "correct the name, or name the folder of the images";
            return Err(Error::malformed(Place::from(path).line(caption.line), found, remedy));
        }
        Ok(Caption { file, ..caption })
    });
    captions.collect()
}

/// [`tagged_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`tagged_of`].
pub fn read_tagged(path: &Path, columns: &Columns) -> Result<Vec<TaggedSentence>> {
    tagged_of(path, &*read_bytes(path)?, columns)
}

/// The same of a file that may also be what a tagger has written: of two columns, whichever it learned from.
///
/// # Errors
/// As [`read_tagged`].
pub(crate) fn read_tagged_or_written(path: &Path, columns: &Columns) -> Result<Vec<TaggedSentence>> {
    tagged_or_written_of(path, &*read_bytes(path)?, columns)
}

/// [`untagged_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`untagged_of`].
pub fn read_untagged(path: &Path, columns: &Columns, known: &[String]) -> Result<Vec<Sentence>> {
    untagged_of(path, &*read_bytes(path)?, columns, known)
}

/// [`ts_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`ts_of`].
pub fn read_ts(path: &Path) -> Result<Vec<FrameSequence>> {
    ts_of(path, &*read_bytes(path)?)
}

/// [`table_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`table_of`].
pub fn read_table(path: &Path) -> Result<Vec<FrameSequence>> {
    table_of(path, &*read_bytes(path)?)
}

/// [`npz_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`npz_of`].
pub fn read_npz(path: &Path) -> Result<Vec<FrameSequence>> {
    npz_of(path, &*read_bytes(path)?)
}

/// [`series_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`series_of`].
pub fn read_series(path: &Path, columns: &[String]) -> Result<Series> {
    series_of(path, &*read_bytes(path)?, columns)
}

/// [`vectors_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`vectors_of`].
pub fn read_vectors(path: &Path, width: Option<usize>) -> Result<Vec<DescribedVector>> {
    vectors_of(path, &*read_bytes(path)?, width)
}

/// [`rolls_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`rolls_of`].
pub fn read_rolls(path: &Path) -> Result<RollParts> {
    rolls_of(path, &*read_bytes(path)?)
}

/// [`midi_of`] a file.
///
/// # Errors
/// As [`read_bytes`] and [`midi_of`].
pub fn read_midi(path: &Path, steps: StepsPerQuarter) -> Result<MidiPiece> {
    midi_of(path, &*read_bytes(path)?, steps)
}

/// Reads every file of a folder that ends in `.mid` or `.midi`, by the order of their names; hidden files and folders
/// in it are passed over.
///
/// # Errors
/// [`Error::Io`], [`Error::Input`] for a folder without such a file, and those of the first file that has any.
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
        return Err(Error::too_little(folder, found, "name a folder that has some"));
    }
    paths.sort_unstable();
    let read = |path: PathBuf| read_midi(&path, steps).map(|piece| (path, piece));
    paths.into_iter().map(read).collect()
}

/// [`pixels_of`](crate::format::pixels_of) a file, whatever it is called.
///
/// # Errors
/// As [`read_bytes`] and [`pixels_of`](crate::format::pixels_of).
#[cfg(feature = "pictures")]
pub fn read_image(path: &Path, size: Option<(usize, usize)>) -> Result<crate::format::Pixels> {
    crate::format::pixels_of(path, &*read_bytes(path)?, size)
}

/// What the file or folder at `path` looks like: of a file, [`form_of_bytes`].
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Input`] if it is empty, a single image or MIDI file, or a folder
/// without any.
pub fn form_of(path: &Path) -> Result<Guess> {
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    if metadata.is_dir() {
        return folder(path);
    }
    if !metadata.is_file() {
        let expected = "write what it gives into a file";
        return Err(Error::wrong_kind(path, "is neither a file nor a folder", expected));
    }
    let name = path.to_string_lossy();
    match form_of_name(&name)? {
        Some(guess) => Ok(guess),
        None => form_of_bytes(&name, &read_head(path, HEAD as u64)?),
    }
}

/// How deep a folder's files may lie: one folder a class, one a split, as is usual.
const DEPTH: usize = 2;

fn folder(path: &Path) -> Result<Guess> {
    let (mut images, mut midi) = (0, 0);
    let mut folders = vec![(path.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let extension = extension(&path.to_string_lossy());
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                continue;
            } else if path.is_dir() {
                folders.extend((depth < DEPTH).then_some((path, depth + 1)));
            } else {
                images += usize::from(IMAGES.contains(&extension.as_str()));
                midi += usize::from(MIDI.contains(&extension.as_str()));
            }
        }
    }
    match images.max(midi) {
        0 => {
            let found = "is a folder with neither images (.png, .jpg) nor MIDI files (.mid, .midi) in it";
            let expected = format!("name files, {}/*.txt for instance", path.display());
            Err(Error::wrong_kind(path, found, expected))
        }
        _ if images >= midi => Ok(Guess::new(Form::ImageFolder, format!("it holds images: {images}"))),
        _ => Ok(Guess::new(Form::MidiFolder, format!("it holds MIDI files: {midi}"))),
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod form_tests;

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
