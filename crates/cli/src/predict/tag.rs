//! Tags words and frames: one word and its tag per line, an empty line after each sentence.

use refrain::task::Tag;
use refrain::task::tag::{TagCodec, TagInput};
use refrain::{Error, Model, Session};
use serde_json::json;

use super::texts;
use crate::args::Args;
use crate::failure::Failure;
use crate::out;

pub(super) fn run(args: &Args, model: Model<Tag>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let inputs: Vec<Result<Vec<TagInput>, Error>> = match session.model().task.codec() {
        TagCodec::Words { .. } => {
            let texts = texts(args)?;
            texts.iter().map(|input| session.model().task.sentences_in(&input.name, &input.text)).collect()
        }
        TagCodec::Frames(_) if args.input.is_none() => {
            return Err(Failure::Usage("give files: this model reads sequences of numbers".to_owned()));
        }
        TagCodec::Frames(_) => {
            args.input.iter().flatten().map(|path| session.model().task.sequences_in(path)).collect()
        }
    };
    let inputs = inputs.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    let names = session.model().task.labels();
    for (input, tagged) in inputs.iter().zip(session.predict(&inputs)?) {
        let tags: Vec<&str> = tagged.labels.iter().map(|&label| &names[label][..]).collect();
        if args.json() {
            let mut object = json!({ "tags": tags, "probabilities": tagged.probabilities });
            if let TagInput::Words(words) = input {
                object["words"] = json!(words);
            }
            out::line(&object.to_string())?;
            continue;
        }
        match input {
            TagInput::Words(words) => {
                words.iter().zip(&tags).try_for_each(|(word, tag)| out::line(&format!("{word}\t{tag}")))?;
            }
            TagInput::Frames { .. } => tags.iter().try_for_each(|tag| out::line(tag))?,
        }
        out::line("")?;
    }
    Ok(())
}
