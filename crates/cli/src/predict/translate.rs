//! A target for each source.

use refrain::task::Translate;
use refrain::{Model, format};
use serde_json::json;

use super::Args;
use crate::{Failure, out};

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let n_best = args.n_best.unwrap_or(1);
    let options = args.beam.options(n_best);
    options.validate()?;
    if !(1..=options.width).contains(&n_best) {
        return Err(Failure::Usage(format!(
            "--n-best {n_best}: give a number from 1 to that of --beam, {}",
            options.width
        )));
    }
    let model = Model::<Translate>::load(&args.model)?;
    let backend = args.machine.backend(&model)?;
    let texts = args.texts()?;
    let lines: Vec<String> =
        texts.iter().flat_map(|input| format::texts_of(&input.text)).map(|line| line.text).collect();
    for (source, translations) in lines.iter().zip(model.on(&backend).translate(&lines, &options)?) {
        let best = &translations[..n_best.min(translations.len())];
        if args.json {
            let best = best.iter().map(|found| {
                json!({ "text": found.text, "score": found.score, "log_probability": found.log_probability })
            });
            let object = json!({ "source": source, "targets": best.collect::<Vec<_>>() });
            out::line(&object.to_string())?;
        } else {
            best.iter().try_for_each(|found| out::line(&found.text))?;
        }
    }
    Ok(())
}
