//! `refrain sample`: new text from a model.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use refrain::sample::{Generator, Options, StreamId};
use refrain::task::Language;
use refrain::{Cpu, Model, PrecisionChoice, train};

use crate::train::named;
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
    /// Texts to write, with seeds N, N+1, ...; an empty line between them. They are made side by side, and each is
    /// the one its seed names
    #[arg(long, default_value_t = 1, value_name = "N")]
    count: u64,
    /// Threads; changes no bit of the text [all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// f32, bf16, int8, or auto: bf16 where the processor has tile units for it [auto]
    #[arg(long, value_parser = named::<PrecisionChoice>)]
    precision: Option<PrecisionChoice>,
}

const EXAMPLES: &str = "\
Examples:
  refrain sample runs/latin --length 500
  refrain sample runs/play --prompt 'ROMEO:' --temperature 0.6 --seed 7
  refrain sample runs/names --prompt Mar --stop '\\n' --count 10        ten names that begin with Mar";

/// Texts that are written at the same time.
const MOST_TOGETHER: usize = 64;
/// Texts that are begun while an earlier one is still being written.
const MOST_BEGUN: usize = 1024;
/// Symbols that may be held for texts whose turn has not come.
const MOST_HELD: usize = 1 << 26;

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    if args.count == 0 {
        return Err(Failure::Usage("--count is 0: give at least 1".to_owned()));
    }
    let model = Model::<Language>::load(&args.model)?;
    let threads = args.threads.unwrap_or_else(train::available_threads);
    let hidden_size = model.task.network.architecture().hidden_size;
    let precision = args.precision.unwrap_or_default().resolve(hidden_size);
    let backend = machine::cpu(threads)?.with_precision(precision);
    let session = model.on(&backend);
    let seed = args.seed.unwrap_or_else(seed_of_the_moment);
    let last_byte = write_all(&args, seed, session.generator().with_threads(threads))?;
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

/// Writes the texts in the order of their seeds, the first one that has not ended as it is made, while those after
/// it are made together and held. Gives the last byte written.
fn write_all(args: &Args, seed: u64, mut generator: Generator<'_, Cpu>) -> Result<Option<u8>, Failure> {
    let mut options = Options {
        temperature: if args.greedy { 0.0 } else { args.temperature },
        top_k: args.top_k,
        top_p: args.top_p,
        seed,
        stop: args.stop.iter().map(|stop| stop.replace("\\n", "\n")).collect(),
    };
    let most_begun = (MOST_HELD / args.length.max(1)).clamp(1, MOST_BEGUN);
    // Those begun and not yet written to their end, in order.
    let mut texts: VecDeque<Text> = VecDeque::new();
    let (mut left, mut last_byte) = (args.count, None);
    while left > 0 || !texts.is_empty() {
        while left > 0 && texts.len() < most_begun && generator.len() < MOST_TOGETHER {
            let stream = generator.join(&args.prompt, args.length, &options)?;
            let before = if left == args.count { "" } else { "\n\n" };
            let held = [before, &args.prompt].concat().into_bytes();
            texts.push_back(Text { stream, held, ended: false });
            left -= 1;
            options.seed = options.seed.wrapping_add(1);
        }
        while let Some(first) = texts.front_mut() {
            if let Some(&last) = first.held.last() {
                out::write(&first.held)?;
                first.held.clear();
                last_byte = Some(last);
            }
            if !first.ended {
                break;
            }
            texts.pop_front();
        }
        for piece in generator.step() {
            if let Ok(at) = texts.binary_search_by_key(&piece.stream, |text| text.stream) {
                texts[at].held.extend_from_slice(piece.text);
                texts[at].ended = piece.end.is_some();
            }
        }
    }
    Ok(last_byte)
}

/// A text that has been begun.
struct Text {
    stream: StreamId,
    /// What has been made of it, and not written yet.
    held: Vec<u8>,
    ended: bool,
}

/// A short number that is another one each time.
fn seed_of_the_moment() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(20)) % 1_000_000
}
