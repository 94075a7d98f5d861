//! Examples as they stand in files, whatever their format: texts with labels, pairs, captions, sentences, vectors.

use std::path::PathBuf;

/// A text and the class that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledText {
    /// The class; not empty.
    pub label: String,
    /// The text; not empty.
    pub text: String,
    /// Where it stands in its file, from 1; of data in memory, its number.
    pub line: u64,
}

/// A text and what it is to be turned into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What is read; not empty.
    pub source: String,
    /// What is to be written; not empty.
    pub target: String,
    /// Where the pair stands in its file, from 1, if it comes from one.
    pub line: Option<u64>,
}

/// An image and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// The image's file.
    pub file: PathBuf,
    /// What it shows; not empty.
    pub text: String,
    /// Where the caption stands in its file, from 1.
    pub line: u64,
}

/// A vector and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedVector {
    /// `[F]`, at least one number, all finite.
    pub values: Vec<f32>,
    /// Its description; none if its field is empty or the file has no such column.
    pub text: Option<String>,
    /// Where it stands in the file, from 1; of data in memory, its number.
    pub line: u64,
}

/// A sentence and a tag for each of its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedSentence {
    /// At least one, none of them empty.
    pub words: Vec<String>,
    /// As many as words, none of them empty; `_` is a tag like any other.
    pub tags: Vec<String>,
    /// Where each word stands in its file, from 1; empty for data in memory.
    pub lines: Vec<u64>,
}

/// A sentence by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// At least one, none of them empty.
    pub words: Vec<String>,
    /// Where the first word stands in its file, from 1.
    pub line: u64,
}
