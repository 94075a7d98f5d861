//! Sequences of vectors as they come out of a file, whatever its format.

/// What a sequence of vectors is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Nothing: a sequence to predict for.
    None,
    /// One label for the whole sequence.
    One(String),
    /// One label a step: `[T]`.
    Each(Vec<String>),
}

/// One sequence of vectors with its labels. A reader gives at least one sequence, all of one width, each of at least
/// one step and of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameSequence {
    /// `[T, width]`, row-major: one vector after the other.
    pub values: Vec<f32>,
    /// Numbers a step, at least 1.
    pub width: usize,
    /// Its labels. Within one file all are of one kind.
    pub labels: Labels,
    /// Its identifier in the file or, where sequences have none, its number from 1.
    pub name: String,
    /// The line where it begins, from 1; none for formats without lines.
    pub line: Option<u64>,
}

impl FrameSequence {
    /// `T`.
    pub fn steps(&self) -> usize {
        self.values.len() / self.width
    }
}
