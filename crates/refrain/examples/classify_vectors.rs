//! Classifies rising and falling sequences of vectors in memory. The model is converted to bytes and back, classifies a new
//! sequence, and prints a gate.

use std::ops::ControlFlow;

use refrain::task::classify::{ClassifyInput, Dataset};
use refrain::train::Settings;
use refrain::{AnyModel, Cpu, Result, Session};

/// Twelve frames of two features: a noisy slope, up or down, and its square.
fn wave(down: u64, number: u64) -> ClassifyInput {
    let sign = 0.1 - 0.2 * down as f32;
    let frame = |t: u64| sign * t as f32 + ((number * 31 + t * 17) % 13) as f32 / 20.0;
    (0..12).map(|t| vec![frame(t), frame(t).powi(2)]).collect::<Vec<_>>().into()
}

fn main() -> Result<()> {
    let backend = Cpu::new(2)?;
    let waves = (0..200).map(|i| (wave(i % 2, i), ["up", "down"][i as usize % 2]));
    let (train, valid) = waves.collect::<Dataset>().split(0.2, 1)?;
    let settings = Settings {
        hidden_size: Some(16),
        epochs: Some(10),
        bidirectional: Some(false),
        ..Settings::default()
    };
    let model = settings.fit(&backend, train, Some(valid), |_| ControlFlow::Continue(()))?;

    let AnyModel::Classify(model) = AnyModel::from_bytes(&model.to_bytes()?)? else { unreachable!() };
    let session = Session::new(model, &backend);
    let new = wave(0, 1000);
    let predicted = &session.predict(vec![new.clone()])?[0];
    println!("{}: {:.3?}", session.model().task.labels()[predicted.class], predicted.probabilities);
    let trace = session.trace(new)?;
    println!("input gate of unit 0: {:.2?}", trace["i"].iter().step_by(16).collect::<Vec<_>>());
    Ok(())
}
