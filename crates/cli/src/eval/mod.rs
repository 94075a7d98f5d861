//! `refrain eval`: evaluates a model with standard metrics. One file per task.

mod caption;
mod classify;
mod forecast;
mod language;
mod music;
mod tag;
mod translate;

use std::path::Path;

use refrain::AnyModel;
use refrain::option::Subcommand;
use refrain::picture::Figure;

use crate::args::Args;
use crate::failure::Failure;
use crate::figure;

/// The data file, of which there must be one.
fn file(args: &Args) -> Result<&Path, Failure> {
    match args.settings.data.as_deref() {
        Some([file]) => Ok(file),
        _ => Err(Failure::Usage(
            "give one file: models of this task are evaluated on one file at a time".to_owned(),
        )),
    }
}

/// Writes the figure if `--picture` is given.
fn draw(args: &Args, figure: impl FnOnce() -> Figure) -> Result<(), Failure> {
    match &args.picture {
        Some(path) => figure::save(path, &figure()),
        None => Ok(()),
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let model = AnyModel::load(args.model())?;
    args.check_used(Subcommand::Eval, model.task_name())?;
    match model {
        AnyModel::Caption(model) => caption::run(args, model),
        AnyModel::Classify(model) => classify::run(args, model),
        AnyModel::Tag(model) => tag::run(args, model),
        AnyModel::Translate(model) => translate::run(args, model),
        AnyModel::Forecast(model) => forecast::run(args, model),
        AnyModel::Music(model) => music::run(args, model),
        AnyModel::Language(model) => language::run(args, model),
    }
}
