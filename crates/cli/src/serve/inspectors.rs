//! Inspection of typed text, for models that take text.

use std::path::Path;

use refrain::inspect::{Inspection, Recording};
use refrain::model::Task;
use refrain::sample::{BeamOptions, SamplingOptions};
use refrain::task::Language;
use refrain::task::classify::{ClassifyInput, InputCodec};
use refrain::task::language::InspectOptions;
use refrain::task::tag::TagCodec;
use refrain::text::Source;
use refrain::{AnyModel, Cpu, Error, InputProblem, Model, Place, Result, Session};

use super::generation;
use crate::args::Args;
use crate::failure::Failure;
use crate::page;
use crate::task::kind_of;

/// What the page needs from a model.
pub(super) trait TextInspector: Send + Sync {
    /// Runs the model on a text and records its activations, without the unit finder and gradients
    /// ([`TextInspector::more`]).
    fn inspect(&self, text: &str) -> Result<Recording>;

    /// The unit finder and gradients.
    fn more(&self, _text: &str) -> Result<Option<Inspection>> {
        Ok(None)
    }

    /// Generated text that the page starts with.
    fn sample(&self) -> String {
        String::new()
    }

    /// The tokens that the model can generate, if it is a language model.
    fn vocabulary(&self) -> Vec<String> {
        vec![]
    }
}

/// Maximum number of tokens of a text, and of the listed vocabulary.
const MAX_TOKENS: usize = 20_000;
/// Maximum memory for the activations of a text.
const MAX_BYTES: usize = 128 << 20;
/// Tokens of the text that the page starts with.
const SAMPLE_TOKENS: usize = 400;

/// A language model and its name.
pub(super) struct LanguageInspector {
    pub(super) session: Session<Language, Cpu>,
    pub(super) name: String,
}

impl LanguageInspector {
    fn record(&self, text: &str, options: InspectOptions) -> Result<Recording> {
        let source = Source::memory("the text", text);
        self.session
            .inspect(source, &InspectOptions { tokens: MAX_TOKENS, name: self.name.clone(), ..options })
    }
}

impl TextInspector for LanguageInspector {
    fn inspect(&self, text: &str) -> Result<Recording> {
        let at_once = InspectOptions {
            bytes: MAX_BYTES,
            finder: false,
            maps: false,
            lags: 0,
            ..InspectOptions::default()
        };
        self.record(text, at_once)
    }

    fn more(&self, text: &str) -> Result<Option<Inspection>> {
        let recording =
            self.record(text, InspectOptions { bytes: 0, unrolled: 0, ..InspectOptions::default() })?;
        Ok(Some(recording.inspection))
    }

    fn sample(&self) -> String {
        let options = SamplingOptions { temperature: 0.8, ..SamplingOptions::default() };
        self.session.write("", SAMPLE_TOKENS, &options).unwrap_or_default()
    }

    fn vocabulary(&self) -> Vec<String> {
        let vocabulary = &self.session.model().task.vocabulary;
        (0..vocabulary.len() as u32)
            .map(|id| generation::token_text(vocabulary, id))
            .take(MAX_TOKENS)
            .collect()
    }
}

/// For other tasks a function of the text is enough.
impl<F: Fn(&str) -> Result<Recording> + Send + Sync> TextInspector for F {
    fn inspect(&self, text: &str) -> Result<Recording> {
        self(text)
    }
}

/// The inspector of a model of another task than language.
pub(super) fn of_model(model: AnyModel, args: &Args) -> std::result::Result<Box<dyn TextInspector>, Failure> {
    let (name, task) = (page::name_of(args.model()), model.task_name());
    match model {
        AnyModel::Classify(model) if matches!(model.task.codec(), InputCodec::Text(_)) => {
            let session = session(args, model)?;
            let inspect = move |text: &str| session.inspect(ClassifyInput::Text(one_line(text)), &name);
            Ok(Box::new(inspect))
        }
        AnyModel::Tag(model) if matches!(model.task.codec(), TagCodec::Words { .. }) => {
            let session = session(args, model)?;
            let inspect = move |text: &str| {
                let sentences = session.model().task.sentences_in(Path::new("the text"), text)?;
                let mut recording = session.inspect(sentences.first().ok_or_else(nothing_to_read)?, &name)?;
                recording.inspection.truncated = (sentences.len() > 1)
                    .then(|| format!("the first of {} sentences (one per line)", sentences.len()));
                Ok(recording)
            };
            Ok(Box::new(inspect))
        }
        AnyModel::Translate(model) => {
            let session = session(args, model)?;
            let inspect = move |text: &str| session.inspect(&one_line(text), &BeamOptions::default(), &name);
            Ok(Box::new(inspect))
        }
        _ => Err(Failure::Usage(format!(
            "this is a {}, which does not take text input: use `refrain inspect`",
            kind_of(task)
        ))),
    }
}

pub(super) fn session<T: Task>(
    args: &Args,
    model: Model<T>,
) -> std::result::Result<Session<T, Cpu>, Failure> {
    let backend = args.backend(&model)?;
    Ok(Session::new(model, &backend))
}

/// These models take a single line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn nothing_to_read() -> Error {
    let problem = InputProblem::TooLittle {
        found: "is empty".to_owned(),
        expected: "give at least one word".to_owned(),
    };
    Error::Input { place: Place::of("the text"), problem }
}
