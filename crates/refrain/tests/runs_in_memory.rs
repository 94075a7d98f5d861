//! Training step by step without files: the model is accessible between steps, and a run continued from a
//! checkpoint in bytes is bit-identical.

use std::ops::ControlFlow;

use refrain::task::classify::{ClassifyInput, Dataset};
use refrain::task::{Classify, Language, language};
use refrain::train::{Event, Reason, Run, Settings};
use refrain::{Cpu, Error, Model, RunProblem};

fn slopes(count: usize) -> Dataset {
    let slope = |i: usize| -> ClassifyInput {
        let sign = [1.0, -1.0][i % 2];
        (0..4 + i % 3).map(|t| vec![sign * t as f32, i as f32 / 40.0]).collect::<Vec<_>>().into()
    };
    (0..count).map(|i| (slope(i), ["up", "down"][i % 2])).collect()
}

fn settings() -> Settings {
    Settings {
        hidden_size: Some(6),
        batch_size: Some(4),
        max_steps: Some(30),
        average: Some(5),
        dropout: Some(0.3),
        shards: Some(2),
        ..Settings::default()
    }
}

/// Trains to the end at once.
fn whole() -> Model<Classify> {
    let cpu = Cpu::new(1).unwrap();
    Run::new(settings(), slopes(40), &cpu).unwrap().train(|_| ControlFlow::Continue(())).unwrap().model
}

#[test]
fn training_step_by_step_gives_the_same_model() {
    let cpu = Cpu::new(2).unwrap();
    let mut events = 0;
    let mut listen = |event: &Event| {
        events += usize::from(matches!(event, Event::Step(_)));
        ControlFlow::Continue(())
    };
    let mut training =
        Run::<Classify, _>::new(settings(), slopes(40), &cpu).unwrap().start(&mut listen).unwrap();
    let mut looked_at = None;
    let reason = loop {
        if let Some(reason) = training.step(&mut listen).unwrap() {
            break reason;
        }
        looked_at = Some(training.model().unwrap());
    };
    assert_eq!(reason, Reason::Steps);
    let outcome = training.finish(&mut listen).unwrap();
    assert_eq!(outcome.model.params, whole().params);
    assert_eq!(events, 30);
    assert_ne!(looked_at.unwrap().params, vec![0.0; outcome.model.params.len()]);
}

#[test]
fn a_checkpoint_in_bytes_continues_with_the_same_bits() {
    let cpu = Cpu::new(1).unwrap();
    let listen = &mut |_: &Event| ControlFlow::Continue(());
    let mut run = Run::<Classify, _>::new(settings(), slopes(40), &cpu).unwrap();
    for _ in 0..3 {
        let mut training = run.start(listen).unwrap();
        for _ in 0..7 {
            training.step(listen).unwrap();
        }
        let bytes = training.to_bytes().unwrap();
        let mut damaged = bytes.clone();
        damaged[bytes.len() - 3] ^= 1;
        assert!(Run::<Classify, _>::from_bytes(&damaged, settings(), slopes(40), &cpu).is_err());
        run = Run::from_bytes(&bytes, settings(), slopes(40), &cpu).unwrap();
        let other = Run::<Classify, _>::from_bytes(&bytes, settings(), slopes(38), &cpu).err().unwrap();
        assert!(matches!(other, Error::Run { problem: RunProblem::DataChanged { .. }, .. }), "{other:?}");
    }
    // The best model and the last one.
    let mut training = run.start(listen).unwrap();
    while training.step(listen).unwrap().is_none() {}
    let last = training.model().unwrap();
    assert_eq!(training.finish(listen).unwrap().model.params, whole().params);
    let mut training = Run::<Classify, _>::new(settings(), slopes(40), &cpu).unwrap().start(listen).unwrap();
    while training.step(listen).unwrap().is_none() {}
    assert_eq!(last.params, training.model().unwrap().params);
}

#[test]
fn language_model_checkpoints_in_bytes_keep_the_state() {
    let cpu = Cpu::new(1).unwrap();
    let listen = &mut |_: &Event| ControlFlow::Continue(());
    let text = || language::Dataset::texts(["the cat sat on the mat and the dog did not\n".repeat(30)]);
    let settings = || Settings { seq_length: Some(7), sample_every: Some(0), ..settings() };
    let end = |run: Run<Language, Cpu>| {
        let mut training = run.start(&mut |_| ControlFlow::Continue(())).unwrap();
        while training.step(&mut |_| ControlFlow::Continue(())).unwrap().is_none() {}
        training.model().unwrap().params
    };
    let mut training = Run::<Language, _>::new(settings(), text(), &cpu).unwrap().start(listen).unwrap();
    for _ in 0..11 {
        training.step(listen).unwrap();
    }
    let bytes = training.to_bytes().unwrap();
    let broken = end(Run::from_bytes(&bytes, settings(), text(), &cpu).unwrap());
    assert_eq!(broken, end(Run::new(settings(), text(), &cpu).unwrap()));
}
