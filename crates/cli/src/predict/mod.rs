//! `refrain predict`: predicts for new data, one result per line. One file per task.

mod caption;
mod classify;
mod forecast;
mod tag;
mod translate;

use std::io::Read;
use std::path::{Path, PathBuf};

use refrain::format::{read_text, text_of};
use refrain::option::Subcommand;
use refrain::{AnyModel, Error};

use crate::args::Args;
use crate::failure::Failure;
use crate::out;

/// A text and the name of its source.
struct Input {
    name: PathBuf,
    text: String,
}

/// The texts of all files, or of standard input.
fn texts(args: &Args) -> Result<Vec<Input>, Failure> {
    let Some(files) = &args.input else {
        let name = Path::new("standard input");
        let mut bytes = vec![];
        std::io::stdin().read_to_end(&mut bytes).map_err(Error::io("read", name))?;
        return Ok(vec![Input { name: name.to_owned(), text: text_of(name, &*bytes)? }]);
    };
    let text = |path: &PathBuf| Ok(Input { name: path.clone(), text: read_text(path)? });
    files.iter().map(text).collect()
}

/// Prints the result of each line; for an empty line an empty one, in JSON `null`, so that line numbers correspond.
fn print_lines<T>(
    args: &Args,
    lines: &[String],
    results: impl IntoIterator<Item = T>,
    mut print: impl FnMut(&str, T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut results = results.into_iter();
    for line in lines {
        match line.is_empty() {
            true => out::line(if args.json() { "null" } else { "" })?,
            false => results.next().map_or(Ok(()), |results| print(line, results))?,
        }
    }
    Ok(())
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let model = AnyModel::load(args.model())?;
    args.check_used(Subcommand::Predict, model.task_name())?;
    if args.settings.seed.is_some() && args.temperature.is_none() {
        return Err(Failure::Usage("--seed is used for sampling only: give --temperature, too".to_owned()));
    }
    match model {
        AnyModel::Caption(model) => caption::run(args, model),
        AnyModel::Classify(model) => classify::run(args, model),
        AnyModel::Tag(model) => tag::run(args, model),
        AnyModel::Translate(model) => translate::run(args, model),
        AnyModel::Forecast(model) => forecast::run(args, model),
        AnyModel::Music(_) => Err(Failure::Usage(
            "this is a music model: use `refrain sample MODEL --out piece.mid` or `refrain eval`".to_owned(),
        )),
        AnyModel::Language(_) => {
            Err(Failure::Usage("this is a language model: use `refrain sample` or `refrain eval`".to_owned()))
        }
    }
}
