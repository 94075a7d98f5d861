//! Where an input is at fault, and what is wrong there.

use std::fmt;
use std::path::Path;

/// Where an input is at fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, or what data in memory are called.
    pub source: String,
    /// From 1; for data in memory the number of the example. None for what has no lines.
    pub line: Option<u64>,
    /// The column or field, by name or number.
    pub field: Option<String>,
}

impl Place {
    /// A whole file, or all data of a name.
    pub fn of(source: impl fmt::Display) -> Self {
        Self { source: source.to_string(), line: None, field: None }
    }

    /// A line of it, from 1.
    #[must_use]
    pub fn line(self, line: impl Into<Option<u64>>) -> Self {
        Self { line: line.into(), ..self }
    }

    /// A line of it, from 1, with this place left as it is.
    #[cfg(feature = "formats")]
    pub(crate) fn at(&self, line: impl Into<Option<u64>>) -> Self {
        self.clone().line(line)
    }

    /// A field there.
    #[must_use]
    pub fn field(self, field: impl fmt::Display) -> Self {
        Self { field: Some(field.to_string()), ..self }
    }
}

/// A file, or what data in memory are called.
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

/// What is wrong with an input. The message follows its place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputProblem {
    /// It does not follow its format.
    #[error("{found}: {expected}")]
    Malformed {
        /// What stands there.
        found: String,
        /// What should, or what would help.
        expected: String,
    },
    /// A configuration or a header cannot be parsed.
    #[error("{message}")]
    Syntax {
        /// What the parser found, and what it expected.
        message: String,
    },
    /// A label that the model or the training set lacks.
    #[error(
        "has the label {label:?}, which is not among those learned ({}): correct it, or learn it too",
        shortened(known)
    )]
    UnknownLabel {
        /// As it stands there.
        label: String,
        /// The labels that are known.
        known: Vec<String>,
    },
    /// Something else where a number is needed.
    #[error("{value:?} is not a number: numbers are written like -20.7, with a comma from one to the next{hint}", value = excerpt(value))]
    NotANumber {
        /// As it stands there.
        value: String,
        /// What else would help, from the separator on; or empty.
        hint: &'static str,
    },
    /// An infinite number, or one too large for its type.
    #[error("{value:?} is too large or infinite: clip it, or leave it out", value = excerpt(value))]
    NonFinite {
        /// As it stands there.
        value: String,
    },
    /// Nothing, or a sign for it, where a number is needed.
    #[error("a value is missing ({value:?}): fill it in, or leave out what it belongs to")]
    MissingValue {
        /// As it stands there.
        value: String,
    },
    /// A column that is asked for and not there.
    #[error("no column is called {name:?}: there are {known}", known = excerpt(&quoted(known)))]
    MissingColumn {
        /// Its name.
        name: String,
        /// The names of those that are there.
        known: Vec<String>,
    },
    /// Two columns of one name.
    #[error("two columns are called {name:?}: give one another name", name = excerpt(name))]
    RepeatedColumn {
        /// Their name.
        name: String,
    },
    /// A note that a piano lacks.
    #[error("a piano has no note {note}: its notes are 21 to 108, 60 is middle C")]
    NoSuchNote {
        /// The MIDI number, or what stands in its place.
        note: String,
    },
    /// Values that do not fill their last row.
    #[error("has {values} values, which are no whole number of rows of {width}: complete the last row")]
    PartialRow {
        /// How many values there are.
        values: usize,
        /// Values of a row.
        width: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("is not UTF-8 (byte 0x{byte:02X} at offset {offset}): {remedy}")]
    Encoding {
        /// The first byte that is not.
        byte: u8,
        /// Where it is, in bytes from the start.
        offset: u64,
        /// What would help.
        remedy: &'static str,
    },
    /// Symbols that the vocabulary lacks.
    #[error("{message}")]
    UnknownSymbols {
        /// The symbols.
        symbols: Vec<String>,
        /// Which they are, and the remedy.
        message: String,
    },
    /// Frames, vectors or images of another size.
    #[error("has {found} {what}: {expected} are expected")]
    Size {
        /// What is counted: `features`, `pixels a side`.
        what: &'static str,
        /// As found.
        found: usize,
        /// As needed.
        expected: usize,
    },
    /// Data of another kind than the task learns from.
    #[error("{found}: {expected}")]
    WrongKind {
        /// What they are.
        found: String,
        /// What is needed.
        expected: String,
    },
    /// No data, or too little to train on or to read.
    #[error("{found}: {expected}")]
    TooLittle {
        /// How much there is.
        found: String,
        /// How much is needed, or what would help.
        expected: String,
    },
    /// It is not the file that was read at first.
    #[error("{message}")]
    Changed {
        /// How it differs, and the remedy.
        message: String,
    },
}

impl InputProblem {
    /// Something that does not follow its format.
    pub(crate) fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Self {
        InputProblem::Malformed { found: found.into(), expected: expected.into() }
    }

    /// Data of another kind than is needed.
    pub(crate) fn wrong_kind(found: impl Into<String>, expected: impl Into<String>) -> Self {
        InputProblem::WrongKind { found: found.into(), expected: expected.into() }
    }

    /// No data, or too little.
    pub(crate) fn too_little(found: impl Into<String>, expected: impl Into<String>) -> Self {
        InputProblem::TooLittle { found: found.into(), expected: expected.into() }
    }
}

/// As much of a field as a message can hold.
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

/// The first of some names.
fn shortened(names: &[String]) -> String {
    const MAX_SHOWN: usize = 20;
    let more = if names.len() > MAX_SHOWN { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(MAX_SHOWN)].join(", "))
}
