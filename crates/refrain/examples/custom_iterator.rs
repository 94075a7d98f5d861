//! Trains on the items of an iterator: generated words and their reversals.

use std::ops::ControlFlow;

use refrain::sample::BeamOptions;
use refrain::task::translate::Dataset;
use refrain::train::Settings;
use refrain::{Cpu, Result, Session};

/// Random words of three to five letters, each with its reversal.
struct Reversed {
    state: u64,
}

impl Iterator for Reversed {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        let mut next = |below: u64| {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.state >> 33) % below
        };
        let length = 3 + next(3);
        let word: String = (0..length).map(|_| char::from(b'a' + next(8) as u8)).collect();
        let reversed = word.chars().rev().collect();
        Some((word, reversed))
    }
}

fn main() -> Result<()> {
    let backend = Cpu::new(2)?;
    let words: Dataset = Reversed { state: 1 }.take(4_000).collect();
    let settings = Settings {
        hidden_size: Some(64),
        embedding_size: Some(16),
        epochs: Some(8),
        learning_rate: Some(0.005),
        ..Settings::default()
    };
    let model = settings.fit(&backend, words.named("words"), None, |_| ControlFlow::Continue(()))?;
    let session = Session::new(model, &backend);
    let sources = ["fade", "beach", "deaf"];
    for (source, found) in sources.iter().zip(session.translate(&sources, &BeamOptions::default())?) {
        println!("{source} -> {}", found[0].text);
    }
    Ok(())
}
