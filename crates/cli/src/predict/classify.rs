//! Classifies texts and sequences.

use refrain::task::Classify;
use refrain::task::classify::{Classified, ClassifyInput, InputCodec};
use refrain::{Error, Model, Session};
use serde_json::{Map, json};

use super::{print_lines, texts};
use crate::args::Args;
use crate::failure::Failure;
use crate::out;

pub(super) fn run(args: &Args, model: Model<Classify>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let labels = session.model().task.labels();
    let print = |classified: Classified| {
        let label = &labels[classified.class];
        if !args.json() {
            return out::line(label);
        }
        let scores = labels.iter().zip(&classified.probabilities);
        let scores: Map<_, _> = scores.map(|(label, &p)| (label.clone(), json!(p))).collect();
        out::line(&json!({ "label": label, "scores": scores }).to_string())
    };
    match session.model().task.codec() {
        InputCodec::Text(_) => {
            let texts = texts(args)?;
            let lines: Vec<String> =
                texts.iter().flat_map(|input| session.model().task.texts_in(&input.text)).collect();
            let inputs = lines.iter().filter(|line| !line.is_empty()).cloned();
            let found = session.predict(inputs.map(ClassifyInput::Text).collect())?;
            print_lines(args, &lines, found, |_, classified| print(classified))
        }
        InputCodec::Frames(_) if args.input.is_none() => {
            Err(Failure::Usage("give files: this model reads sequences of numbers".to_owned()))
        }
        InputCodec::Frames(_) => {
            let sequences: Result<Vec<_>, Error> =
                args.input.iter().flatten().map(|path| session.model().task.sequences_in(path)).collect();
            session.predict(sequences?.concat())?.into_iter().try_for_each(print)
        }
    }
}
