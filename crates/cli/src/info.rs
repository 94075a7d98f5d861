//! `refrain info`: describes this machine, or a model and its training.

use refrain::kernels::Isa;
use refrain::train::available_threads;
use refrain::{AnyModel, History, PrecisionChoice};

use crate::args::Args;
use crate::failure::Failure;
use crate::out::{self, thousands};

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.model {
        Some(path) => model(&AnyModel::load(path)?),
        None => machine(),
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
    out::line(&format!("threads          {}", available_threads()))
}

fn model(model: &AnyModel) -> Result<(), Failure> {
    field("task", model.task_name().name())?;
    field("model", &model.summary())?;
    field("parameters", &thousands(model.parameters() as u64))?;
    for entry in model.layout().entries() {
        out::line(&format!("            {:<24} {:?}", entry.name, entry.shape))?;
    }
    for (name, text) in model.about() {
        field(name, &text)?;
    }
    training(model.history())
}

fn training(history: &History) -> Result<(), Failure> {
    field("data", &format!("{}: {} for training", history.data, thousands(history.train_size)))?;
    field("training", &history.recipe)?;
    field("device", &format!("{}, refrain {}", history.computed_with, history.version))?;
    field("checkpoint", &format!("update {}, epoch {}", thousands(history.step), history.epoch))?;
    let Some(last) = history.validations.len().checked_sub(1) else { return Ok(()) };
    let has_accuracy = history.validations[last].valid_accuracy.is_some();
    let accuracy = if has_accuracy { " accuracy" } else { "" };
    out::line(&format!("history     update    epoch    train    valid{accuracy}   (nats)"))?;
    let every = history.validations.len().div_ceil(20).max(1);
    for (_, m) in history.validations.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last) {
        let step = thousands(m.step);
        let accuracy = m.valid_accuracy.map_or(String::new(), |share| format!(" {:>7.2}%", 100.0 * share));
        out::line(&format!(
            "         {step:>9} {:>8} {:>8.4} {:>8.4}{accuracy}",
            m.epoch, m.train_loss, m.valid_loss
        ))?;
    }
    Ok(())
}

/// Prints a name and a text, wrapped at about 80 columns.
fn field(name: &str, text: &str) -> Result<(), Failure> {
    for (i, line) in wrapped(text).iter().enumerate() {
        let name = if i == 0 { name } else { "" };
        out::line(&format!("{name:<11} {line}"))?;
    }
    Ok(())
}

fn wrapped(text: &str) -> Vec<String> {
    const COLUMNS: usize = 80;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
