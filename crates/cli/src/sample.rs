//! `refrain sample`: new text from a model.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use refrain::Model;
use refrain::sample::Options;

use crate::{Failure, machine, out};

/// Write new text, a symbol at a time, as it is made.
///
/// Nothing but the text goes to standard output.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct Args {
    /// A model file, or the directory of a run
    model: PathBuf,
    /// Text to go on from; it is printed first [the start of a line]
    #[arg(
        long,
        default_value = "",
        value_name = "TEXT",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    prompt: String,
    /// New symbols to write
    #[arg(long, default_value_t = 500, value_name = "N")]
    length: usize,
    /// Below 1 safer, above 1 more daring, 0 as --greedy
    #[arg(long, default_value_t = 0.8, value_name = "T", allow_negative_numbers = true)]
    temperature: f64,
    /// Choose among the N most probable symbols only
    #[arg(long, value_name = "N")]
    top_k: Option<usize>,
    /// Choose among the fewest symbols that together have this probability
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    top_p: Option<f64>,
    /// Always the most probable symbol
    #[arg(long)]
    greedy: bool,
    /// Names the random choices [another one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// End before this text (\n is a line end); may be given several times
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    stop: Vec<String>,
    /// Texts to write, with seeds N, N+1, ...; an empty line between them
    #[arg(long, default_value_t = 1, value_name = "N")]
    count: u64,
    /// Threads
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,
}

const EXAMPLES: &str = "\
Examples:
  refrain sample runs/latin --length 500
  refrain sample runs/play --prompt 'ROMEO:' --temperature 0.6 --seed 7
  refrain sample runs/names --prompt Mar --stop '\\n' --count 10        ten names that begin with Mar";

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    if args.count == 0 {
        return Err(Failure::Usage("--count is 0: give at least 1".to_owned()));
    }
    let model = Model::load(&args.model)?;
    let backend = machine::cpu(args.threads)?;
    let session = model.on(&backend);
    let seed = args.seed.unwrap_or_else(seed_of_the_moment);
    let mut last_byte = None;
    for n in 0..args.count {
        let options = Options {
            temperature: if args.greedy { 0.0 } else { args.temperature },
            top_k: args.top_k,
            top_p: args.top_p,
            seed: seed.wrapping_add(n),
            stop: args.stop.iter().map(|stop| stop.replace("\\n", "\n")).collect(),
        };
        let mut stream = session.stream(&args.prompt, &options)?;
        if n > 0 {
            out::write(b"\n\n")?;
        }
        out::write(args.prompt.as_bytes())?;
        for piece in stream.by_ref().take(args.length) {
            out::write(&piece)?;
            last_byte = piece.last().copied().or(last_byte);
        }
        out::write(&stream.finish())?;
    }
    if io::stdout().is_terminal() {
        if last_byte != Some(b'\n') {
            out::write(b"\n")?;
        }
        if args.seed.is_none() && !args.greedy && args.temperature != 0.0 {
            eprintln!("(the same again: --seed {seed})");
        }
    }
    Ok(())
}

/// A short number that is another one each time.
fn seed_of_the_moment() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(20)) % 1_000_000
}
