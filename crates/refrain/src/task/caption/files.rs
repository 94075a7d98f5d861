//! Reads vectors and images with their texts from files.

use std::path::Path;

use super::data::{CaptionInput, Captioning, Dataset};
use super::prepare::SIDE;
use super::{Caption, InputCodec};
use crate::Model;
use crate::error::{Error, InputProblem, Place, Result};
use crate::format::{self, DataFormat, DescribedVector, FrameSequence, Labels};
use crate::task::files::one_file;
use crate::train::{Data, ReadData, Settings};

/// Source of the vectors or images of a file.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// Vectors, with their size if it is known.
    Vectors(Option<usize>),
    /// Images with this side length in pixels, in this folder or in that of the list.
    Images(usize, Option<&'a Path>),
}

impl ReadData for Caption {
    fn read_data(settings: &Settings) -> Result<Data<Dataset>> {
        let path = one_file(settings)?;
        let source = match lists_images(&path)? {
            true => Source::Images(settings.image_size.unwrap_or(SIDE), settings.images.as_deref()),
            false => Source::Vectors(None),
        };
        let train = read_described(&path, source)?;
        let source = match (source, train.records().first().map(|first| &first.input)) {
            (Source::Vectors(_), Some(CaptionInput::Vector(values))) => Source::Vectors(Some(values.len())),
            (source, _) => source,
        };
        let valid = settings.valid.as_deref().map(|path| read_described(path, source)).transpose()?;
        Ok(Data { train, valid })
    }

    fn read_model(path: &Path) -> Result<Model<Self>> {
        Model::load(path)
    }
}

/// Whether a file is a list of images, not of vectors.
fn lists_images(path: &Path) -> Result<bool> {
    let guess = format::detect_format(path)?;
    match guess.format {
        DataFormat::Captions => Ok(true),
        DataFormat::Npz => Ok(false),
        DataFormat::ImageFolder => {
            let expected =
                "name the list of its captions, lines of file<TAB>text (and give the folder in `images`)";
            Err(Error::wrong_kind(path, "is a folder", expected))
        }
        // A table with a text in the last column may have the format of any other table.
        _ => Ok(!is_named(path, "csv")),
    }
}

/// Reads vectors or images with their texts.
fn read_described(path: &Path, source: Source<'_>) -> Result<Dataset> {
    let dataset: Dataset = match source {
        Source::Images(side, folder) => {
            let folder = folder.unwrap_or_else(|| path.parent().unwrap_or(Path::new(".")));
            let captions = format::read_captions(path, folder)?.into_iter();
            let read = |caption: format::Caption| {
                Ok(Captioning {
                    input: CaptionInput::Image(format::read_image(&caption.file, Some((side, side)))?),
                    text: caption.text,
                    image: Some(caption.file.to_string_lossy().into_owned()),
                    line: None,
                })
            };
            captions.map(read).collect::<Result<_>>()?
        }
        Source::Vectors(width) if is_named(path, "npz") => {
            let vectors = format::read(path, format::npz_of)?.into_iter();
            vectors.map(|vector| described_frame(path, vector, width)).collect::<Result<_>>()?
        }
        Source::Vectors(width) => {
            let read = |place, input| format::vectors_of(place, input, width);
            format::read(path, read)?
                .into_iter()
                .map(|vector| described(path, vector))
                .collect::<Result<_>>()?
        }
    };
    Ok(dataset.named(path.display().to_string()))
}

/// A row of a table, with its text.
fn described(path: &Path, DescribedVector { values, text, line }: DescribedVector) -> Result<Captioning> {
    match text {
        Some(text) => {
            Ok(Captioning { input: CaptionInput::Vector(values), text, image: None, line: Some(line) })
        }
        None => {
            let place = Place::of(path.display()).line(line);
            Err(Error::malformed(place, "has no text", "add a text in the last column"))
        }
    }
}

/// A vector of an archive, with its text.
fn described_frame(path: &Path, vector: FrameSequence, width: Option<usize>) -> Result<Captioning> {
    let FrameSequence { name, labels, .. } = &vector;
    let text = match labels {
        Labels::One(text) if !text.trim().is_empty() => text.clone(),
        _ => {
            let place = Place::of(path.display()).field(format!("vector {name}"));
            return Err(Error::malformed(place, "has no text", "add it to an array \"y\" of strings"));
        }
    };
    let input = CaptionInput::Vector(single_frame(path, vector, width)?);
    Ok(Captioning { input, text, image: None, line: None })
}

/// The only frame of a sequence in an archive.
fn single_frame(path: &Path, vector: FrameSequence, width: Option<usize>) -> Result<Vec<f32>> {
    if vector.steps() != 1 {
        let found = format!("holds sequences of {} vectors", vector.steps());
        return Err(Error::wrong_kind(path, found, "a captioner reads single vectors, \"x\" [N, F]"));
    }
    match width {
        Some(expected) if expected != vector.width => {
            let problem = InputProblem::Size { what: "numbers in a vector", found: vector.width, expected };
            Err(Error::input(path, problem))
        }
        _ => Ok(vector.values),
    }
}

fn is_named(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

impl Caption {
    /// Reads inputs with their texts for evaluation. Images are in the folder `images`, by default in that of the file.
    ///
    /// # Errors
    /// If a file cannot be read, or is not of the kind that the model was trained on.
    pub fn read_dataset(&self, path: &Path, images: Option<&Path>) -> Result<Dataset> {
        let source = match &self.codec {
            InputCodec::Image { side } => Source::Images(*side, images),
            InputCodec::Vector(scaling) => Source::Vectors(Some(scaling.means.len())),
        };
        read_described(path, source)
    }

    /// Reads and encodes inputs from a file: one image per file, or one vector per row.
    ///
    /// # Errors
    /// If a file cannot be read or parsed, or its vectors differ in size from the training set.
    pub fn read_inputs(&self, path: &Path) -> Result<Vec<Vec<f32>>> {
        let number = |input| self.numbers(input).map_err(|problem| Error::input(path, problem));
        match &self.codec {
            InputCodec::Image { side } => {
                Ok(vec![number(format::read_image(path, Some((*side, *side)))?.into())?])
            }
            InputCodec::Vector(scaling) if is_named(path, "npz") => {
                let vectors = format::read(path, format::npz_of)?.into_iter();
                let width = Some(scaling.means.len());
                vectors.map(|vector| number(single_frame(path, vector, width)?.into())).collect()
            }
            InputCodec::Vector(_) => self.vectors_of(path, &format::read_text(path)?),
        }
    }

    /// Encodes the vectors of a CSV table that was read from `path`.
    ///
    /// # Errors
    /// As [`Caption::read_inputs`]; [`Error::Input`] for a model of images.
    pub fn vectors_of(&self, path: &Path, text: &str) -> Result<Vec<Vec<f32>>> {
        let InputCodec::Vector(scaling) = &self.codec else {
            let expected = "name the image files: this model reads images";
            return Err(Error::wrong_kind(path, "is a table", expected));
        };
        let vectors = format::vectors_of(path, text.as_bytes(), Some(scaling.means.len()))?.into_iter();
        let number = |vector: DescribedVector| self.numbers(vector.values.into());
        let numbers: Result<Vec<_>, InputProblem> = vectors.map(number).collect();
        numbers.map_err(|problem| Error::input(path, problem))
    }
}
