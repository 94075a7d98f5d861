//! Captions images and vectors.

use refrain::sample::SamplingOptions;
use refrain::task::Caption;
use refrain::task::caption::{Decoding, InputCodec};
use refrain::{Error, Model, Session};
use serde_json::json;

use super::texts;
use crate::args::Args;
use crate::failure::Failure;
use crate::out;

pub(super) fn run(args: &Args, model: Model<Caption>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let inputs: Vec<Vec<f32>> = match (model.task.codec(), args.input.is_none()) {
        (InputCodec::Image { .. }, true) => {
            return Err(Failure::Usage("give image files: this model reads images".to_owned()));
        }
        (InputCodec::Vector(_), true) => {
            let texts = texts(args)?;
            let vectors = texts.iter().map(|input| model.task.vectors_of(&input.name, &input.text));
            vectors.collect::<Result<Vec<_>, Error>>()?.concat()
        }
        (_, false) => {
            let inputs: Result<Vec<_>, Error> =
                args.input.iter().flatten().map(|path| model.task.read_inputs(path)).collect();
            inputs?.concat()
        }
    };
    let decoding = match args.temperature {
        Some(temperature) => Decoding::Sample(SamplingOptions {
            temperature,
            seed: args.settings.seed.unwrap_or(0),
            ..SamplingOptions::default()
        }),
        None => args.decoding()?,
    };
    for caption in Session::new(model, &backend).predict(&inputs, &decoding)? {
        match args.json() {
            true => out::line(&json!({ "text": caption.text, "score": caption.score }).to_string())?,
            false => out::line(&caption.text)?,
        }
    }
    Ok(())
}
