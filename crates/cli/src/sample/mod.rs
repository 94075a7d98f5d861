//! `refrain sample`: something new from a model, text or music. One file a task.

mod language;
mod music;

use std::path::PathBuf;

use refrain::AnyModel;
use refrain::model::TaskName::{Language, Music};

use crate::device::DeviceArgs;
use crate::failure::Failure;
use crate::task::{kind_of, refuse_idle};

/// Write new text, a symbol at a time, as it is made; or new music, into a MIDI file.
///
/// Nothing but the text goes to standard output, or a picture of the music.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub(crate) struct Args {
    /// A model file, or the directory of a run
    model: PathBuf,
    /// Text to go on from; it is printed first [the start of a line]. For music: a MIDI file [silence]
    #[arg(
        long,
        default_value = "",
        value_name = "TEXT",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    prompt: String,
    /// New symbols to write, or frames of music [500; 64 frames]
    #[arg(long, value_name = "N")]
    length: Option<usize>,
    /// Below 1 less random, above 1 more random, 0 as --greedy [0.8]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    temperature: Option<f64>,
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
    /// For music: the MIDI file to write
    #[arg(long, value_name = "FILE.mid", help_heading = "Music")]
    out: Option<PathBuf>,
    /// For music: draw its piano roll into this file, .svg or .png
    #[arg(long, value_name = "FILE", help_heading = "Music")]
    picture: Option<PathBuf>,
    /// For music: quarter notes a minute, in the MIDI file [120]
    #[arg(long, value_name = "N", help_heading = "Music")]
    tempo: Option<f64>,
    /// For music: the instrument by the list of General MIDI from 0, as 19, a church organ [0, a piano]
    #[arg(long, value_name = "N", help_heading = "Music")]
    program: Option<u8>,
    #[command(flatten)]
    device: DeviceArgs,
}

const EXAMPLES: &str = "\
Examples:
  refrain sample runs/latin --length 500
  refrain sample runs/play --prompt 'ROMEO:' --temperature 0.6 --seed 7
  refrain sample runs/names --prompt Mar --stop '\\n' --count 10        ten names that begin with Mar
  refrain sample runs/chorales --out chorale.mid --length 64 --seed 3";

impl Args {
    fn temperature(&self) -> f64 {
        if self.greedy { 0.0 } else { self.temperature.unwrap_or(0.8) }
    }
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let model = AnyModel::load(&args.model)?;
    let task = model.task_name();
    refuse_idle(
        task,
        &[
            ("--top-k", args.top_k.is_some(), &[Language]),
            ("--top-p", args.top_p.is_some(), &[Language]),
            ("--stop", !args.stop.is_empty(), &[Language]),
            ("--count", args.count != 1, &[Language]),
            ("--out", args.out.is_some(), &[Music]),
            ("--picture", args.picture.is_some(), &[Music]),
            ("--tempo", args.tempo.is_some(), &[Music]),
            ("--program", args.program.is_some(), &[Music]),
        ],
    )?;
    match model {
        AnyModel::Language(model) => language::run(&args, model),
        AnyModel::Music(model) => music::run(&args, model),
        _ => Err(Failure::Usage(format!(
            "that is a {}: `refrain predict` gives its answers, `refrain eval` measures it",
            kind_of(task)
        ))),
    }
}
