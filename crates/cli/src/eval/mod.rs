//! `refrain eval`: how well a model does on data it has not learned. One file a task.

mod classify;
mod language;
mod translate;

use std::path::{Path, PathBuf};

use refrain::{Cpu, PrecisionChoice, task_of};

use crate::beam::BeamArgs;
use crate::train::named;
use crate::{Failure, machine};

/// Measure a model on data that it has not learned.
///
/// For a text: nats and bits a character, perplexity. For labelled sequences: accuracy, macro F1, and which label is taken
/// for which. For pairs: exact matches, error rates, BLEU and chrF.
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
    /// For translations: how they are searched for
    #[command(flatten)]
    beam: BeamArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// f32, bf16, int8, or auto: bf16 where the processor has tile units for it [auto]
    #[arg(long, value_parser = named::<PrecisionChoice>)]
    precision: Option<PrecisionChoice>,
    /// Threads [all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Args {
    fn backend(&self, hidden_size: usize) -> Result<Cpu, Failure> {
        machine::backend(self.threads, self.precision, hidden_size)
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
    match task_of(&args.model)?.as_str() {
        "classify" => classify::run(&args),
        "translate" => translate::run(&args),
        _ => language::run(&args),
    }
}
