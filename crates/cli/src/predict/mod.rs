//! `refrain predict`: what a model says of new data, one result a line. One file a task.

mod caption;
mod classify;
mod forecast;
mod tag;
mod translate;

use std::io::Read;
use std::path::{Path, PathBuf};

use refrain::format::{read_text, text_of};
use refrain::option::Verb;
use refrain::{AnyModel, Error};

use crate::args::Args;
use crate::failure::Failure;
use crate::out;

/// A text to predict for, and where it is from.
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

/// Tells what was found for each line that is not blank; a blank one is told as blank, in JSON as null, so that results stand
/// where their lines do.
fn tell_lines<T>(
    args: &Args,
    lines: &[String],
    found: impl IntoIterator<Item = T>,
    mut tell: impl FnMut(&str, T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut found = found.into_iter();
    for line in lines {
        match line.is_empty() {
            true => out::line(if args.json() { "null" } else { "" })?,
            false => found.next().map_or(Ok(()), |found| tell(line, found))?,
        }
    }
    Ok(())
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let model = AnyModel::load(args.model())?;
    args.check_used(Verb::Predict, model.task_name())?;
    if args.settings.seed.is_some() && args.temperature.is_none() {
        return Err(Failure::Usage("--seed is an option of sampling: give --temperature, too".to_owned()));
    }
    match model {
        AnyModel::Caption(model) => caption::run(args, model),
        AnyModel::Classify(model) => classify::run(args, model),
        AnyModel::Tag(model) => tag::run(args, model),
        AnyModel::Translate(model) => translate::run(args, model),
        AnyModel::Forecast(model) => forecast::run(args, model),
        AnyModel::Music(_) => Err(Failure::Usage(
            "that is a composer: it writes (`refrain sample MODEL --out piece.mid`) and measures (`refrain eval`)"
                .to_owned(),
        )),
        AnyModel::Language(_) => Err(Failure::Usage(
            "that is a language model: it writes (`refrain sample`) and measures (`refrain eval`)".to_owned(),
        )),
    }
}
