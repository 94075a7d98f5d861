//! Evaluates music models: negative log-likelihood and accuracy per frame.

use refrain::task::Music;
use refrain::{Model, Session};
use serde_json::json;

use super::file;
use crate::args::Args;
use crate::failure::Failure;
use crate::out::{self, thousands};

pub(super) fn run(args: &Args, model: Model<Music>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let (pieces, part) = model.task.read_dataset(file(args)?, args.part)?;
    let found = Session::new(model, &backend).evaluate(&pieces);
    if args.json() {
        let object = json!({
            "nll": found.nll, "accuracy": found.accuracy, "part": part, "pieces": found.pieces,
            "frames": found.frames, "precision": backend.precision().name(),
        });
        return out::line(&object.to_string());
    }
    out::line(&format!("nll       {:.4} nats per frame", found.nll))?;
    out::line(&format!("accuracy  {:.2} % of keys, TP / (TP + FP + FN)", 100.0 * found.accuracy))?;
    out::line(&format!(
        "part      {}: {} pieces, {} frames",
        part.name(),
        thousands(found.pieces as u64),
        thousands(found.frames as u64)
    ))
}
