//! Vectors and images with their texts, out of files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Caption;
use crate::format::{self, Form, Labels};
use crate::task::Scaling;
use crate::{Error, Result};

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

/// Where the vectors or images of a file come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source<'a> {
    /// Vectors, of this many numbers if it is known.
    Vectors(Option<usize>),
    /// Images of this many pixels a side, in this folder or else in that of the list.
    Images(usize, Option<&'a Path>),
}

/// A vector or an image in numbers, with what is said of it.
pub(super) struct Described {
    /// A vector's own numbers, `[F]`; an image's are `[side, side, 3]`, see [`InputCodec::Image`].
    pub(super) values: Vec<f32>,
    /// Not empty.
    pub(super) text: String,
    /// The image's file.
    pub(super) file: Option<PathBuf>,
}

/// Whether a file is a list of images rather than one of vectors.
pub(super) fn lists_images(path: &Path) -> Result<bool> {
    let guess = format::form_of(path)?;
    match guess.form {
        Form::Captions => Ok(true),
        Form::Npz => Ok(false),
        Form::ImageFolder => Err(Error::data(
            path,
            None,
            "is a folder: name the list of its captions, lines of file<TAB>text (and the folder by --images)",
        )),
        // With a text in the last column it may look like any table.
        _ => Ok(!path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))),
    }
}

/// Reads vectors or images with a text each.
///
/// # Errors
/// If a file cannot be read or understood, or a vector has no text.
pub(super) fn read_described(path: &Path, source: Source<'_>) -> Result<Vec<Described>> {
    let no_text = |line| Error::data(path, line, "has no text: write what it shows into the last column");
    match source {
        Source::Images(side, folder) => {
            let folder = folder.unwrap_or_else(|| path.parent().unwrap_or(Path::new(".")));
            let captions = format::read_captions(path, folder)?.into_iter();
            captions
                .map(|caption| {
                    let values = read_image(&caption.file, side)?;
                    Ok(Described { values, text: caption.text, file: Some(caption.file) })
                })
                .collect()
        }
        Source::Vectors(width) if is_npz(path) => {
            let vectors = format::read_npz(path)?.into_iter();
            vectors
                .map(|vector| {
                    single_step(path, vector.steps())?;
                    of_width(path, None, vector.width, width)?;
                    match vector.labels {
                        Labels::One(text) if !text.trim().is_empty() => {
                            Ok(Described { values: vector.values, text, file: None })
                        }
                        _ => Err(Error::data(
                            path,
                            None,
                            format!(
                                "vector {} has no text: give it one in an array `y` of strings",
                                vector.name
                            ),
                        )),
                    }
                })
                .collect()
        }
        Source::Vectors(width) => {
            let vectors = format::read_vectors(path, width)?.into_iter();
            vectors
                .map(|vector| {
                    let text = vector.text.ok_or_else(|| no_text(vector.line))?;
                    Ok(Described { values: vector.values, text, file: None })
                })
                .collect()
        }
    }
}

impl Caption {
    /// The inputs of files, in numbers: an image a file, or vectors, one a row.
    ///
    /// # Errors
    /// If a file cannot be read or understood, or its vectors are of another width than those learned from.
    pub fn read_inputs(&self, path: &Path) -> Result<Vec<Vec<f32>>> {
        match &self.codec {
            InputCodec::Image { side } => Ok(vec![read_image(path, *side)?]),
            InputCodec::Vector(scaling) if is_npz(path) => {
                let vectors = format::read_npz(path)?.into_iter().map(|vector| {
                    single_step(path, vector.steps())?;
                    of_width(path, None, vector.width, Some(scaling.means.len()))?;
                    Ok(self.scaled(vector.values))
                });
                vectors.collect()
            }
            InputCodec::Vector(_) => self.vectors_of(path, &format::read_text(path)?),
        }
    }

    /// The vectors in a CSV table that came from `path`, in numbers.
    ///
    /// # Errors
    /// As [`Caption::read_inputs`]; [`Error::Config`] for a model of images.
    pub fn vectors_of(&self, path: &Path, text: &str) -> Result<Vec<Vec<f32>>> {
        let InputCodec::Vector(scaling) = &self.codec else {
            return Err(Error::Config("name the image files: this model reads images".to_owned()));
        };
        let vectors = format::vectors_of(path, text.as_bytes(), Some(scaling.means.len()))?.into_iter();
        Ok(vectors.map(|vector| self.scaled(vector.values)).collect())
    }

    /// A file's vectors or images with their texts, in numbers.
    pub(super) fn read_described(&self, path: &Path, images: Option<&Path>) -> Result<Vec<Described>> {
        let described = read_described(path, self.source(images))?.into_iter();
        Ok(described.map(|one| Described { values: self.scaled(one.values), ..one }).collect())
    }

    /// Where this model's vectors or images come from.
    fn source<'a>(&self, images: Option<&'a Path>) -> Source<'a> {
        match &self.codec {
            InputCodec::Image { side } => Source::Images(*side, images),
            InputCodec::Vector(scaling) => Source::Vectors(Some(scaling.means.len())),
        }
    }

    /// Numbers as the network reads them.
    pub(super) fn scaled(&self, mut values: Vec<f32>) -> Vec<f32> {
        if let InputCodec::Vector(scaling) = &self.codec {
            scaling.apply(&mut values);
        }
        values
    }
}

fn read_image(path: &Path, side: usize) -> Result<Vec<f32>> {
    let pixels = format::read_image(path, Some((side, side)))?;
    Ok(pixels.values.into_iter().map(|colour| 1.0 - colour).collect())
}

fn is_npz(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"))
}

fn single_step(path: &Path, steps: usize) -> Result<()> {
    match steps {
        1 => Ok(()),
        _ => Err(Error::data(
            path,
            None,
            format!("holds sequences of {steps} vectors: a captioner reads single ones, `x [N, F]`"),
        )),
    }
}

fn of_width(path: &Path, line: Option<u64>, width: usize, wanted: Option<usize>) -> Result<()> {
    match wanted {
        Some(wanted) if wanted != width => Err(Error::data(
            path,
            line,
            format!("has vectors of {width} numbers: the model reads vectors of {wanted}"),
        )),
        _ => Ok(()),
    }
}
