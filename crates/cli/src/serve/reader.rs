//! Models that read what is typed: what each shows of a text.

use std::path::Path;

use refrain::inspect::{Facts, Inspection, Recording, Wanted};
use refrain::model::Task;
use refrain::sample::{BeamOptions, Options};
use refrain::task::classify::{ClassifyInput, InputCodec};
use refrain::task::tag::TagCodec;
use refrain::task::{Classify, Language, Tag, Translate};
use refrain::text::Source;
use refrain::{Cpu, Error, Model, Result, Session};

use super::{Args, writer};
use crate::task::kind_of;
use crate::{Failure, page};

/// A model that lives as long as the program.
pub(super) type Served<T> = &'static Session<'static, T, Cpu>;

/// What the page asks of a model.
pub(super) trait Reader: Send + Sync {
    /// What happens while it reads a text. What takes longer than a glance ([`Reader::more`]) is left out.
    fn read(&self, text: &str) -> Result<Recording>;

    /// The rest.
    fn more(&self, _text: &str) -> Result<Option<Inspection>> {
        Ok(None)
    }

    /// A text to begin with, of the model's own.
    fn sample(&self) -> String {
        String::new()
    }

    /// What the model can write, if it writes on.
    fn vocabulary(&self) -> Vec<String> {
        vec![]
    }
}

/// Tokens of a text that is read, and that are named.
const MAX_TOKENS: usize = 20_000;
/// Bytes of its activations.
const MAX_BYTES: usize = 128 << 20;
/// Symbols of the text that the page begins with.
const SAMPLE: usize = 400;

/// A language model and what people call it.
pub(super) struct LanguageReader {
    pub(super) session: Served<Language>,
    pub(super) name: String,
}

impl LanguageReader {
    fn inspect(&self, text: &str, wanted: Wanted) -> Result<Recording> {
        let source = Source::memory("the text", text);
        self.session.inspect(source, &Wanted { tokens: MAX_TOKENS, name: self.name.clone(), ..wanted })
    }
}

impl Reader for LanguageReader {
    fn read(&self, text: &str) -> Result<Recording> {
        let at_once = Wanted { bytes: MAX_BYTES, finder: false, maps: false, lags: 0, ..Wanted::default() };
        self.inspect(text, at_once)
    }

    fn more(&self, text: &str) -> Result<Option<Inspection>> {
        let recording = self.inspect(text, Wanted { bytes: 0, unrolled: 0, ..Wanted::default() })?;
        Ok(Some(recording.inspection))
    }

    fn sample(&self) -> String {
        let options = Options { temperature: 0.8, ..Options::default() };
        self.session.write("", SAMPLE, &options).unwrap_or_default()
    }

    fn vocabulary(&self) -> Vec<String> {
        let vocabulary = &self.session.model().task.vocabulary;
        (0..vocabulary.len() as u32).map(|id| writer::named(vocabulary, id)).take(MAX_TOKENS).collect()
    }
}

/// Models of other tasks are a function of the text.
impl<F: Fn(&str) -> Result<Recording> + Send + Sync> Reader for F {
    fn read(&self, text: &str) -> Result<Recording> {
        self(text)
    }
}

/// The reader of a model of another task than language.
pub(super) fn of_task(args: &Args, task: &str) -> std::result::Result<(Facts, Box<dyn Reader>), Failure> {
    let name = page::name_of(&args.model);
    match task {
        "classify" => {
            let model = Model::<Classify>::load(&args.model)?;
            if !matches!(model.task.codec(), InputCodec::Text(_)) {
                return Err(no_text(task));
            }
            let facts = Facts::of(&model, &name);
            let session = args.serve(model)?;
            let read = move |text: &str| session.inspect(ClassifyInput::Text(one_line(text)), &name);
            Ok((facts, Box::new(read)))
        }
        "tag" => {
            let model = Model::<Tag>::load(&args.model)?;
            if !matches!(model.task.codec(), TagCodec::Words { .. }) {
                return Err(no_text(task));
            }
            let facts = Facts::of(&model, &name);
            let session = args.serve(model)?;
            let read = move |text: &str| {
                let sentences = session.model().task.sentences_in(Path::new("the text"), text)?;
                let mut recording = session.inspect(sentences.first().ok_or_else(nothing_to_read)?, &name)?;
                recording.inspection.truncated = (sentences.len() > 1)
                    .then(|| format!("the first of {} sentences, each a line", sentences.len()));
                Ok(recording)
            };
            Ok((facts, Box::new(read)))
        }
        "translate" => {
            let model = Model::<Translate>::load(&args.model)?;
            let facts = Facts::of(&model, &name);
            let session = args.serve(model)?;
            let read = move |text: &str| session.inspect(&one_line(text), &BeamOptions::default(), &name);
            Ok((facts, Box::new(read)))
        }
        _ => Err(no_text(task)),
    }
}

impl Args {
    /// The model on this machine's processors, for as long as the program runs.
    pub(super) fn serve<T: Task>(&self, model: Model<T>) -> std::result::Result<Served<T>, Failure> {
        let model: &'static Model<T> = Box::leak(Box::new(model));
        let backend: &'static Cpu = Box::leak(Box::new(self.machine.backend(model)?));
        Ok(Box::leak(Box::new(model.on(backend))))
    }
}

/// These models read a line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn nothing_to_read() -> Error {
    Error::Config("the text is empty: give at least a word".to_owned())
}

fn no_text(task: &str) -> Failure {
    Failure::Usage(format!(
        "that is a {} that reads no text which could be typed: look into it with `refrain inspect`",
        kind_of(task)
    ))
}
