//! A label for each text or sequence.

use refrain::task::Classify;
use refrain::task::classify::{ClassifyInput, InputCodec, read_inputs};
use refrain::{Error, Model, format};
use serde_json::{Map, json};

use super::Args;
use crate::{Failure, out};

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let model = Model::<Classify>::load(&args.model)?;
    let backend = args.machine.backend(&model)?;
    let session = model.on(&backend);
    let inputs: Vec<ClassifyInput> = match model.task.codec() {
        InputCodec::Text(_) => {
            let texts = args.texts()?;
            let lines = texts.iter().flat_map(|input| format::texts_of(&input.text));
            lines.map(|line| ClassifyInput::Text(line.text)).collect()
        }
        InputCodec::Frames(_) if args.input.is_empty() => {
            return Err(Failure::Usage("name the files: this model reads sequences of numbers".to_owned()));
        }
        InputCodec::Frames(_) => {
            let sequences: Result<Vec<_>, Error> = args.input.iter().map(|path| read_inputs(path)).collect();
            sequences?.concat()
        }
    };
    let labels = model.task.labels();
    for classified in session.predict(inputs)? {
        let label = &labels[classified.class];
        if args.json {
            let scores = labels.iter().zip(&classified.probabilities);
            let scores: Map<_, _> = scores.map(|(label, &p)| (label.clone(), json!(p))).collect();
            out::line(&json!({ "label": label, "scores": scores }).to_string())?;
        } else {
            out::line(label)?;
        }
    }
    Ok(())
}
