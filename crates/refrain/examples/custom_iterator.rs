//! Trains on whatever an iterator yields: here pairs that are made up on the fly, numbers written out as digits and their
//! sums, as they might come from a database or a generator.

use std::ops::ControlFlow;

use refrain::sample::BeamOptions;
use refrain::task::translate::Dataset;
use refrain::train::Settings;
use refrain::{Cpu, Result, Session};

/// All sums of two numbers below a hundred, in an order that looks random.
struct Sums {
    next: u32,
}

impl Iterator for Sums {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        let number = (self.next < 10_000).then(|| self.next * 7_919 % 10_000)?;
        self.next += 1;
        let (a, b) = (number / 100, number % 100);
        Some((format!("{a}+{b}"), (a + b).to_string()))
    }
}

fn main() -> Result<()> {
    let backend = Cpu::new(2)?;
    let sums: Dataset = Sums { next: 0 }.take(2_000).collect();
    let settings = Settings {
        hidden_size: Some(48),
        embedding_size: Some(16),
        max_steps: Some(300),
        ..Settings::default()
    };
    let model = settings.fit(&backend, sums.named("sums"), None, |_| ControlFlow::Continue(()))?;
    let session = Session::new(model, &backend);
    for translation in session.translate(&["12+30".to_owned(), "5+5".to_owned()], &BeamOptions::default())? {
        println!("{translation:?}");
    }
    Ok(())
}
