//! `refrain predict`: what a model says of new data, one result a line. One file a task.

mod classify;
mod translate;

use std::io::Read;
use std::path::{Path, PathBuf};

use refrain::format::{read_text, text_of};
use refrain::{Cpu, Error, PrecisionChoice, task_of};

use crate::beam::BeamArgs;
use crate::train::named;
use crate::{Failure, machine};

/// Say what a model makes of new data, one result a line.
///
/// Reads files, or standard input where none is named: a text a line, or sequences of numbers in the form that the model
/// learned from.
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
    /// Print one JSON object a line, with scores
    #[arg(long)]
    json: bool,
    /// f32, bf16, int8, or auto: bf16 where the processor has tile units for it [auto]
    #[arg(long, value_parser = named::<PrecisionChoice>)]
    precision: Option<PrecisionChoice>,
    /// Threads; changes no bit of the result [all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// A text to predict for, and where it is from.
struct Input {
    #[expect(dead_code, reason = "for the messages of formats that have lines")]
    name: PathBuf,
    text: String,
}

impl Args {
    fn backend(&self, hidden_size: usize) -> Result<Cpu, Failure> {
        machine::backend(self.threads, self.precision, hidden_size)
    }

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

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    match task_of(&args.model)?.as_str() {
        "classify" => classify::run(&args),
        "translate" => translate::run(&args),
        _ => Err(Failure::Usage(
            "that is a language model: it writes (`refrain sample`) and measures (`refrain eval`)".to_owned(),
        )),
    }
}
