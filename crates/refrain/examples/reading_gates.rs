//! Trains an LSTM on nested brackets and reads its gates while it reads a text: which unit of the top layer follows the depth.

use std::ops::ControlFlow;

use refrain::task::language::Dataset;
use refrain::train::{Example, Settings};
use refrain::{Cpu, Result, Session};

fn main() -> Result<()> {
    let backend = Cpu::new(2)?;
    let settings =
        Settings { hidden_size: Some(24), num_layers: Some(1), max_steps: Some(400), ..Settings::default() };
    let brackets = Dataset::example(Example::Brackets, 1);
    let model = settings.fit(&backend, brackets, None, |_| ControlFlow::Continue(()))?;
    let session = Session::new(model, &backend);

    let text = "((()())())";
    let ids = session.model().task.vocabulary.encode_prompt(text)?;
    let trace = session.trace(&ids)?;
    let units = trace.layers[0].units;
    // The depth after each bracket, and how each cell state goes along with it.
    let depth = |t: usize| text[..=t].chars().map(|c| if c == '(' { 1.0 } else { -1.0 }).sum::<f32>();
    let follows = |unit: usize| {
        (0..text.len()).map(|t| trace["c"][t * units + unit] * (depth(t) - 1.5)).sum::<f32>().abs()
    };
    let unit = (0..units).max_by(|&a, &b| follows(a).total_cmp(&follows(b))).unwrap_or(0);
    println!("unit {unit} follows the depth best");
    for (t, bracket) in text.char_indices() {
        let [c, i, f, o] = ["c", "i", "f", "o"].map(|name| trace[name][t * units + unit]);
        println!("{bracket}  depth {:.0}   c {c:6.2}   i {i:.2}   f {f:.2}   o {o:.2}", depth(t));
    }
    Ok(())
}
