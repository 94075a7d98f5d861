//! Models of all tasks survive serialisation; unidirectional models give the same outputs step by step as for the whole
//! sequence.

use std::sync::Arc;

use refrain::kernels::Reference;
use refrain::model::{Network, TaggerBatch, Task, TaskName};
use refrain::task::classify::ClassifyInput;
use refrain::task::tag::{TagInput, TagStep};
use refrain::task::{Classify, Forecast, Language, Music, Tag};
use refrain::text::{SymbolCounts, Units, Vocabulary};
use refrain::{AnyModel, Cpu, Error, History, Model, ModelProblem, Session};
use serde_json::{Value, json};

const STEPS: usize = 30;

/// Rounding of running means in `f32`; everything else is exact.
const ROUNDING: f32 = 1e-6;

fn recurrent(cell: &str, bidirectional: bool) -> Value {
    json!({
        "cell": cell, "activation": "tanh", "reset_gate": "after", "hidden_size": 9, "num_layers": 2,
        "bidirectional": bidirectional, "dropout": 0.0, "locked_dropout": false,
    })
}

/// An untrained model from a description.
fn model<T: Task>(description: Value) -> Model<T> {
    let task = T::new(serde_json::from_value(description).unwrap()).unwrap();
    let params = task.network().layout().init(5).iter().map(|x| 2.0 * x).collect();
    Model { task, params, history: History { data: "nothing".to_owned(), ..History::default() } }
}

fn classifier(cell: &str, pooling: &str, bidirectional: bool) -> Model<Classify> {
    model(json!({
        "sizes": {
            "input": { "frames": { "size": 3 } }, "recurrent": recurrent(cell, bidirectional),
            "pooling": pooling, "classes": 4,
        },
        "codec": { "frames": { "means": [0.1, 0.2, 0.3], "deviations": [1.0, 2.0, 0.5] } },
        "labels": ["a", "b", "c", "d"],
    }))
}

fn tagger(cell: &str, bidirectional: bool) -> Model<Tag> {
    model(json!({
        "sizes": {
            "input": { "frames": { "size": 3 } }, "spelling": null, "word_dropout": 0.0,
            "recurrent": recurrent(cell, bidirectional), "crf": true, "labels": 4,
        },
        "codec": { "frames": { "means": [0.1, 0.2, 0.3], "deviations": [1.0, 2.0, 0.5] } },
        "labels": ["a", "b", "c", "d"],
    }))
}

fn composer(cell: &str) -> Model<Music> {
    let sizes = json!({
        "input_size": 88, "recurrent": recurrent(cell, false), "output": { "bernoulli": { "keys": 88 } },
    });
    model(json!({ "sizes": sizes, "steps_per_quarter": 4 }))
}

fn forecaster() -> Model<Forecast> {
    let sizes = json!({
        "input_size": 2, "recurrent": recurrent("gru", false), "output": { "gaussian": { "values": 4 } },
    });
    let anchoring = json!({
        "window": 4, "season": null, "scales": ["plain", "plain"], "centres": [null, null], "spreads": [1.0, 2.0],
        "seasonal": [false, false, false, false], "means": [0.1, 0.2, 0.3, 0.4], "deviations": [1.0, 1.0, 2.0, 2.0],
    });
    let recent: Vec<f64> = series()[series().len() - 8..].to_vec();
    model(json!({
        "sizes": sizes, "columns": ["x", "y"], "horizon": 2, "anchoring": anchoring, "autoregressions": [null, null],
        "steps": STEPS, "test_start": 20, "digest": "", "recent": recent,
    }))
}

fn language(cell: &str) -> Model<Language> {
    let counts = SymbolCounts::of(Units::Char, "\n abcdefg");
    let vocabulary = Arc::new(Vocabulary::from_counts(Units::Char, &counts, 1, true).unwrap());
    let architecture = serde_json::from_value(json!({
        "cell": cell, "hidden_size": 9, "num_layers": 2, "embedding_size": 5, "vocab_size": vocabulary.len(),
        "dropout": 0.0,
    }));
    let task = Language::of(&architecture.unwrap(), vocabulary, false, false).unwrap();
    let params = task.network().layout().init(5);
    Model { task, params, history: History::default() }
}

fn numbers(count: usize, seed: f64) -> Vec<f32> {
    (0..count).map(|i| (i as f64 * 1.7 + seed).sin() as f32).collect()
}

fn series() -> Vec<f64> {
    numbers(2 * STEPS, 0.3).into_iter().map(f64::from).collect()
}

fn assert_near(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() <= tolerance, "{a} is not {b}"));
}

#[test]
fn models_of_all_tasks_survive_serialisation() {
    let models: [AnyModel; 5] = [
        language("lstm").into(),
        classifier("gru", "attention", true).into(),
        tagger("rnn", true).into(),
        composer("lstm").into(),
        forecaster().into(),
    ];
    for model in models {
        let bytes = model.to_bytes().unwrap();
        let again = AnyModel::from_bytes(&bytes).unwrap();
        assert_eq!(again.task_name(), model.task_name());
        assert_eq!((again.summary(), again.history()), (model.summary(), model.history()));
        assert_eq!(again.to_bytes().unwrap(), bytes);
        let mut damaged = bytes.clone();
        damaged[bytes.len() - 3] ^= 1;
        let error = AnyModel::from_bytes(&damaged).unwrap_err();
        assert!(matches!(error, Error::Model { problem: ModelProblem::Damaged { .. }, .. }), "{error}");
        let wrong = match model.task_name() {
            TaskName::Tag => Model::<Classify>::from_bytes(&bytes).err(),
            _ => Model::<Tag>::from_bytes(&bytes).err(),
        };
        assert!(matches!(wrong, Some(Error::Model { problem: ModelProblem::WrongTask { .. }, .. })));
    }
    let mut broken = language("gru");
    broken.params[3] = f32::NAN;
    let error = Model::<Language>::from_bytes(&broken.to_bytes().unwrap()).unwrap_err();
    assert!(matches!(error, Error::Model { problem: ModelProblem::NotFinite { .. }, .. }), "{error}");
    broken.params.pop();
    assert!(broken.to_bytes().is_err());
}

#[test]
fn sessions_own_their_data_and_share_it_across_threads() {
    fn is_owned<X: Send + Sync + Clone + 'static>(_: &X) {}
    let session = Session::new(language("lstm"), &Cpu::new(1).unwrap());
    is_owned(&session);
    let mut generator = session.generator();
    let options = refrain::sample::SamplingOptions::default();
    let text = session.write("abc", 40, &options).unwrap();
    let thread = std::thread::spawn(move || {
        let stream = generator.join("abc", 40, &options).unwrap();
        generator.finish(stream)
    });
    drop(session);
    assert_eq!(text.as_bytes()[3..], thread.join().unwrap());
}

#[test]
fn a_language_model_gives_the_same_logits_step_by_step() {
    for cell in ["rnn", "gru", "lstm"] {
        let session = Session::new(language(cell), &Cpu::new(1).unwrap());
        let (network, width) = (&session.model().task.network, session.model().task.vocabulary.len());
        let ids: Vec<u32> = (0..1000).map(|i| i * i % 8).collect();
        let (mut whole, mut pass) = (session.zero_state(1), Default::default());
        network.read_ahead(session.backend(), session.weights(), &ids, &mut whole, &mut pass);
        let logits = network.logits(session.backend(), session.weights(), &mut pass).to_vec();
        let mut state = session.zero_state(1);
        for (id, logits) in ids.iter().zip(logits.chunks_exact(width)) {
            assert_eq!(session.step(&[*id], &mut state).unwrap(), logits);
        }
        assert_eq!(state, whole);
        // Rows are independent.
        let mut rows = session.zero_state(2);
        let both = session.step(&[3, 5], &mut rows).unwrap();
        assert_eq!(session.step(&[5], &mut session.zero_state(1)).unwrap(), both[width..]);
    }
    let session = Session::new(language("gru"), &Cpu::new(1).unwrap());
    assert!(matches!(session.step(&[99], &mut session.zero_state(1)), Err(Error::Input { .. })));
    assert!(matches!(session.step(&[1], &mut session.zero_state(2)), Err(Error::Input { .. })));
    assert!(matches!(session.step(&[1], &mut session.zero_state(1)[..1]), Err(Error::Input { .. })));
}

#[test]
fn a_classifier_gives_the_same_probabilities_step_by_step() {
    for (cell, pooling) in [("rnn", "last"), ("gru", "max"), ("lstm", "mean"), ("lstm", "attention")] {
        let session = Session::new(classifier(cell, pooling, false), &Cpu::new(1).unwrap());
        let sequences = [numbers(3 * STEPS, 0.0), numbers(3 * STEPS, 1.0)];
        let mut state = session.zero_state(2);
        for t in 0..STEPS {
            let frames: Vec<f32> = sequences.iter().flat_map(|s| &s[3 * t..3 * t + 3]).copied().collect();
            let so_far = session.step(&frames, &mut state).unwrap();
            let read = |s: &Vec<f32>| ClassifyInput::Frames { values: s[..3 * t + 3].to_vec(), width: 3 };
            let whole = session.predict(sequences.iter().map(read).collect()).unwrap();
            let tolerance = if ["mean", "attention"].contains(&pooling) { ROUNDING } else { 0.0 };
            for (so_far, whole) in so_far.chunks_exact(4).zip(whole) {
                assert_near(so_far, &whole.probabilities, tolerance);
            }
        }
        let trace = session.trace(ClassifyInput::Frames { values: sequences[0].clone(), width: 3 }).unwrap();
        assert_eq!(trace["h"].len(), STEPS * 9);
        assert_eq!(trace["h"][(STEPS - 1) * 9..], state.layers[1].h[..9]);
        assert_eq!(trace.get("c").is_some(), cell == "lstm");
        assert_eq!(trace.layers[0].get("i").is_some(), cell == "lstm");
    }
    let session = Session::new(classifier("gru", "max", true), &Cpu::new(1).unwrap());
    let error = session.step(&numbers(3, 0.0), &mut session.zero_state(1)).unwrap_err();
    assert!(matches!(error, Error::Model { problem: ModelProblem::NotCausal, .. }), "{error}");
}

#[test]
fn running_means_are_exact_up_to_rounding() {
    for pooling in ["mean", "attention"] {
        let session = Session::new(classifier("lstm", pooling, false), &Reference::<f64>::default());
        let values = numbers(3 * STEPS, 0.0);
        let mut state = session.zero_state(1);
        let mut so_far = vec![];
        for frame in values.chunks_exact(3) {
            so_far = session.step(frame, &mut state).unwrap();
        }
        let whole = session.predict(vec![ClassifyInput::Frames { values, width: 3 }]).unwrap();
        assert_near(&so_far, &whole[0].probabilities, 1e-7);
    }
}

#[test]
fn a_tagger_gives_the_same_emissions_step_by_step() {
    for cell in ["rnn", "gru", "lstm"] {
        let session = Session::new(tagger(cell, false), &Cpu::new(1).unwrap());
        let network = session.model().task.network();
        let values = numbers(3 * STEPS, 0.0);
        let mut state = session.zero_state(1);
        let steps = values.chunks_exact(3).map(|frame| session.step(frame, &mut state).unwrap());
        let emissions = steps.collect::<Vec<_>>().concat();
        let field = network.crf_params(session.backend(), session.weights());
        let input = TagInput::Frames { values: values.clone(), width: 3 };
        let whole = &session.predict(std::slice::from_ref(&input)).unwrap()[0];
        let labels: Vec<usize> =
            network.decode(&field, &emissions).iter().map(|&label| label as usize).collect();
        assert_eq!(labels, whole.labels);
        let mut scaled = values.clone();
        let (means, deviations) = ([0.1_f32, 0.2, 0.3], [1.0_f32, 2.0, 0.5]);
        scaled.iter_mut().enumerate().for_each(|(i, x)| *x = (*x - means[i % 3]) / deviations[i % 3]);
        let mut batch = TaggerBatch::default();
        batch.frames.set(3, std::iter::once(&scaled[..]));
        batch.labels.set(1, std::iter::once(&[0; STEPS][..]));
        let all = network
            .emissions(session.backend(), session.weights(), &batch, None, &mut Default::default())
            .to_vec();
        assert_eq!(emissions, all);
        assert_eq!(session.trace(&input).unwrap()["h"].len(), STEPS * 9);
    }
    let session = Session::new(tagger("gru", false), &Cpu::new(1).unwrap());
    let words: TagStep<'_> = TagStep::Words(&["word"]);
    assert!(matches!(session.step(words, &mut session.zero_state(1)), Err(Error::Input { .. })));
}

#[test]
fn a_music_model_gives_the_same_probabilities_step_by_step() {
    for cell in ["gru", "lstm"] {
        let session = Session::new(composer(cell), &Cpu::new(1).unwrap());
        let frames: Vec<Vec<u8>> = (0..STEPS as u8).map(|t| vec![40 + t, 60]).collect();
        let roll = refrain::format::Roll::new(frames.clone()).unwrap();
        let expected = session.inspect(&roll, "").inspection.own.roll.unwrap().probability;
        let (mut state, mut heard) = (session.zero_state(1), vec![0.0; 88]);
        for (frame, expected) in frames.iter().zip(&expected) {
            assert_eq!(session.step(&heard, &mut state).unwrap(), *expected);
            heard = (21..109).map(|key| f32::from(u8::from(frame.contains(&key)))).collect();
        }
        assert_eq!(session.trace(&roll)["h"].len(), STEPS * 9);
    }
}

#[test]
fn a_forecaster_gives_the_same_forecasts_step_by_step() {
    let session = Session::new(forecaster(), &Cpu::new(1).unwrap());
    let mut state = session.zero_state(1);
    let mut last = None;
    for (t, values) in series().chunks_exact(2).enumerate() {
        last = session.step(values, &mut state).unwrap();
        assert_eq!(last.is_some(), t >= 3);
    }
    assert_eq!(last.unwrap(), [session.predict(None).unwrap().distribution]);
    assert_eq!(session.trace(None).unwrap()["h"].len(), 4 * 9);
}
