//! `refrain sample`: something new from a model, text or music. One file a task.

mod language;
mod music;

use refrain::AnyModel;
use refrain::option::Verb;

use crate::args::Args;
use crate::failure::Failure;
use crate::task::kind_of;

/// Unless it is given.
const TEMPERATURE: f64 = 0.8;

fn temperature(args: &Args) -> f64 {
    if args.greedy == Some(true) { 0.0 } else { args.temperature.unwrap_or(TEMPERATURE) }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let model = AnyModel::load(args.model())?;
    let task = model.task_name();
    args.check_used(Verb::Sample, task)?;
    match model {
        AnyModel::Language(model) => language::run(args, model),
        AnyModel::Music(model) => music::run(args, model),
        _ => Err(Failure::Usage(format!(
            "that is a {}: `refrain predict` gives its answers, `refrain eval` measures it",
            kind_of(task)
        ))),
    }
}
