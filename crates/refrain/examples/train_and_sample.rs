//! Learns the built-in Latin for some seconds and writes new Latin.

use std::ops::ControlFlow;

use refrain::sample::Options;
use refrain::task::Language;
use refrain::train::{Event, Run, Settings};
use refrain::{Cpu, Result};

fn main() -> Result<()> {
    let backend = Cpu::new(2)?;
    let settings = Settings { max_steps: Some(400), ..Settings::default() };
    let outcome = Run::<Language>::new(settings)?.train(&backend, |event| {
        if let Event::Valid { step, loss, .. } = event {
            println!("after {step} updates: {loss:.3} nats a character");
        }
        ControlFlow::Continue(())
    })?;
    let session = outcome.model.on(&backend);
    println!("{}", session.write("Quid ", 300, &Options { temperature: 0.7, ..Options::default() })?);
    Ok(())
}
