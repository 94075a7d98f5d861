//! Evaluates classifiers: accuracy, macro F1 and the confusion matrix.

use refrain::picture::confusion_figure;
use refrain::task::Classify;
use refrain::{Model, Session};
use serde_json::json;

use super::{draw, file};
use crate::args::Args;
use crate::failure::Failure;
use crate::out::{self, thousands};

/// Maximum rows of the confusion matrix.
const MAX_LABELS: usize = 12;

pub(super) fn run(args: &Args, model: Model<Classify>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let found = session.evaluate(&session.model().task.read_dataset(file(args)?)?)?;
    let confusion = &found.confusion;
    draw(args, || confusion_figure(confusion, session.model().task.labels()))?;
    if args.json() {
        let object = json!({
            "accuracy": confusion.accuracy(), "macro_f1": confusion.macro_f1(), "loss": found.loss,
            "sequences": confusion.total(), "precision": backend.precision().name(),
        });
        return out::line(&object.to_string());
    }
    out::line(&format!("accuracy   {:.2} %", 100.0 * confusion.accuracy()))?;
    out::line(&format!("macro F1   {:.2} %", 100.0 * confusion.macro_f1()))?;
    out::line(&format!("loss       {:.4} nats per label", found.loss))?;
    out::line(&format!("sequences  {}", thousands(confusion.total())))?;
    out::line(&format!("\n{}", confusion.table(session.model().task.labels(), MAX_LABELS).trim_end()))
}
