//! Translates each line.

use refrain::task::Translate;
use refrain::{Model, Session};
use serde_json::json;

use super::{print_lines, texts};
use crate::args::Args;
use crate::failure::Failure;
use crate::out;

pub(super) fn run(args: &Args, model: Model<Translate>) -> Result<(), Failure> {
    let n_best = args.n_best.unwrap_or(1);
    let options = args.beam_search(n_best);
    options.validate()?;
    if !(1..=options.width).contains(&n_best) {
        return Err(Failure::Usage(format!(
            "--n-best is {n_best}: give 1 to {}, the value of --beam",
            options.width
        )));
    }
    let backend = args.backend(&model)?;
    let texts = texts(args)?;
    let lines: Vec<String> = texts.iter().flat_map(|input| Translate::sources_in(&input.text)).collect();
    let sources: Vec<&String> = lines.iter().filter(|line| !line.is_empty()).collect();
    let found = Session::new(model, &backend).translate(&sources, &options)?;
    print_lines(args, &lines, found, |source, translations| {
        let best = &translations[..n_best.min(translations.len())];
        if !args.json() {
            return best.iter().try_for_each(|found| out::line(&found.text));
        }
        let best = best.iter().map(|found| {
            json!({ "text": found.text, "score": found.score, "log_probability": found.log_probability })
        });
        out::line(&json!({ "source": source, "targets": best.collect::<Vec<_>>() }).to_string())
    })
}
