//! The place of an error in an input, and the problem there.

use std::fmt;
use std::path::Path;

/// The place of an error in an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, or the name of data in memory.
    pub source: String,
    /// From 1; for data in memory the number of the example. None for inputs without lines.
    pub line: Option<u64>,
    /// The column or field, by name or number.
    pub field: Option<String>,
}

impl Place {
    /// A whole file, or all data of a name.
    pub fn of(source: impl fmt::Display) -> Self {
        Self { source: source.to_string(), line: None, field: None }
    }

    /// A line of this place, from 1.
    #[must_use]
    pub fn line(self, line: impl Into<Option<u64>>) -> Self {
        Self { line: line.into(), ..self }
    }

    /// A line of this place, from 1, by reference.
    #[cfg(feature = "formats")]
    pub(crate) fn at(&self, line: impl Into<Option<u64>>) -> Self {
        self.clone().line(line)
    }

    /// A field of this place.
    #[must_use]
    pub fn field(self, field: impl fmt::Display) -> Self {
        Self { field: Some(field.to_string()), ..self }
    }
}

/// A file, or the name of data in memory.
impl<N: AsRef<Path> + ?Sized> From<&N> for Place {
    fn from(name: &N) -> Self {
        Place::of(name.as_ref().display())
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}

impl From<String> for Place {
    fn from(source: String) -> Self {
        Place { source, line: None, field: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ", {field}")?;
        }
        Ok(())
    }
}

/// What is wrong with an input. The message follows the place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputProblem {
    /// It violates its format.
    #[error("{found}: {expected}")]
    Malformed {
        /// The actual content.
        found: String,
        /// The expected content, or the remedy.
        expected: String,
    },
    /// A configuration or a header cannot be parsed.
    #[error("{message}")]
    Syntax {
        /// What the parser found, and what it expected.
        message: String,
    },
    /// A label that is not in the training set.
    #[error(
        "has the label {label:?}, which is not in the training set (labels: {}): correct it, or add it to the training set",
        shortened(known)
    )]
    UnknownLabel {
        /// The label in the file.
        label: String,
        /// The labels of the training set.
        known: Vec<String>,
    },
    /// A value that is not a number where a number is expected.
    #[error("{value:?} is not a number: write numbers like -20.7, separated by commas{hint}", value = excerpt(value))]
    NotANumber {
        /// The value in the file.
        value: String,
        /// A further remedy, starting with a separator; or empty.
        hint: &'static str,
    },
    /// An infinite number, or one too large for its type.
    #[error("{value:?} is too large or infinite: clip it, or remove it", value = excerpt(value))]
    NonFinite {
        /// The value in the file.
        value: String,
    },
    /// An empty value, or a symbol for a missing one, where a number is expected.
    #[error("a value is missing ({value:?}): fill it in, or remove its row or sequence")]
    MissingValue {
        /// The value in the file.
        value: String,
    },
    /// A requested column that does not exist.
    #[error("there is no column {name:?}: the columns are {known}", known = excerpt(&quoted(known)))]
    MissingColumn {
        /// Its name.
        name: String,
        /// The names of the existing columns.
        known: Vec<String>,
    },
    /// Two columns with the same name.
    #[error("two columns are named {name:?}: rename one of them", name = excerpt(name))]
    RepeatedColumn {
        /// Their name.
        name: String,
    },
    /// A note outside the range of a piano.
    #[error("{note} is not a note of a piano: give a MIDI note from 21 to 108 (60 is middle C)")]
    NoSuchNote {
        /// The MIDI number, or the value in its place.
        note: String,
    },
    /// Values that do not fill the last row.
    #[error(
        "has {values} values, which is not a multiple of {width}, the length of a row: complete the last row"
    )]
    PartialRow {
        /// Number of values.
        values: usize,
        /// Values per row.
        width: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("is not UTF-8 (byte 0x{byte:02X} at offset {offset}): {remedy}")]
    Encoding {
        /// The first invalid byte.
        byte: u8,
        /// Its offset in bytes.
        offset: u64,
        /// The remedy.
        remedy: &'static str,
    },
    /// Symbols that are not in the vocabulary.
    #[error("{message}")]
    UnknownSymbols {
        /// The symbols.
        symbols: Vec<String>,
        /// The symbols in words, and the remedy.
        message: String,
    },
    /// Frames, vectors or images of the wrong size.
    #[error("has {found} {what}, expected {expected}")]
    Size {
        /// The quantity: `features`, `columns`.
        what: &'static str,
        /// The actual number.
        found: usize,
        /// The expected number.
        expected: usize,
    },
    /// Data of another kind than the task needs.
    #[error("{found}: {expected}")]
    WrongKind {
        /// The actual kind.
        found: String,
        /// The expected kind.
        expected: String,
    },
    /// No data, or not enough to train on or to read.
    #[error("{found}: {expected}")]
    TooLittle {
        /// The actual amount.
        found: String,
        /// The required amount, or the remedy.
        expected: String,
    },
    /// The file has changed since it was first read.
    #[error("{message}")]
    Changed {
        /// The difference, and the remedy.
        message: String,
    },
}

impl InputProblem {
    /// An input that violates its format.
    pub(crate) fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Self {
        InputProblem::Malformed { found: found.into(), expected: expected.into() }
    }

    /// Data of another kind than needed.
    pub(crate) fn wrong_kind(found: impl Into<String>, expected: impl Into<String>) -> Self {
        InputProblem::WrongKind { found: found.into(), expected: expected.into() }
    }

    /// No data, or not enough.
    pub(crate) fn too_little(found: impl Into<String>, expected: impl Into<String>) -> Self {
        InputProblem::TooLittle { found: found.into(), expected: expected.into() }
    }
}

/// The beginning of a field, short enough for a message.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 40;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Names in quotation marks.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

/// The first of these names.
fn shortened(names: &[String]) -> String {
    const MAX_SHOWN: usize = 20;
    let more = if names.len() > MAX_SHOWN { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(MAX_SHOWN)].join(", "))
}
