//! Notes on how data were read: not errors, but worth checking.

use std::fmt;

use crate::number::thousands;

/// A note on how data were read. It is displayed as a sentence with settings between backticks, as in
/// [`Error`](crate::Error).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Bytes of a text were dropped; the setting `raw` keeps them.
    Normalised {
        /// The name of the text.
        source: String,
        /// Whether a leading byte-order mark was dropped.
        dropped_mark: bool,
        /// Number of CRLF line endings that were read as LF.
        converted_line_endings: u64,
    },
    /// A text that is followed by another does not end with a newline.
    RunsOn {
        /// The name of the text.
        source: String,
    },
    /// A setting that was not given was derived from the data.
    Chosen {
        /// The setting.
        setting: &'static str,
        /// The chosen value, and the reason.
        choice: String,
    },
    /// Musical notes were dropped.
    LeftOut {
        /// The file or folder.
        source: String,
        /// Number of notes.
        count: usize,
        /// Which notes, and the remedy.
        what: String,
    },
    /// A column of a series is forecast on another scale.
    Transformed {
        /// The column.
        column: String,
        /// The scale: `logarithms`.
        scale: String,
    },
    /// Long lines are split.
    LongLines {
        /// Number of lines.
        count: u64,
        /// Maximum number of tokens of a part.
        limit: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Normalised { source, dropped_mark, converted_line_endings } => {
                let mark = dropped_mark.then(|| "dropped a leading byte-order mark".to_owned());
                let ends = match converted_line_endings {
                    0 => None,
                    1 => Some("read 1 CRLF line ending as LF".to_owned()),
                    count => Some(format!("read {} CRLF line endings as LF", thousands(*count))),
                };
                let changes: Vec<String> = mark.into_iter().chain(ends).collect();
                write!(f, "{source}: {} (use `raw` to keep every byte)", changes.join("; "))
            }
            Note::RunsOn { source } => {
                write!(f, "{source}: does not end with a newline: its last line continues in the next file")
            }
            Note::Chosen { setting, choice } => write!(f, "{choice} (`{setting}` changes this)"),
            Note::LeftOut { source, count, what } => write!(f, "{source}: left out {count} notes {what}"),
            Note::Transformed { column, scale } => {
                write!(f, "{column} is forecast in {scale}: its variance grows with its level")
            }
            Note::LongLines { count, limit } => {
                let (lines, are) = if *count == 1 { ("line is", "is") } else { ("lines are", "are") };
                let (count, limit) = (thousands(*count), thousands(*limit as u64));
                write!(f, "{count} {lines} longer than {limit} tokens and {are} split")
            }
        }
    }
}
