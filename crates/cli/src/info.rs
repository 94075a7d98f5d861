//! `refrain info`: what this program and machine are, or what a model is.

use std::path::PathBuf;

use refrain::kernels::Isa;
use refrain::model::Network;
use refrain::task::Language;
use refrain::{Model, PrecisionChoice, train};

use crate::Failure;
use crate::out::{self, thousands};

/// Say what a model is and how it was trained; without MODEL, what this machine offers.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  refrain info runs/latin")]
pub(crate) struct Args {
    /// A model file, or the directory of a run
    model: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    match args.model {
        None => machine(),
        Some(path) => model(&Model::<Language>::load(path)?),
    }
}

fn machine() -> Result<(), Failure> {
    let isa = Isa::detect()?;
    let available: Vec<&str> = Isa::available().map(Isa::name).collect();
    out::line(&format!("refrain          {}", env!("CARGO_PKG_VERSION")))?;
    out::line(&format!("instruction set  {isa} ({} forces another)", Isa::VARIABLE))?;
    out::line(&format!("available        {}", available.join(", ")))?;
    let auto = PrecisionChoice::Auto.resolve(usize::MAX);
    out::line(&format!("precision        {auto} (--precision chooses among f32, bf16 and int8)"))?;
    out::line(&format!("threads          {}", train::available_threads()))
}

fn model(model: &Model<Language>) -> Result<(), Failure> {
    let (language, vocabulary, history) = (&model.task.network, &model.task.vocabulary, &model.history);
    let architecture = language.architecture();
    out::line(&format!("model       language model, {}", architecture.summary()))?;
    out::line(&format!("parameters  {}", thousands(language.layout().len() as u64)))?;
    for entry in language.layout().entries() {
        out::line(&format!("            {:<22} {:?}", entry.name, entry.shape))?;
    }
    let unknown = if vocabulary.unknown().is_some() { " and the unknown symbol" } else { "" };
    let known = vocabulary.symbols().len();
    out::line(&format!("vocabulary  {known} {} symbols{unknown}", vocabulary.units()))?;
    let ids = (0..vocabulary.len() as u32).filter(|&id| Some(id) != vocabulary.unknown());
    let more = (known > MOST_SYMBOLS).then(|| "...".to_owned());
    for line in wrapped(ids.take(MOST_SYMBOLS).map(|id| vocabulary.render(id)).chain(more)) {
        out::line(&format!("            {line}"))?;
    }
    out::line(&format!(
        "trained on  {}, {} of them learned from",
        history.data,
        thousands(history.train_size)
    ))?;
    out::line(&format!("recipe      {}", history.recipe))?;
    out::line(&format!("computed    {}, by refrain {}", history.computed_with, history.version))?;
    out::line(&format!("stands at   update {}, epoch {}", thousands(history.step), history.epoch))?;
    if !history.measured.is_empty() {
        let unit = vocabulary.units().singular();
        out::line(&format!("history     update    epoch    train    valid   (nats a {unit})"))?;
    }
    let every = history.measured.len().div_ceil(20).max(1);
    let last = history.measured.len().saturating_sub(1);
    for (_, m) in history.measured.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last) {
        let step = thousands(m.step);
        out::line(&format!("         {step:>9} {:>8} {:>8.4} {:>8.4}", m.epoch, m.train_loss, m.valid_loss))?;
    }
    Ok(())
}

/// Symbols of a vocabulary that are shown.
const MOST_SYMBOLS: usize = 400;

/// Words in lines of about 80 columns.
fn wrapped(words: impl Iterator<Item = String>) -> Vec<String> {
    const COLUMNS: usize = 80;
    let mut lines = vec![String::new()];
    for word in words {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}
