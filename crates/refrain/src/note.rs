//! What a user should know about how data were read: not wrong, but perhaps not what was meant.

use std::fmt;

use crate::number::thousands;

/// A note on how data were read. Displayed it is a sentence, in which a setting stands between backticks as in
/// [`Error`](crate::Error).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Bytes of a text were left out; the setting `raw` keeps them.
    Normalised {
        /// What the text is called.
        source: String,
        /// Whether a leading byte-order mark was dropped.
        dropped_mark: bool,
        /// How many CRLF line ends were read as LF.
        joined_line_ends: u64,
    },
    /// A text of several has no line end at its end.
    RunsOn {
        /// What the text is called.
        source: String,
    },
    /// A setting that was not given has a value that follows from the data.
    Chosen {
        /// The setting.
        setting: &'static str,
        /// What was chosen, and why.
        choice: String,
    },
    /// Events of music were left out.
    LeftOut {
        /// The file or folder.
        source: String,
        /// How many.
        count: usize,
        /// Which, and what would keep them.
        what: String,
    },
    /// A column of a series is forecast on another scale.
    Transformed {
        /// The column.
        column: String,
        /// The scale: `logarithms`.
        scale: String,
    },
    /// Lines are read in pieces.
    LongLines {
        /// How many.
        count: u64,
        /// The most symbols of a piece.
        limit: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Normalised { source, dropped_mark, joined_line_ends } => {
                let mark = dropped_mark.then(|| "dropped a leading byte-order mark".to_owned());
                let ends = match joined_line_ends {
                    0 => None,
                    1 => Some("read 1 CRLF line end as LF".to_owned()),
                    count => Some(format!("read {} CRLF line ends as LF", thousands(*count))),
                };
                let changes: Vec<String> = mark.into_iter().chain(ends).collect();
                write!(f, "{source}: {} (use `raw` to keep every byte)", changes.join("; "))
            }
            Note::RunsOn { source } => {
                write!(f, "{source}: has no line end at its end, so its last line runs on into the next file")
            }
            Note::Chosen { setting, choice } => write!(f, "{choice} (`{setting}` chooses otherwise)"),
            Note::LeftOut { source, count, what } => write!(f, "{source}: left out {count} notes {what}"),
            Note::Transformed { column, scale } => {
                write!(f, "{column} is taken in {scale}: it varies more where it is higher")
            }
            Note::LongLines { count, limit } => {
                let (lines, are) = if *count == 1 { ("line is", "is") } else { ("lines are", "are") };
                let (count, limit) = (thousands(*count), thousands(*limit as u64));
                write!(f, "{count} {lines} longer than {limit} symbols and {are} read in pieces")
            }
        }
    }
}
