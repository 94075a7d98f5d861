//! Evaluates captioners: exact matches, character error rate, BLEU and chrF, compared with the nearest input's text.

use refrain::metric::TextScores;
use refrain::task::Caption;
use refrain::{Model, Session};
use serde_json::{Value, json};

use super::file;
use crate::args::Args;
use crate::failure::Failure;
use crate::out::{self, thousands};

pub(super) fn run(args: &Args, model: Model<Caption>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let task = &session.model().task;
    let dataset = task.read_dataset(file(args)?, args.settings.images.as_deref())?;
    let baseline = args.baseline.as_deref().map(|path| task.read_dataset(path, None)).transpose()?;
    let found = session.evaluate(&dataset, &args.decoding()?, baseline.as_ref())?;
    if args.json() {
        let mut object = scores(&found.texts);
        object["loss"] = json!(found.loss);
        object["texts"] = json!(found.texts.characters.sequences);
        object["precision"] = json!(backend.precision().name());
        if let Some(baseline) = &found.baseline {
            object["nearest"] = scores(baseline);
        }
        return out::line(&object.to_string());
    }
    let compared = |score: fn(&TextScores) -> f64, unit: &str| {
        let nearest =
            found.baseline.as_ref().map(|baseline| format!("   nearest input {:.2}{unit}", score(baseline)));
        format!("{:.2}{unit}{}", score(&found.texts), nearest.unwrap_or_default())
    };
    out::line(&format!("exact  {}", compared(|texts| 100.0 * texts.exact(), " %")))?;
    out::line(&format!("CER    {}", compared(|texts| 100.0 * texts.cer(), " %")))?;
    out::line(&format!("BLEU   {}", compared(|texts| texts.bleu.score(), "")))?;
    out::line(&format!("chrF   {}", compared(|texts| texts.chrf.score(), "")))?;
    out::line(&format!("loss   {:.4} nats per token", found.loss))?;
    out::line(&format!("texts  {}", thousands(found.texts.characters.sequences)))
}

fn scores(texts: &TextScores) -> Value {
    json!({ "exact": texts.exact(), "cer": texts.cer(), "bleu": texts.bleu.score(), "chrf": texts.chrf.score() })
}
