//! `refrain eval`: how well a model does on data it has not learned. One file a task.

mod caption;
mod classify;
mod forecast;
mod language;
mod music;
mod tag;
mod translate;

use std::path::{Path, PathBuf};

use refrain::AnyModel;
use refrain::model::TaskName::{Caption, Classify, Forecast, Language, Music, Tag, Translate};
use refrain::picture::Figure;
use refrain::task::music::MusicPart;

use crate::beam::BeamArgs;
use crate::device::DeviceArgs;
use crate::failure::Failure;
use crate::figure;
use crate::named::named;
use crate::task::refuse_idle;

/// Measure a model on data that it has not learned.
///
/// For a text: nats and bits a character, perplexity. For labelled sequences: accuracy, macro F1, and which label is taken
/// for which. For tagged words: the same, F1 of spans where tags spell them out, and accuracy on unknown words.
/// For captions: exact match, character error rate, BLEU, chrF.
/// For pairs: exact matches, error rates, BLEU and chrF.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  refrain eval runs/play held-out.txt\n  refrain eval runs/reviews test.tsv\n  refrain eval runs/phones test.tsv --beam 1"
)]
pub(crate) struct Args {
    /// A model file, or the directory of a run
    model: PathBuf,
    /// The files, in the form that the model learned from
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// For texts: keep byte-order marks and CRLF [as in training]
    #[arg(long)]
    raw: bool,
    /// Draw into this file, .svg or .png: for labels which was taken for which, for series the truth and the forecasts
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// For captions: the folder of the images [that of the file]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// For captions: a file that was learned from, to print beside the model how well the text of its nearest input does
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// For translations and captions: beam search
    #[command(flatten)]
    beam: BeamArgs,
    /// For piano rolls: the part of the file, train, valid, test or all [test; all where there is none]
    #[arg(long, value_parser = named::<MusicPart>)]
    part: Option<MusicPart>,
    /// For series: measure all of it, not only the part that training kept apart
    #[arg(long)]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    /// Writes the picture, if one is wanted.
    fn draw(&self, figure: impl FnOnce() -> Figure) -> Result<(), Failure> {
        match &self.picture {
            Some(path) => figure::save(path, &figure()),
            None => Ok(()),
        }
    }

    /// The one file that a task is measured on.
    fn file(&self) -> Result<&Path, Failure> {
        match &self.data[..] {
            [file] => Ok(file),
            _ => Err(Failure::Usage("this model is measured on one file at a time".to_owned())),
        }
    }
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let model = AnyModel::load(&args.model)?;
    refuse_idle(
        model.task_name(),
        &[
            ("--raw", args.raw, &[Language]),
            ("--picture", args.picture.is_some(), &[Classify, Tag, Forecast]),
            ("--images", args.images.is_some(), &[Caption]),
            ("--baseline", args.baseline.is_some(), &[Caption]),
            ("--beam", args.beam.given().is_some(), &[Translate, Caption]),
            ("--length-penalty", args.beam.penalises_length(), &[Translate, Caption]),
            ("--part", args.part.is_some(), &[Music]),
            ("--all", args.all, &[Forecast]),
        ],
    )?;
    match model {
        AnyModel::Caption(model) => caption::run(&args, model),
        AnyModel::Classify(model) => classify::run(&args, model),
        AnyModel::Tag(model) => tag::run(&args, model),
        AnyModel::Translate(model) => translate::run(&args, model),
        AnyModel::Forecast(model) => forecast::run(&args, model),
        AnyModel::Music(model) => music::run(&args, model),
        AnyModel::Language(model) => language::run(&args, model),
    }
}
