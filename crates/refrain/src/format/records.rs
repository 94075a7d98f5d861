//! Examples of any format: labelled texts, pairs, captions, sentences, vectors.

use std::path::PathBuf;

/// A text with its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledText {
    /// The class; not empty.
    pub label: String,
    /// The text; not empty.
    pub text: String,
    /// Its line in the file, from 1; for data in memory, its number.
    pub line: u64,
}

/// A source text with its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The source; not empty.
    pub source: String,
    /// The target; not empty.
    pub target: String,
    /// Its line in the file, from 1, if it comes from one.
    pub line: Option<u64>,
}

/// An image with its caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// The image's file.
    pub file: PathBuf,
    /// The caption; not empty.
    pub text: String,
    /// Its line in the file, from 1.
    pub line: u64,
}

/// A vector with its description.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedVector {
    /// `[F]`, at least one number, all finite.
    pub values: Vec<f32>,
    /// Its description; none if the field is empty or the file has no such column.
    pub text: Option<String>,
    /// Its line in the file, from 1; for data in memory, its number.
    pub line: u64,
}

/// A sentence with a tag for each word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedSentence {
    /// At least one, none of them empty.
    pub words: Vec<String>,
    /// As many as words, none of them empty; `_` is an ordinary tag.
    pub tags: Vec<String>,
    /// The line of each word in the file, from 1; empty for data in memory.
    pub lines: Vec<u64>,
}

/// A sentence without tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// At least one, none of them empty.
    pub words: Vec<String>,
    /// The line of the first word in the file, from 1.
    pub line: u64,
}
