//! Evaluates taggers: accuracy, macro F1, spans, unknown words and the confusion matrix.

use refrain::picture::confusion_figure;
use refrain::task::Tag;
use refrain::{Model, Session};
use serde_json::json;

use super::{draw, file};
use crate::args::Args;
use crate::failure::Failure;
use crate::out::{self, thousands};

/// Maximum rows of the confusion matrix.
const MAX_TAGS: usize = 12;

pub(super) fn run(args: &Args, model: Model<Tag>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let found = session.evaluate(&session.model().task.read_dataset(file(args)?)?)?;
    let (confusion, unknown) = (&found.confusion, &found.unknown);
    draw(args, || confusion_figure(confusion, session.model().task.labels()))?;
    if args.json() {
        let object = json!({
            "accuracy": confusion.accuracy(), "macro_f1": confusion.macro_f1(),
            "span_f1": found.spans.as_ref().map(|spans| spans.overall().f1()), "loss": found.loss,
            "unknown": unknown.total(), "unknown_accuracy": (unknown.total() > 0).then(|| unknown.accuracy()),
            "tags": confusion.total(), "sequences": found.sequences, "precision": backend.precision().name(),
        });
        return out::line(&object.to_string());
    }
    let percent = |name: &str, share: f64| out::line(&format!("{name:<10} {:.2} %", 100.0 * share));
    percent("accuracy", confusion.accuracy())?;
    percent("macro F1", confusion.macro_f1())?;
    if let Some(spans) = &found.spans {
        percent("span F1", spans.overall().f1())?;
        for (kind, scores) in spans.kinds() {
            let [precision, recall, f1] =
                [scores.precision(), scores.recall(), scores.f1()].map(|x| 100.0 * x);
            out::line(&format!(
                "  {kind:<8} {f1:.2} %   precision {precision:.2} %, recall {recall:.2} %, {} spans",
                thousands(scores.support)
            ))?;
        }
    }
    out::line(&format!("loss       {:.4} nats per tag", found.loss))?;
    if unknown.total() > 0 {
        let share = 100.0 * unknown.total() as f64 / confusion.total() as f64;
        out::line(&format!(
            "unknown    accuracy {:.2} %, {} words ({share:.1} %) not in the vocabulary",
            100.0 * unknown.accuracy(),
            thousands(unknown.total())
        ))?;
    }
    let (tags, sequences) = (thousands(confusion.total()), thousands(found.sequences as u64));
    out::line(&format!("tags       {tags} in {sequences} sequences"))?;
    out::line(&format!("\n{}", confusion.table(session.model().task.labels(), MAX_TAGS).trim_end()))
}
