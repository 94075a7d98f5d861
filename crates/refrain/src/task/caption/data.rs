//! Vectors and images with their texts: values, and what a network reads of them.

use serde::{Deserialize, Serialize};

use super::Caption;
use super::batches::CaptionExample;
use crate::error::{InputProblem, Result};
use crate::format::Pixels;
use crate::task::{Digest, Record, Scaling};

/// How input becomes numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputCodec {
    /// A vector, each number less its mean and over its deviation.
    Vector(Scaling),
    /// An image, brought to a square; of each colour what it lacks to white, so that a white ground is zero.
    Image {
        /// Pixels a side.
        side: usize,
    },
}

/// What a text is written for.
#[derive(Clone, Debug, PartialEq)]
pub enum CaptionInput {
    /// A vector.
    Vector(Vec<f32>),
    /// An image of any size.
    Image(Pixels),
}

impl From<Vec<f32>> for CaptionInput {
    fn from(vector: Vec<f32>) -> Self {
        CaptionInput::Vector(vector)
    }
}

impl From<Pixels> for CaptionInput {
    fn from(image: Pixels) -> Self {
        CaptionInput::Image(image)
    }
}

/// A vector or an image with a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Captioning {
    /// What is read.
    pub input: CaptionInput,
    /// What is to be written; not empty.
    pub text: String,
    /// What identifies an image of which there may be several texts: its file.
    pub image: Option<String>,
    /// Where it stands in its file, from 1, if it comes from one.
    pub line: Option<u64>,
}

/// What a captioner is trained on.
///
/// ```
/// use refrain::task::caption::Dataset;
///
/// let colours = [(vec![1.0, 0.0, 0.0], "red"), (vec![0.0, 0.0, 1.0], "blue")];
/// assert_eq!(colours.into_iter().collect::<Dataset>().len(), 2);
/// ```
pub type Dataset = crate::task::Dataset<Captioning>;

impl<I: Into<CaptionInput>, T: Into<String>> From<(I, T)> for Captioning {
    fn from((input, text): (I, T)) -> Self {
        Self { input: input.into(), text: text.into(), image: None, line: None }
    }
}

impl Record for Captioning {
    fn digest(&self, digest: &mut Digest) {
        digest.add(self.text.as_bytes());
        let bytes: Vec<u8> = match &self.input {
            CaptionInput::Vector(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            CaptionInput::Image(pixels) => {
                pixels.values.iter().flat_map(|x| (1.0 - x).to_le_bytes()).collect()
            }
        };
        digest.add(&bytes);
    }

    fn key(&self) -> Option<String> {
        self.image.clone()
    }

    fn line(&self, _step: usize) -> Option<u64> {
        self.line
    }
}

impl Caption {
    /// An input in numbers, `[F]`: a vector on the scale of the training set, an image brought to the model's size.
    ///
    /// # Errors
    /// [`InputProblem`] for a vector of another size, an image without three values a pixel, and where the model reads the
    /// other kind.
    pub fn numbers(&self, input: CaptionInput) -> Result<Vec<f32>, InputProblem> {
        match (&self.codec, input) {
            (InputCodec::Vector(scaling), CaptionInput::Vector(mut values)) => {
                let (found, expected) = (values.len(), scaling.means.len());
                if found != expected {
                    return Err(InputProblem::Size { what: "numbers", found, expected });
                }
                scaling.apply(&mut values);
                Ok(values)
            }
            (InputCodec::Image { side }, CaptionInput::Image(image)) => {
                let expected = image.width.saturating_mul(image.height).saturating_mul(3);
                if image.values.len() != expected || expected == 0 {
                    let found = image.values.len();
                    return Err(InputProblem::Size { what: "values of colours", found, expected });
                }
                let image = match (image.width, image.height) == (*side, *side) {
                    true => image,
                    false => image
                        .resized(*side, *side)
                        .map_err(|error| InputProblem::malformed("cannot be resized", error.to_string()))?,
                };
                Ok(image.values.into_iter().map(|colour| 1.0 - colour).collect())
            }
            (InputCodec::Vector(_), CaptionInput::Image(_)) => {
                Err(InputProblem::wrong_kind("is an image", "the model reads vectors"))
            }
            (InputCodec::Image { .. }, CaptionInput::Vector(_)) => {
                Err(InputProblem::wrong_kind("is a vector", "the model reads images"))
            }
        }
    }

    /// Inputs with their texts in numbers.
    pub(super) fn examples(&self, dataset: Dataset) -> Result<Vec<CaptionExample>> {
        let (start, end) = self.boundaries();
        dataset.encode_into(|Captioning { input, text, .. }| {
            let ids = [&[start][..], &self.tokenizer.encode(&text), &[end]].concat();
            Ok(CaptionExample { values: self.numbers(input)?, ids })
        })
    }
}
