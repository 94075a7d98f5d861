//! `refrain predict`: what a model says of new data, one result a line. One file a task.

mod caption;
mod classify;
mod forecast;
mod tag;
mod translate;

use std::io::Read;
use std::path::{Path, PathBuf};

use refrain::format::{read_text, text_of};
use refrain::model::TaskName::{Caption, Forecast, Translate};
use refrain::{AnyModel, Error};

use crate::beam::BeamArgs;
use crate::device::DeviceArgs;
use crate::failure::Failure;
use crate::out;
use crate::task::refuse_idle;

/// Say what a model makes of new data, one result a line.
///
/// Reads files, or of texts standard input where none is named: a text a line, or sequences of numbers in the form that the
/// model learned from. A blank line between texts to classify or translate is answered by a blank one; of a file to learn
/// from, label columns are ignored. A captioner of images reads image files. A forecaster continues the series in a
/// file, or the one that it learned from.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  echo 'a fine film' | refrain predict runs/reviews\n  refrain predict runs/gestures new.csv --json\n  echo phonograph | refrain predict runs/phones --n-best 3"
)]
pub(crate) struct Args {
    /// A model file, or the directory of a run
    model: PathBuf,
    /// The files [standard input]
    input: Vec<PathBuf>,
    /// For translations: how they are searched for
    #[command(flatten)]
    beam: BeamArgs,
    /// For translations: print the N best of each text, a line each [1]
    #[arg(long, value_name = "N", help_heading = "Translation")]
    n_best: Option<usize>,
    /// For captions: sample instead of greedy decoding; below 1 less random, above 1 more random
    #[arg(long, value_name = "T", conflicts_with_all = ["beam", "length_penalty"])]
    temperature: Option<f64>,
    /// With --temperature: random seed [0]
    #[arg(long, value_name = "N", requires = "temperature")]
    seed: Option<u64>,
    /// For series: steps ahead [as many as the model forecasts]
    #[arg(long, value_name = "N")]
    horizon: Option<usize>,
    /// Print one JSON object a line, with scores
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

/// A text to predict for, and where it is from.
struct Input {
    name: PathBuf,
    text: String,
}

impl Args {
    /// The texts of all files, or of standard input.
    fn texts(&self) -> Result<Vec<Input>, Failure> {
        if self.input.is_empty() {
            let name = Path::new("standard input");
            let mut bytes = vec![];
            std::io::stdin().read_to_end(&mut bytes).map_err(Error::io("read", name))?;
            return Ok(vec![Input { name: name.to_owned(), text: text_of(name, &*bytes)? }]);
        }
        let text = |path: &PathBuf| Ok(Input { name: path.clone(), text: read_text(path)? });
        self.input.iter().map(text).collect()
    }
}

/// Tells what was found for each line that is not blank; a blank one is told as blank, in JSON as null, so that results stand
/// where their lines do.
fn tell_lines<T>(
    args: &Args,
    lines: &[String],
    found: impl IntoIterator<Item = T>,
    mut tell: impl FnMut(&str, T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut found = found.into_iter();
    for line in lines {
        match line.is_empty() {
            true => out::line(if args.json { "null" } else { "" })?,
            false => found.next().map_or(Ok(()), |found| tell(line, found))?,
        }
    }
    Ok(())
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let model = AnyModel::load(&args.model)?;
    refuse_idle(
        model.task_name(),
        &[
            ("--beam", args.beam.given().is_some(), &[Translate, Caption]),
            ("--length-penalty", args.beam.penalises_length(), &[Translate, Caption]),
            ("--n-best", args.n_best.is_some(), &[Translate]),
            ("--temperature", args.temperature.is_some(), &[Caption]),
            ("--horizon", args.horizon.is_some(), &[Forecast]),
        ],
    )?;
    match model {
        AnyModel::Caption(model) => caption::run(&args, model),
        AnyModel::Classify(model) => classify::run(&args, model),
        AnyModel::Tag(model) => tag::run(&args, model),
        AnyModel::Translate(model) => translate::run(&args, model),
        AnyModel::Forecast(model) => forecast::run(&args, model),
        AnyModel::Music(_) => Err(Failure::Usage(
            "that is a composer: it writes (`refrain sample MODEL --out piece.mid`) and measures (`refrain eval`)"
                .to_owned(),
        )),
        AnyModel::Language(_) => Err(Failure::Usage(
            "that is a language model: it writes (`refrain sample`) and measures (`refrain eval`)".to_owned(),
        )),
    }
}
