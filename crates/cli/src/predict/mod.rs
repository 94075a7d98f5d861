//! `refrain predict`: what a model says of new data, one result a line. One file a task.

mod caption;
mod classify;
mod forecast;
mod tag;
mod translate;

use std::io::Read;
use std::path::{Path, PathBuf};

use refrain::format::{read_text, text_of};
use refrain::task::caption::Decoding;
use refrain::{Error, task_of};

use crate::beam::BeamArgs;
use crate::machine::MachineArgs;
use crate::task::refuse_idle;
use crate::{Failure, out};

/// Say what a model makes of new data, one result a line.
///
/// Reads files, or of texts standard input where none is named: a text a line, or sequences of numbers in the form that the
/// model learned from. A blank line between texts to classify or translate is answered by a blank one; of a file to learn
/// from, what is to be found out is not read. A captioner of images reads image files. A forecaster continues the series in a
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
    /// For captions: draw each symbol instead; below 1 safer, above 1 more daring
    #[arg(long, value_name = "T", conflicts_with_all = ["beam", "length_penalty"])]
    temperature: Option<f64>,
    /// With --temperature: names the random choices [0]
    #[arg(long, value_name = "N", requires = "temperature")]
    seed: Option<u64>,
    /// For series: steps ahead [as many as the model forecasts]
    #[arg(long, value_name = "N")]
    horizon: Option<usize>,
    /// Print one JSON object a line, with scores
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: MachineArgs,
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
            return Ok(vec![Input { name: name.to_owned(), text: text_of(name, bytes)? }]);
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

/// The greedy choice, or a beam search where one is asked for.
pub(crate) fn decoding(beam: &BeamArgs) -> Result<Decoding, Failure> {
    match beam.given() {
        None if beam.penalises_length() => {
            Err(Failure::Usage("--length-penalty is for a search: give --beam, too".to_owned()))
        }
        given => Ok(given.map_or(Decoding::Greedy, Decoding::Beam)),
    }
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let task = task_of(&args.model)?;
    let run = match task.as_str() {
        "caption" => caption::run,
        "classify" => classify::run,
        "tag" => tag::run,
        "translate" => translate::run,
        "forecast" => forecast::run,
        "music" => {
            return Err(Failure::Usage(
                "that is a composer: it writes (`refrain sample MODEL --out piece.mid`) and measures (`refrain eval`)"
                    .to_owned(),
            ));
        }
        _ => {
            return Err(Failure::Usage(
                "that is a language model: it writes (`refrain sample`) and measures (`refrain eval`)"
                    .to_owned(),
            ));
        }
    };
    refuse_idle(
        &task,
        &[
            ("--beam", args.beam.given().is_some(), &["translate", "caption"]),
            ("--length-penalty", args.beam.penalises_length(), &["translate", "caption"]),
            ("--n-best", args.n_best.is_some(), &["translate"]),
            ("--temperature", args.temperature.is_some(), &["caption"]),
            ("--horizon", args.horizon.is_some(), &["forecast"]),
        ],
    )?;
    run(&args)
}
