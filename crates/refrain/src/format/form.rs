//! What a data file looks like, for those who do not say.

use std::fmt;
use std::fs;
use std::path::Path;

use super::sniff::sniff;
use super::text::{extension, read_head};
use crate::{Error, Result};

/// What a file or a folder of data can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Lines `label<TAB>text`.
    LabelledText,
    /// Lines `source<TAB>target`.
    Pairs,
    /// Lines `file<TAB>text` about images.
    Captions,
    /// Tagged words in columns, sentences apart by blank lines.
    Conll,
    /// The ten columns of Universal Dependencies.
    Conllu,
    /// Labelled time series, `.ts`.
    TimeSeries,
    /// A CSV table of labelled sequences, one step a row.
    LongTable,
    /// A CSV table of one series with columns of numbers.
    Series,
    /// Piano rolls in JSON, split into `train`, `valid` and `test`.
    Rolls,
    /// Arrays of NumPy, `.npz`.
    Npz,
    /// A folder of images.
    ImageFolder,
    /// A folder of MIDI files.
    MidiFolder,
    /// Any other text.
    Text,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::LabelledText => "labelled texts",
            Form::Pairs => "pairs of texts",
            Form::Captions => "captions of images",
            Form::Conll => "tagged sentences (CoNLL)",
            Form::Conllu => "tagged sentences (CoNLL-U)",
            Form::TimeSeries => "labelled time series",
            Form::LongTable => "a table of labelled sequences",
            Form::Series => "a series of numbers",
            Form::Rolls => "piano rolls",
            Form::Npz => "NumPy arrays",
            Form::ImageFolder => "a folder of images",
            Form::MidiFolder => "a folder of MIDI files",
            Form::Text => "text",
        })
    }
}

/// What data looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The form that the rest of the library should read it as.
    pub form: Form,
    /// Why, for people: the end of a sentence that says so, as in "its name ends in .npz".
    pub why: String,
}

impl Guess {
    pub(super) fn new(form: Form, why: impl Into<String>) -> Self {
        Self { form, why: why.into() }
    }
}

/// How much of a file is looked at, in bytes.
const HEAD: u64 = 1 << 20;

/// What the file or folder at `path` looks like, by its name and its first mebibyte. What is malformed is still
/// recognized if most of it is not, so that its own reader can say what is wrong.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Data`] if it is empty, a single image or MIDI file, or a folder
/// without any.
pub fn form_of(path: &Path) -> Result<Guess> {
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    if metadata.is_dir() {
        return folder(path);
    }
    if !metadata.is_file() {
        let message = "is neither a file nor a folder: write what it gives into a file";
        return Err(Error::data(path, None, message));
    }
    let extension = extension(path);
    let form = match extension.as_str() {
        "conllu" => Form::Conllu,
        "ts" => Form::TimeSeries,
        "npz" => Form::Npz,
        of if IMAGES.contains(&of) => return Err(single(path, "image")),
        of if MIDI.contains(&of) => return Err(single(path, "MIDI file")),
        _ => return sniff(path, &head(path)?),
    };
    Ok(Guess::new(form, format!("its name ends in .{extension}")))
}

/// The first lines of a file; a file of one line longer than that, as far as it goes. What is not UTF-8 is replaced:
/// readers say so with its line.
fn head(path: &Path) -> Result<String> {
    let mut bytes = read_head(path, HEAD)?;
    if bytes.len() as u64 == HEAD {
        let lines = bytes.iter().rposition(|&byte| byte == b'\n').map(|end| end + 1);
        let characters = || match std::str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => bytes.len(),
        };
        bytes.truncate(lines.unwrap_or_else(characters));
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// What the names of images end in.
pub(super) const IMAGES: [&str; 3] = ["png", "jpg", "jpeg"];
const MIDI: [&str; 2] = ["mid", "midi"];

fn single(path: &Path, what: &str) -> Error {
    Error::data(path, None, format!("is a single {what}: name the folder that it lies in"))
}

/// How deep a folder's files may lie: one folder a class, one a split, as is usual.
const DEPTH: usize = 2;

fn folder(path: &Path) -> Result<Guess> {
    let (mut images, mut midi) = (0, 0);
    let mut folders = vec![(path.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let extension = extension(&path);
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
        0 => Err(Error::data(
            path,
            None,
            format!(
                "is a folder with neither images (.png, .jpg) nor MIDI files (.mid, .midi) in it: name files, {}/*.txt for instance",
                path.display()
            ),
        )),
        _ if images >= midi => Ok(Guess::new(Form::ImageFolder, format!("it holds images: {images}"))),
        _ => Ok(Guess::new(Form::MidiFolder, format!("it holds MIDI files: {midi}"))),
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
