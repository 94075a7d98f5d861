//! Inspection of other tasks than language: one sequence, with results of the task.

use std::path::Path;

use refrain::format::{self, read_text};
use refrain::inspect::Recording;
use refrain::sample::BeamOptions;
use refrain::task::Translate;
use refrain::task::caption::Decoding;
use refrain::task::classify::{ClassifyInput, InputCodec};
use refrain::task::tag::{TagCodec, TagInput};
use refrain::{AnyModel, Session};

use super::Request;
use crate::failure::Failure;
use crate::page;

/// Records a model on the selected sequence.
pub(super) fn record(args: &Request<'_>, model: AnyModel) -> Result<Recording, Failure> {
    let name = page::name_of(args.model());
    match model {
        AnyModel::Classify(model) => {
            let inputs = match model.task.codec() {
                InputCodec::Text(_) => {
                    non_empty(model.task.texts_in(&args.whole_text()?)).map(ClassifyInput::Text).collect()
                }
                InputCodec::Frames(_) => model.task.sequences_in(args.named_file()?)?,
            };
            let backend = args.backend(&model)?;
            Ok(Session::new(model, &backend).inspect(args.item_of(inputs)?, &name)?)
        }
        AnyModel::Tag(model) => {
            let inputs: Vec<TagInput> = match model.task.codec() {
                TagCodec::Words { .. } => {
                    let path = args.file()?.unwrap_or(Path::new("--text"));
                    model.task.sentences_in(path, &args.whole_text()?)?
                }
                TagCodec::Frames(_) => model.task.sequences_in(args.named_file()?)?,
            };
            let backend = args.backend(&model)?;
            Ok(Session::new(model, &backend).inspect(&args.item_of(inputs)?, &name)?)
        }
        AnyModel::Translate(model) => {
            let source = args.item_of(non_empty(Translate::sources_in(&args.whole_text()?)).collect())?;
            let backend = args.backend(&model)?;
            Ok(Session::new(model, &backend).inspect(&source, &BeamOptions::default(), &name)?)
        }
        AnyModel::Caption(model) => {
            let input = args.item_of(model.task.read_inputs(args.named_file()?)?)?;
            let backend = args.backend(&model)?;
            Ok(Session::new(model, &backend).inspect(&input, &Decoding::Greedy, &name)?)
        }
        AnyModel::Forecast(model) => {
            if args.text.is_some() {
                return Err(Failure::Usage(
                    "--text is not used by forecasters: give a CSV file, or none".to_owned(),
                ));
            }
            let backend = args.backend(&model)?;
            let series = args.file()?.map(|path| model.task.read_dataset(path)).transpose()?;
            Ok(Session::new(model, &backend).inspect(series.as_ref(), &name)?)
        }
        AnyModel::Music(model) => {
            let path = args.named_file()?;
            let pieces = match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mid"))
            {
                true => vec![format::read_midi(path, model.task.steps_per_quarter())?.roll],
                false => {
                    let parts = format::read_rolls(path)?;
                    if parts.test.is_empty() { parts.train } else { parts.test }
                }
            };
            let backend = args.backend(&model)?;
            Ok(Session::new(model, &backend).inspect(&args.item_of(pieces)?, &name))
        }
        AnyModel::Language(_) => Err(Failure::Usage("a language model reads a text".to_owned())),
    }
}

impl Request<'_> {
    fn named_file(&self) -> Result<&Path, Failure> {
        self.file()?.ok_or_else(|| Failure::Usage("give a file: this model does not read text".to_owned()))
    }

    fn whole_text(&self) -> Result<String, Failure> {
        match (&self.text, self.file()?) {
            (Some(text), _) => Ok(text.clone()),
            (None, Some(path)) => Ok(read_text(path)?),
            (None, None) => Err(Failure::Usage("give a text: a file, or --text '...'".to_owned())),
        }
    }

    /// The item that `--item` selects.
    fn item_of<T>(&self, items: Vec<T>) -> Result<T, Failure> {
        let count = items.len();
        if count == 0 {
            return Err(Failure::Usage("the input is empty".to_owned()));
        }
        let item = self.item.unwrap_or(1);
        let selected = item.checked_sub(1).and_then(|item| items.into_iter().nth(item));
        selected.ok_or_else(|| Failure::Usage(format!("--item {item}: there are {count}, counted from 1")))
    }
}

/// Lines that are not empty.
fn non_empty(lines: Vec<String>) -> impl Iterator<Item = String> {
    lines.into_iter().filter(|line| !line.is_empty())
}
