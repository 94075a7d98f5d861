//! Trains a character model on the built-in Latin for a few seconds and samples from it.

use std::ops::ControlFlow;

use refrain::sample::SamplingOptions;
use refrain::task::language::Dataset;
use refrain::train::{Event, Example, Settings};
use refrain::{Cpu, Result, Session};

fn main() -> Result<()> {
    let backend = Cpu::new(2)?;
    let settings = Settings { max_steps: Some(400), ..Settings::default() };
    let latin = Dataset::example(Example::Latin, 1);
    let model = settings.fit(&backend, latin, None, |event| {
        if let Event::Valid { step, loss, .. } = event {
            println!("after {step} updates: {loss:.3} nats per character");
        }
        ControlFlow::Continue(())
    })?;
    let session = Session::new(model, &backend);
    println!(
        "{}",
        session.write("Quid ", 300, &SamplingOptions { temperature: 0.7, ..SamplingOptions::default() })?
    );
    Ok(())
}
