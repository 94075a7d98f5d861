//! `refrain eval`: how well a model predicts a text.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use indicatif::ProgressBar;
use refrain::task::Language;
use refrain::text::Source;
use refrain::{Model, PrecisionChoice};
use serde_json::json;

use crate::out::{self, thousands};
use crate::train::named;
use crate::{Failure, machine};

/// Measure a model on a text it has not learned: nats and bits a character, perplexity.
///
/// The text is read from its first character to its last with the state carried all the way; every character but
/// the first is predicted. Several files are read as one text.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  refrain eval runs/play held-out.txt")]
pub(crate) struct Args {
    /// A model file, or the directory of a run
    model: PathBuf,
    /// The files
    #[arg(required = true)]
    text: Vec<PathBuf>,
    /// Keep byte-order marks and CRLF [as in training]
    #[arg(long)]
    raw: bool,
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

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let model = Model::<Language>::load(&args.model)?;
    let precision = args.precision.unwrap_or_default().resolve(model.task.network.architecture().hidden_size);
    let threads = args.threads.unwrap_or_else(refrain::train::available_threads);
    let backend = machine::cpu(threads)?.with_precision(precision);
    let session = model.on(&backend);
    let visible = !args.json && io::stderr().is_terminal();
    let bar = if visible { ProgressBar::new(1000) } else { ProgressBar::hidden() };
    let texts = args.text.iter().map(Source::file).collect();
    let found = session.evaluate(texts, args.raw || model.task.raw, |share| {
        bar.set_position((share * 1000.0) as u64);
    });
    bar.finish_and_clear();
    let found = found?;
    let (nats, bits, perplexity) = (found.nats_per_char(), found.bits_per_char(), found.perplexity());
    if args.json {
        let object = json!({
            "loss": nats, "bits_per_char": bits, "perplexity": perplexity,
            "characters": found.loss.count, "unknown": found.unknown, "precision": precision.name(),
        });
        return out::line(&object.to_string());
    }
    let units = model.task.vocabulary.units();
    let unit = units.singular();
    out::line(&format!("loss        {nats:.4} nats a {unit}"))?;
    out::line(&format!("            {bits:.4} bits a {unit}"))?;
    out::line(&format!("perplexity  {perplexity:.3}"))?;
    out::line(&format!("{:<11} {}", units.plural(), thousands(found.loss.count as u64)))?;
    if found.unknown > 0 {
        let share = 100.0 * found.unknown as f64 / found.loss.count as f64;
        let unknown = thousands(found.unknown);
        out::line(&format!(
            "unknown     {unknown} ({share:.2} %) that the model has never seen, counted as its unknown symbol"
        ))?;
    }
    Ok(())
}
