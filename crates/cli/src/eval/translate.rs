//! Evaluates translators: exact matches, error rates, BLEU and chrF.

use refrain::task::Translate;
use refrain::{Model, Session};
use serde_json::json;

use super::file;
use crate::args::Args;
use crate::failure::Failure;
use crate::out::{self, thousands};

pub(super) fn run(args: &Args, model: Model<Translate>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let options = args.beam_search(1);
    let pairs = Translate::read_dataset(file(args)?)?;
    let found = Session::new(model, &backend).evaluate(&pairs, &options)?;
    let (exact, wer, per, cer) = (found.exact(), found.wer(), found.per(), found.characters.rate());
    let (bleu, chrf) = (found.bleu.score(), found.chrf.score());
    if args.json() {
        let object = json!({
            "exact": exact, "wer": wer, "per": per, "cer": cer, "bleu": bleu, "chrf": chrf,
            "loss": found.loss, "accuracy": found.accuracy, "sources": found.words.sequences,
            "beam": options.width, "precision": backend.precision().name(),
        });
        return out::line(&object.to_string());
    }
    let [exact, wer, per, cer] = [exact, wer, per, cer].map(|share| format!("{:.2} %", 100.0 * share));
    out::line(&format!("exact    {exact} of {} sources", thousands(found.words.sequences)))?;
    if found.spaced {
        out::line(&format!("WER      {wer} (words with a wrong symbol)"))?;
        out::line(&format!("PER      {per} (edits per symbol)"))?;
    } else {
        out::line(&format!("WER      {wer} (edits per word)"))?;
        out::line(&format!("CER      {cer} (edits per character)"))?;
        out::line(&format!("BLEU     {bleu:.2}"))?;
        out::line(&format!("chrF     {chrf:.2}"))?;
    }
    let (loss, accuracy) = (found.loss, 100.0 * found.accuracy);
    out::line(&format!("loss     {loss:.4} nats per token, accuracy {accuracy:.2} % (teacher forcing)"))
}
