//! `refrain info`: what this program and machine are, or what a model is.

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
    said("task", model.task_name().name())?;
    said("model", &model.summary())?;
    said("parameters", &thousands(model.parameters() as u64))?;
    for entry in model.layout().entries() {
        out::line(&format!("            {:<24} {:?}", entry.name, entry.shape))?;
    }
    for (name, text) in model.about() {
        said(name, &text)?;
    }
    trained(model.history())
}

fn trained(history: &History) -> Result<(), Failure> {
    said("trained on", &format!("{}, {} of them learned from", history.data, thousands(history.train_size)))?;
    said("recipe", &history.recipe)?;
    said("computed", &format!("{}, by refrain {}", history.computed_with, history.version))?;
    said("stands at", &format!("update {}, epoch {}", thousands(history.step), history.epoch))?;
    let Some(last) = history.measured.len().checked_sub(1) else { return Ok(()) };
    let accuracy = history.measured[last].valid_accuracy.is_some();
    let right = if accuracy { "    right" } else { "" };
    out::line(&format!("history     update    epoch    train    valid{right}   (nats)"))?;
    let every = history.measured.len().div_ceil(20).max(1);
    for (_, m) in history.measured.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last) {
        let step = thousands(m.step);
        let right = m.valid_accuracy.map_or(String::new(), |share| format!(" {:>7.2}%", 100.0 * share));
        out::line(&format!(
            "         {step:>9} {:>8} {:>8.4} {:>8.4}{right}",
            m.epoch, m.train_loss, m.valid_loss
        ))?;
    }
    Ok(())
}

/// A name and what is to be said of it, in lines of about 80 columns.
fn said(name: &str, text: &str) -> Result<(), Failure> {
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
