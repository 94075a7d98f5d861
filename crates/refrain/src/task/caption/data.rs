//! Vectors and images with their texts, and their encoding for the network.

use serde::{Deserialize, Serialize};

use super::Caption;
use super::batches::CaptionExample;
use crate::error::{InputProblem, Result};
use crate::format::Pixels;
use crate::task::{Digest, Record, Scaling};

/// How an input is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputCodec {
    /// A vector, standardised per component.
    Vector(Scaling),
    /// An image, resized to a square; colours are inverted, so that a white background is zero.
    Image {
        /// Side length in pixels.
        side: usize,
    },
}

/// The input of a captioner.
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
    /// Input.
    pub input: CaptionInput,
    /// Target text; not empty.
    pub text: String,
    /// Identifies an image that has several texts: the name of its file.
    pub image: Option<String>,
    /// Line in its file, from 1, if it comes from a file.
    pub line: Option<u64>,
}

/// The data of a captioner.
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
    /// An encoded input, `[F]`: a standardised vector, or an image resized to the model's size.
    ///
    /// # Errors
    /// [`InputProblem`] for a vector of another size, an image without three values per pixel, and the wrong kind of input.
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
                    return Err(InputProblem::Size { what: "colour values", found, expected });
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

    pub(super) fn examples(&self, dataset: Dataset) -> Result<Vec<CaptionExample>> {
        let (start, end) = self.boundaries();
        dataset.encode_into(|Captioning { input, text, .. }| {
            let ids = [&[start][..], &self.tokenizer.encode(&text), &[end]].concat();
            Ok(CaptionExample { values: self.numbers(input)?, ids })
        })
    }
}
