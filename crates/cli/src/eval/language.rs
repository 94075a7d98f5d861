//! Evaluates language models: nats and bits per token or character, perplexity.

use std::io::{self, IsTerminal};

use indicatif::ProgressBar;
use refrain::task::Language;
use refrain::text::{Source, TokenUnits};
use refrain::{Model, Session};
use serde_json::json;

use crate::args::Args;
use crate::failure::Failure;
use crate::out::{self, thousands};

/// Evaluates all tokens except the first. The state is carried through the whole text; several files are one text.
pub(super) fn run(args: &Args, model: Model<Language>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let precision = backend.precision();
    let session = Session::new(model, &backend);
    let shown = !args.json() && io::stderr().is_terminal();
    let bar = if shown { ProgressBar::new(1000) } else { ProgressBar::hidden() };
    let texts = args.settings.data.iter().flatten().map(Source::file).collect();
    let found =
        session.evaluate(texts, args.settings.raw == Some(true) || session.model().task.raw, |share| {
            bar.set_position((share * 1000.0) as u64);
        });
    bar.finish_and_clear();
    let found = found?;
    let (nats, bits, perplexity) = (found.nats_per_token(), found.bits_per_char(), found.perplexity());
    if args.json() {
        let object = json!({
            "loss": nats, "bits_per_char": bits, "perplexity": perplexity,
            "tokens": found.loss.count, "characters": found.characters, "unknown": found.unknown,
            "precision": precision.name(),
        });
        return out::line(&object.to_string());
    }
    let units = session.model().task.vocabulary.units();
    let unit = units.singular();
    out::line(&format!("loss        {nats:.4} nats per {unit}"))?;
    let symbol = if units == TokenUnits::Byte { unit } else { "character" };
    out::line(&format!("            {bits:.4} bits per {symbol}"))?;
    out::line(&format!("perplexity  {perplexity:.3}"))?;
    out::line(&format!("{:<11} {}", units.plural(), thousands(found.loss.count as u64)))?;
    if found.unknown > 0 {
        let share = 100.0 * found.unknown as f64 / found.loss.count as f64;
        let unknown = thousands(found.unknown);
        out::line(&format!(
            "unknown     {unknown} ({share:.2} %) not in the vocabulary, counted as the unknown token"
        ))?;
    }
    Ok(())
}
