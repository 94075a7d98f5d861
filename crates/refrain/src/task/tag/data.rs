//! Sequences with a label per step, and rows of a batch.

use super::{Tag, TagCodec};
use crate::data::Example;
use crate::error::{Error, InputProblem, Result};
use crate::model::TaggerBatch;
use crate::task::{Digest, Record};

/// Maximum number of letters per word; of longer words, mostly addresses, the first and last half of it are read.
const MAX_LETTERS: usize = 40;

/// A sequence to be tagged.
#[derive(Clone, Debug, PartialEq)]
pub enum TagInput {
    /// The words of a sentence.
    Words(Vec<String>),
    /// Frames `[T, width]`.
    Frames {
        /// Row-major.
        values: Vec<f32>,
        /// Features of a frame.
        width: usize,
    },
}

/// The words of a sentence.
impl<W: Into<String>> From<Vec<W>> for TagInput {
    fn from(words: Vec<W>) -> Self {
        TagInput::Words(words.into_iter().map(Into::into).collect())
    }
}

impl TagInput {
    /// Number of words or frames.
    pub fn steps(&self) -> usize {
        match self {
            TagInput::Words(words) => words.len(),
            TagInput::Frames { values, width } => values.len() / width.max(&1),
        }
    }

    pub(super) fn width(&self) -> usize {
        match self {
            TagInput::Words(_) => 0,
            TagInput::Frames { width, .. } => *width,
        }
    }
}

impl TagInput {
    /// Frames, one vector per step.
    pub fn frames(frames: &[Vec<f32>]) -> Self {
        TagInput::Frames { values: frames.concat(), width: frames.first().map_or(0, Vec::len) }
    }
}

/// A sequence with a label for each of its steps.
#[derive(Clone, Debug, PartialEq)]
pub struct TaggedInput {
    /// Input.
    pub input: TagInput,
    /// Targets, one per step.
    pub labels: Vec<String>,
    /// Line of each word in its file, from 1; for frames at most the first line; empty for data in memory.
    pub lines: Vec<u64>,
}

/// The data of a tagger.
pub type Dataset = crate::task::Dataset<TaggedInput>;

impl Dataset {
    /// Sequences with a label for each of their steps.
    ///
    /// # Errors
    /// [`Error::Input`] if the number of rows of labels or of labels in a row is wrong.
    ///
    /// ```
    /// use refrain::task::tag::Dataset;
    ///
    /// let sentences = [vec!["she", "sees"], vec!["birds", "sing"]];
    /// let dataset = Dataset::new(sentences, [vec!["PRON", "VERB"], vec!["NOUN", "VERB"]])?;
    /// assert_eq!(dataset.len(), 2);
    /// # Ok::<(), refrain::Error>(())
    /// ```
    pub fn new<L: Into<String>>(
        inputs: impl IntoIterator<Item = impl Into<TagInput>>,
        labels: impl IntoIterator<Item = impl IntoIterator<Item = L>>,
    ) -> Result<Self> {
        let inputs: Vec<TagInput> = inputs.into_iter().map(Into::into).collect();
        let labels: Vec<Vec<String>> =
            labels.into_iter().map(|labels| labels.into_iter().map(Into::into).collect()).collect();
        if inputs.len() != labels.len() {
            let (found, expected) = (labels.len(), inputs.len());
            let problem = InputProblem::Size { what: "rows of labels", found, expected };
            return Err(Error::input("the data", problem));
        }
        let tagged = |(input, labels)| TaggedInput { input, labels, lines: vec![] };
        let dataset: Self = inputs.into_iter().zip(labels).map(tagged).collect();
        dataset.encode(|tagged| tagged.check().map_err(|problem| (None, problem)))?;
        Ok(dataset)
    }
}

impl TaggedInput {
    /// Rejects a number of labels other than the number of steps.
    fn check(&self) -> Result<(), InputProblem> {
        match (self.labels.len(), self.input.steps()) {
            (found, expected) if found != expected => {
                Err(InputProblem::Size { what: "labels", found, expected })
            }
            _ => Ok(()),
        }
    }
}

impl Record for TaggedInput {
    fn digest(&self, digest: &mut Digest) {
        self.labels.iter().for_each(|label| digest.add(label.as_bytes()));
        match &self.input {
            TagInput::Words(words) => words.iter().for_each(|word| digest.add(word.as_bytes())),
            TagInput::Frames { values, .. } => digest.add_numbers(values),
        }
    }

    fn key(&self) -> Option<String> {
        match &self.input {
            TagInput::Words(words) => Some(words.join(" ")),
            TagInput::Frames { .. } => None,
        }
    }

    fn step(&self, step: usize) -> Option<String> {
        match &self.input {
            TagInput::Words(words) => words.get(step).map(|word| format!("word {word:?}")),
            TagInput::Frames { .. } => Some(format!("frame {}", step + 1)),
        }
    }

    fn line(&self, step: usize) -> Option<u64> {
        self.lines.get(step).or(self.lines.first()).copied()
    }
}

/// An encoded sequence, with its labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagExample {
    pub(super) ids: Vec<u32>,
    /// Characters of each word; empty if the model does not read them.
    pub(super) spelled: Vec<Vec<u32>>,
    pub(super) frames: Vec<f32>,
    /// Features of a frame; 0 for words.
    pub(super) width: usize,
    /// One per step.
    pub(super) labels: Vec<u32>,
}

impl Example for TagExample {
    type Batch = TaggerBatch;

    fn steps(&self) -> (usize, usize) {
        (self.labels.len(), 0)
    }

    fn fill(examples: &[&Self], batch: &mut TaggerBatch) {
        batch.labels.set(1, examples.iter().map(|example| &example.labels[..]));
        match examples.first() {
            Some(first) if first.width > 0 => {
                batch.frames.set(first.width, examples.iter().map(|example| &example.frames[..]));
            }
            _ => batch.ids.set(1, examples.iter().map(|example| &example.ids[..])),
        }
        if examples.iter().any(|example| !example.spelled.is_empty()) {
            batch.spelled.set(examples.iter().map(|example| &example.spelled[..]));
        }
    }
}

impl Tag {
    /// Encodes a sequence, with label 0 for all steps.
    ///
    /// # Errors
    /// [`InputProblem`] for a sequence of the wrong kind, or without words or frames.
    pub(super) fn encode(&self, input: &TagInput) -> Result<TagExample, InputProblem> {
        let mut example = TagExample::default();
        match (&self.codec, input) {
            (TagCodec::Words { words, characters, .. }, TagInput::Words(sentence)) => {
                if sentence.is_empty() || sentence.iter().any(String::is_empty) {
                    return Err(InputProblem::too_little("has no words, or an empty one", "leave it out"));
                }
                example.ids = words.encode_words(sentence);
                if let Some(characters) = characters {
                    example.spelled = sentence.iter().map(|word| letters(characters.encode(word))).collect();
                }
            }
            (TagCodec::Frames(scaling), TagInput::Frames { values, width }) => {
                (example.frames, example.width) = (scaling.frames(values.clone(), *width)?, *width);
            }
            (TagCodec::Words { .. }, TagInput::Frames { .. }) => {
                return Err(InputProblem::wrong_kind("is a sequence of numbers", "the model reads words"));
            }
            (TagCodec::Frames(_), TagInput::Words(_)) => {
                let expected = "the model reads sequences of numbers";
                return Err(InputProblem::wrong_kind("is a sentence", expected));
            }
        }
        example.labels = vec![0; input.steps()];
        Ok(example)
    }

    /// Encodes labelled sequences.
    pub(super) fn examples(&self, dataset: &Dataset) -> Result<Vec<TagExample>> {
        dataset.encode(|tagged| {
            let label =
                |(at, label): (usize, &String)| self.labels.id(label).map_err(|problem| (Some(at), problem));
            let encoded = tagged.check().and_then(|()| self.encode(&tagged.input));
            let input = encoded.map_err(|problem| (None, problem))?;
            let labels = tagged.labels.iter().enumerate().map(label).collect::<Result<_, _>>()?;
            Ok(TagExample { labels, ..input })
        })
    }
}

/// The letters of a word, without the middle of a very long word.
fn letters(mut word: Vec<u32>) -> Vec<u32> {
    if word.len() > MAX_LETTERS {
        word.drain(MAX_LETTERS / 2..word.len() - MAX_LETTERS / 2);
    }
    word
}
