//! `refrain sample`: generates text or music. One file per task.

mod language;
mod music;

use refrain::AnyModel;
use refrain::option::Subcommand;

use crate::args::Args;
use crate::failure::Failure;
use crate::task::kind_of;

/// Default of `--temperature`.
const DEFAULT_TEMPERATURE: f64 = 0.8;

fn temperature(args: &Args) -> f64 {
    if args.greedy == Some(true) { 0.0 } else { args.temperature.unwrap_or(DEFAULT_TEMPERATURE) }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let model = AnyModel::load(args.model())?;
    let task = model.task_name();
    args.check_used(Subcommand::Sample, task)?;
    match model {
        AnyModel::Language(model) => language::run(args, model),
        AnyModel::Music(model) => music::run(args, model),
        _ => Err(Failure::Usage(format!(
            "this is a {}: use `refrain predict` or `refrain eval`",
            kind_of(task)
        ))),
    }
}
