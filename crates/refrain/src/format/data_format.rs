//! The data formats.

use std::fmt;

/// Format of a file or a folder of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataFormat {
    /// Lines `label<TAB>text`.
    LabelledText,
    /// Lines `source<TAB>target`.
    Pairs,
    /// Lines `file<TAB>text` about images.
    Captions,
    /// Tagged words in columns, with blank lines between sentences.
    Conll,
    /// The ten columns of Universal Dependencies.
    Conllu,
    /// Labelled time series, `.ts`.
    TimeSeries,
    /// A CSV table of labelled sequences, one step per row.
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

impl fmt::Display for DataFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DataFormat::LabelledText => "labelled texts",
            DataFormat::Pairs => "pairs of texts",
            DataFormat::Captions => "captions of images",
            DataFormat::Conll => "tagged sentences (CoNLL)",
            DataFormat::Conllu => "tagged sentences (CoNLL-U)",
            DataFormat::TimeSeries => "labelled time series",
            DataFormat::LongTable => "a table of labelled sequences",
            DataFormat::Series => "a series of numbers",
            DataFormat::Rolls => "piano rolls",
            DataFormat::Npz => "NumPy arrays",
            DataFormat::ImageFolder => "a folder of images",
            DataFormat::MidiFolder => "a folder of MIDI files",
            DataFormat::Text => "text",
        })
    }
}

/// A detected format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectedFormat {
    /// The format, which determines the reader.
    pub format: DataFormat,
    /// The reason, in words: "its name ends in .npz".
    pub why: String,
}
