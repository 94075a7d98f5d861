//! Runs give bit-identical results for any number of threads and interruptions, and write only to their directory.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use refrain::kernels::Reference;
use refrain::model::CellKind;
use refrain::task::Language;
use refrain::train::{Event, Optimizer, Outcome, Reason, Run, Settings};
use refrain::{Cpu, Model};

/// A text of short lines with random words.
fn text(lines: usize) -> String {
    const WORDS: [&str; 9] = ["the", "cat", "sat", "on", "a", "mat", "né", "and", "dog"];
    let mut state = 1_u32;
    let mut word = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        WORDS[(state >> 16) as usize % WORDS.len()]
    };
    (0..lines).map(|i| (0..2 + i % 4).map(|_| word()).collect::<Vec<_>>().join(" ") + "\n").collect()
}

/// A directory with a text.
struct TestDir {
    directory: tempfile::TempDir,
}

impl TestDir {
    fn new() -> Self {
        let dir = Self { directory: tempfile::tempdir().unwrap() };
        fs::write(dir.at("text.txt"), text(400)).unwrap();
        dir
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// About forty updates of a small model.
    fn settings(&self, out: Option<&str>) -> Settings {
        Settings {
            data: Some(vec![self.at("text.txt")]),
            cell: Some(CellKind::Gru),
            hidden_size: Some(12),
            num_layers: Some(2),
            embedding_size: Some(5),
            dropout: Some(0.2),
            weight_drop: Some(0.1),
            seq_length: Some(16),
            batch_size: Some(5),
            epochs: Some(2),
            learning_rate: Some(0.01),
            average: Some(5),
            shards: Some(3),
            sample_every: Some(0),
            out: out.map(|name| self.at(name)),
            ..Settings::default()
        }
    }
}

fn cpu(threads: usize) -> Cpu {
    Cpu::new(threads).unwrap()
}

/// Trains to the end.
fn train(settings: Settings, threads: usize) -> Outcome<Language> {
    let outcome = Run::<Language, _>::from_files(settings, &cpu(threads))
        .unwrap()
        .train(|_| ControlFlow::Continue(()))
        .unwrap();
    assert_ne!(outcome.done.reason, Reason::Interrupted);
    outcome
}

fn model_bytes(run: &Path) -> Vec<u8> {
    fs::read(run.join("model.safetensors")).unwrap()
}

/// Trains with interruptions at the first event at or after each of `breaks`, then to the end.
fn train_interrupted(settings: Settings, breaks: &[u64]) -> Outcome<Language> {
    let out = settings.out.clone().unwrap();
    let mut run = Run::<Language, _>::from_files(settings, &cpu(1)).unwrap();
    for &at in breaks {
        let outcome = run
            .train(|event| match event {
                Event::Start(_) if at == 0 => ControlFlow::Break(()),
                Event::Step(step) if step.step >= at => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
            .unwrap();
        assert_eq!((outcome.done.reason, outcome.done.step), (Reason::Interrupted, at));
        run = Run::<Language, _>::resume(&out, Settings::default(), &cpu(1)).unwrap();
    }
    run.train(|_| ControlFlow::Continue(())).unwrap()
}

/// The metrics without times.
fn metrics(run: &Path) -> Vec<serde_json::Value> {
    let lines = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let timeless = |line: &str| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        let fields = event.as_object_mut().unwrap();
        fields.retain(|name, _| name != "targets_per_s" && name != "elapsed_s");
        event
    };
    lines.lines().map(timeless).collect()
}

#[test]
fn the_number_of_threads_does_not_change_bits() {
    let dir = TestDir::new();
    train(dir.settings(Some("one")), 1);
    train(dir.settings(Some("two")), 2);
    assert!(model_bytes(&dir.at("one")) == model_bytes(&dir.at("two")));
    assert_eq!(metrics(&dir.at("one")), metrics(&dir.at("two")));
}

#[test]
fn the_random_seed_determines_a_run() {
    let dir = TestDir::new();
    let params = |seed| train(Settings { seed: Some(seed), ..dir.settings(None) }, 1).model.params;
    assert_eq!(params(1), params(1));
    assert_ne!(params(1), params(2));
}

#[test]
fn averaging_changes_validation_and_saved_models_but_not_training() {
    let dir = TestDir::new();
    let [plain, averaged] = [("plain", 0), ("averaged", 5)].map(|(name, average)| {
        train(Settings { average: Some(average), ..dir.settings(Some(name)) }, 1);
        let (valid, steps): (Vec<_>, Vec<_>) =
            metrics(&dir.at(name)).into_iter().partition(|event| event["event"] == "valid");
        (Model::<Language>::load(dir.at(name)).unwrap().params, valid, steps)
    });
    assert_eq!(plain.2, averaged.2);
    assert_ne!(plain.1, averaged.1);
    let distance = plain.0.iter().zip(&averaged.0).fold(0.0, |most: f32, (p, a)| most.max((p - a).abs()));
    // Within the range of the last averaged updates of 0.01.
    assert!(distance > 1e-4 && distance < 0.1, "{distance}");
}

#[test]
fn shards_change_the_result_by_rounding_only() {
    let dir = TestDir::new();
    let loss = |shards| train(Settings { shards: Some(shards), ..dir.settings(None) }, 1).done.loss;
    let (one, five) = (loss(1), loss(5));
    // Forty updates, with sums in different orders.
    assert!((one - five).abs() < 1e-3, "{one} and {five}");
}

#[test]
fn a_run_without_a_directory_writes_nothing_and_returns_the_best_model() {
    let dir = TestDir::new();
    let settings = Settings { learning_rate: Some(0.03), epochs: Some(12), ..dir.settings(None) };
    let mut best = (f64::INFINITY, 0);
    let run = Run::<Language, _>::from_files(settings.clone(), &cpu(1)).unwrap();
    let outcome = run
        .train(|event| {
            if let Event::Valid { loss, step, .. } = event
                && *loss < best.0
            {
                best = (*loss, *step);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    let names: Vec<_> = fs::read_dir(dir.directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["text.txt"]);
    assert_eq!((outcome.done.valid_loss, outcome.done.best_step), (Some(best.0), best.1));
    assert_eq!(outcome.done.model, None);
    // The same run with a directory writes the same parameters.
    train(Settings { out: Some(dir.at("run")), ..settings }, 1);
    assert_eq!(Model::<Language>::load(dir.at("run")).unwrap().params, outcome.model.params);
}

#[test]
fn an_interrupted_and_resumed_run_gives_the_bytes_of_an_uninterrupted_one() {
    let optimizers =
        [Optimizer::Adam, Optimizer::AdamW, Optimizer::RmsProp, Optimizer::Adagrad, Optimizer::Sgd];
    for (i, optimizer) in optimizers.into_iter().enumerate() {
        for lines in [false, true] {
            let dir = TestDir::new();
            let cell = [CellKind::Gru, CellKind::Lstm, CellKind::Rnn][i % 3];
            let settings = |out| Settings {
                optimizer: Some(optimizer),
                cell: Some(cell),
                lines: Some(lines),
                layer_norm: Some(i % 2 == 0),
                // Every other run on lines has no validation set.
                valid_fraction: Some(if i % 2 == 1 && lines { 0.0 } else { 0.1 }),
                ..dir.settings(Some(out))
            };
            let whole = train(settings("whole"), 1);
            let all = whole.done.step;
            let mut breaks = vec![0, 1, 2 + i as u64, all / 3, all / 2, all / 2 + 1, all - 1, all];
            breaks.sort_unstable();
            breaks.dedup();
            let interrupted = train_interrupted(settings("interrupted"), &breaks);
            let context = format!("{optimizer:?}, lines {lines}, {all} updates");
            assert!(model_bytes(&dir.at("whole")) == model_bytes(&dir.at("interrupted")), "{context}");
            assert_eq!(metrics(&dir.at("whole")), metrics(&dir.at("interrupted")), "{context}");
            assert_eq!(
                (interrupted.done.step, interrupted.done.best_step),
                (all, whole.done.best_step),
                "{context}"
            );
        }
    }
}

#[test]
fn a_run_that_stopped_early_continues_only_with_more_patience() {
    let dir = TestDir::new();
    let settings = Settings {
        learning_rate: Some(0.3),
        epochs: Some(400),
        patience: Some(1),
        ..dir.settings(Some("run"))
    };
    let done = train(settings, 1).done;
    assert_eq!(done.reason, Reason::Patience);
    let resume = |changes| {
        let run = Run::<Language, _>::resume(dir.at("run"), changes, &cpu(1)).unwrap();
        run.train(|_| ControlFlow::Continue(())).unwrap().done
    };
    let again = resume(Settings::default());
    assert_eq!((again.reason, again.step), (Reason::Patience, done.step));
    let more = resume(Settings { patience: Some(2), ..Settings::default() });
    assert!(more.step > done.step);
}

#[test]
fn settings_changed_on_resume_are_kept_on_the_next_resume() {
    let dir = TestDir::new();
    train(dir.settings(Some("run")), 1);
    let longer = Settings { epochs: Some(5), ..Settings::default() };
    let run = Run::<Language, _>::resume(dir.at("run"), longer, &cpu(1)).unwrap();
    let outcome = run.train(|event| match event {
        Event::Step(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(outcome.unwrap().done.reason, Reason::Interrupted);
    assert_eq!(
        Run::<Language, _>::resume(dir.at("run"), Settings::default(), &cpu(1)).unwrap().config().epochs,
        Some(5)
    );
}

#[test]
fn the_configuration_of_a_run_reproduces_it() {
    let dir = TestDir::new();
    train(dir.settings(Some("run")), 1);
    let settings = Settings::read(dir.at("run/config.toml")).unwrap();
    assert_eq!(settings.out, None);
    train(Settings { out: Some(dir.at("again")), ..settings }, 1);
    assert!(model_bytes(&dir.at("run")) == model_bytes(&dir.at("again")));
}

#[test]
fn fine_tuning_needs_a_model_with_the_same_architecture_and_vocabulary() {
    let dir = TestDir::new();
    let first = train(dir.settings(Some("first")), 1);
    let from = || Settings { init_from: Some(dir.at("first")), ..dir.settings(None) };
    let mut first_loss = None;
    let run = Run::<Language, _>::from_files(from(), &Reference::<f32>::new()).unwrap();
    let second = run
        .train(|event| {
            if let Event::Step(step) = event {
                first_loss = first_loss.or(Some(step.loss));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    let uniform_loss = (first.model.task.vocabulary.len() as f64).ln();
    assert!(first_loss.unwrap() < 0.9 * uniform_loss, "{first_loss:?}");
    assert_ne!(second.model.params, first.model.params);

    let other_size = Settings { hidden_size: Some(13), ..from() };
    let message = Run::<Language, _>::from_files(other_size, &cpu(1)).err().unwrap().to_string();
    assert!(message.starts_with("`init_from` is a model of GRU, 2 layers of 12"), "{message}");
    let normalised = Settings { layer_norm: Some(true), ..from() };
    let message = Run::<Language, _>::from_files(normalised, &cpu(1)).err().unwrap().to_string();
    assert!(message.contains("this run is of GRU, 2 layers of 12, normalised"), "{message}");
    fs::write(dir.at("other.txt"), "zyx wvu\n".repeat(200)).unwrap();
    let other_text = Settings { data: Some(vec![dir.at("other.txt")]), ..from() };
    let message = Run::<Language, _>::from_files(other_text, &cpu(1)).err().unwrap().to_string();
    assert!(message.contains("other vocabulary"), "{message}");
}

#[test]
fn a_changed_text_is_rejected_even_with_the_same_character_counts() {
    let dir = TestDir::new();
    train_interrupted(dir.settings(Some("run")), &[3]);
    let text = fs::read_to_string(dir.at("text.txt")).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    for changed in [format!("{text}more\n"), format!("{rest}{first}\n"), text.replacen("cat", "act", 1)] {
        fs::write(dir.at("text.txt"), changed).unwrap();
        let message = Run::<Language, _>::resume(dir.at("run"), Settings::default(), &cpu(1))
            .err()
            .unwrap()
            .to_string();
        assert!(
            message.ends_with("has changed since this run began: restore it, or start a new run"),
            "{message}"
        );
    }
    fs::write(dir.at("text.txt"), text).unwrap();
    Run::<Language, _>::resume(dir.at("run"), Settings::default(), &cpu(1)).unwrap();
}

#[test]
fn a_configuration_that_does_not_match_the_checkpoint_is_rejected() {
    let dir = TestDir::new();
    train_interrupted(dir.settings(Some("run")), &[3]);
    let path = dir.at("run/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("optimizer = \"adamw\"", "optimizer = \"sgd\""),
        ("batch_size = 5", "batch_size = 4"),
        ("hidden_size = 12", "hidden_size = 11"),
        ("num_layers = 2", "num_layers = 1"),
        ("cell = \"gru\"", "cell = \"lstm\""),
    ] {
        assert!(config.contains(from), "{config}");
        fs::write(&path, config.replace(from, to)).unwrap();
        let message = Run::<Language, _>::resume(dir.at("run"), Settings::default(), &cpu(1))
            .err()
            .unwrap()
            .to_string();
        assert!(message.contains("its checkpoint does not fit its settings"), "{to}: {message}");
    }
}

#[test]
fn truncated_metrics_do_not_prevent_resuming() {
    let dir = TestDir::new();
    train_interrupted(dir.settings(Some("run")), &[3]);
    let path = dir.at("run/metrics.jsonl");
    let whole = fs::read(&path).unwrap();
    let mut cut = whole.clone();
    // Within the two bytes of é.
    cut.extend_from_slice(b"{\"event\":\"sample\",\"step\":4,\"text\":\"n\xc3");
    fs::write(&path, cut).unwrap();
    let run = Run::<Language, _>::resume(dir.at("run"), Settings::default(), &cpu(1)).unwrap();
    run.train(|_| ControlFlow::Continue(())).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_diverged_run_keeps_its_last_good_checkpoint_and_no_invalid_model() {
    let dir = TestDir::new();
    for (learning_rate, valid_fraction) in [(1e20, 0.1), (1e300, 0.0), (1e300, 0.1)] {
        for max_steps in [1, 2, 50] {
            let out = format!("run-{learning_rate:?}-{valid_fraction}-{max_steps}");
            let settings = Settings {
                learning_rate: Some(learning_rate),
                warmup_steps: Some(0),
                max_steps: Some(max_steps),
                valid_fraction: Some(valid_fraction),
                ..dir.settings(Some(&out))
            };
            match Run::<Language, _>::from_files(settings, &cpu(1))
                .unwrap()
                .train(|_| ControlFlow::Continue(()))
            {
                // A single update at an extreme rate may still give finite values.
                Ok(outcome) => assert!(outcome.done.loss.is_finite() && max_steps == 1),
                Err(error) => {
                    let message = error.to_string();
                    for part in
                        ["training diverged at update ", "Lower `learning_rate`", "last good checkpoint"]
                    {
                        assert!(message.contains(part), "{message}");
                    }
                }
            }
            Run::<Language, _>::resume(dir.at(&out), Settings::default(), &cpu(1)).unwrap();
            if dir.at(&out).join("model.safetensors").exists() {
                assert!(Model::<Language>::load(dir.at(&out)).unwrap().params.iter().all(|x| x.is_finite()));
            }
        }
    }
}
