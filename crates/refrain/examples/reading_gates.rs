//! Trains an LSTM on nested brackets and finds the unit of the top layer that correlates most with the nesting depth.

use std::ops::ControlFlow;

use refrain::task::language::Dataset;
use refrain::train::{Example, Settings};
use refrain::{Cpu, Result, Session};

fn main() -> Result<()> {
    let backend = Cpu::new(2)?;
    let settings = Settings { max_steps: Some(1_500), ..Settings::default() };
    let brackets = Dataset::example(Example::Brackets, 1);
    let model = settings.fit(&backend, brackets, None, |_| ControlFlow::Continue(()))?;
    let session = Session::new(model, &backend);

    let text = "( 1 ( 2 ( 3 ) 2 ) 1 ( 2 ( 3 ( 4 ) 3 ) 2 ) ) 0 ( 1 )";
    let ids = session.model().task.vocabulary.encode_prompt(text)?;
    let trace = session.trace(&ids)?;
    let units = trace.layers[0].units;
    // The depth after each token, and its correlation with each cell state.
    let count = |t: usize, bracket| text[..=t].matches(bracket).count() as f32;
    let depth = |t: usize| count(t, '(') - count(t, ')');
    let depths: Vec<f32> = (0..text.len()).map(depth).collect();
    let cells = |unit: usize| trace["c"].iter().skip(unit).step_by(units).copied().collect::<Vec<f32>>();
    let score = |unit: usize| correlation(&cells(unit), &depths).abs();
    let unit = (0..units).max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap_or(0);
    println!("unit {unit} has the largest correlation with the depth");
    for (t, bracket) in text.char_indices().filter(|(_, c)| "()".contains(*c)) {
        let [c, i, f, o] = ["c", "i", "f", "o"].map(|name| trace[name][t * units + unit]);
        println!("{bracket}  depth {:.0}   c {c:6.2}   i {i:.2}   f {f:.2}   o {o:.2}", depth(t));
    }
    Ok(())
}

/// Pearson's correlation.
fn correlation(x: &[f32], y: &[f32]) -> f32 {
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let sum =
        |f: &dyn Fn(f32, f32) -> f32| x.iter().zip(y).map(|(x, y)| f(x - mean_x, y - mean_y)).sum::<f32>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt().max(f32::MIN_POSITIVE)
}
