//! The data formats.

use std::fmt;

/// Format of a file or a folder of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
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

/// A detected format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The format, which determines the reader.
    pub form: Form,
    /// The reason, in words: "its name ends in .npz".
    pub why: String,
}
