//! Errors identify the setting, the input and its place, the model, or the update.

use std::ops::ControlFlow;

use refrain::task::classify::{ClassifyInput, Dataset};
use refrain::task::{Classify, Language, Tag, language};
use refrain::train::{Data, Run, Settings};
use refrain::{
    AnyModel, Cpu, Error, InputProblem, Model, ModelProblem, Place, RunProblem, Session, SettingProblem,
};

fn cpu() -> Cpu {
    Cpu::new(1).unwrap()
}

/// Sequences of two features, rising and falling.
fn slopes() -> Dataset {
    let slope = |i: usize| -> ClassifyInput {
        let sign = [1.0, -1.0][i % 2];
        (0..5).map(|t| vec![sign * t as f32, i as f32 / 40.0]).collect::<Vec<_>>().into()
    };
    (0..40).map(|i| (slope(i), ["up", "down"][i % 2])).collect::<Dataset>().named("slopes")
}

fn small() -> Settings {
    Settings { hidden_size: Some(5), max_steps: Some(3), ..Settings::default() }
}

fn fit(settings: Settings, data: Dataset) -> Result<Model<Classify>, Error> {
    settings.fit(&cpu(), data, None, |_| ControlFlow::Continue(()))
}

#[test]
fn an_out_of_range_error_has_setting_value_and_allowed_range() {
    let error = fit(Settings { batch_size: Some(0), ..small() }, slopes()).unwrap_err();
    let Error::Setting { setting: "batch_size", problem: SettingProblem::OutOfRange { value, allowed } } =
        &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((&value[..], &allowed[..]), ("0", "1 to 65536"));
    assert_eq!(error.to_string(), "`batch_size` is 0: give 1 to 65536");
}

#[test]
fn an_unused_setting_is_a_separate_error() {
    let unused = Settings { horizon: Some(3), ..small() };
    let error = fit(unused, slopes()).unwrap_err();
    assert!(
        matches!(error, Error::Setting { setting: "horizon", problem: SettingProblem::Unused { .. } }),
        "{error:?}"
    );
}

#[test]
fn an_input_error_has_its_place() {
    let mut records = slopes().records().to_vec();
    records[6].input = vec![vec![1.0, 2.0, 3.0]].into();
    let data: Dataset = records.into_iter().collect();
    let settings = Settings { valid_fraction: Some(0.0), ..small() };
    let error = fit(settings, data.named("slopes")).unwrap_err();
    let Error::Input { place, problem: InputProblem::Size { found: 2 | 3, expected: 2 | 3, .. } } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(place.source, "slopes");
    assert!(place.field.as_deref().is_some_and(|field| field.starts_with("example ")), "{place}");
}

#[test]
fn an_error_in_a_file_has_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reviews.tsv");
    let lines: String = (0..30).map(|i| format!("{}\tword{i} and\n", ["good", "bad"][i % 2])).collect();
    std::fs::write(&path, lines).unwrap();
    let settings = Settings { data: Some(vec![path.clone()]), ..small() };
    let run = Run::<Classify, _>::from_files(settings, &cpu()).unwrap();
    let session = Session::new(run.train(|_| ControlFlow::Continue(())).unwrap().model, &cpu());
    std::fs::write(&path, "good\tone\nbad\ttwo\nugly\tthree\n").unwrap();
    let held_out = session.model().task.read_dataset(&path).unwrap();
    let error = session.evaluate(&held_out).unwrap_err();
    let Error::Input { place, problem: InputProblem::UnknownLabel { label, known } } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*place, Place::of(path.display()).line(3));
    assert_eq!((&label[..], &known[..]), ("ugly", &["bad".to_owned(), "good".to_owned()][..]));
}

#[test]
fn an_error_lists_the_unknown_characters_of_a_prompt() {
    let text = language::Dataset::texts(["to be or not to be, that is the question\n".repeat(20)]);
    let settings = Settings { seq_length: Some(8), batch_size: Some(2), ..small() };
    let model = settings.fit(&cpu(), text, None, |_| ControlFlow::Continue(())).unwrap();
    let error = Session::new(model, &cpu()).write("Ω", 5, &Default::default()).unwrap_err();
    let Error::Input { problem: InputProblem::UnknownSymbols { symbols, .. }, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(symbols, &["Ω".to_owned()]);
}

#[test]
fn a_damaged_model_and_a_model_of_another_task_are_separate_errors() {
    let model = fit(small(), slopes()).unwrap();
    let bytes = model.to_bytes().unwrap();
    let mut damaged = bytes.clone();
    let middle = damaged.len() - 40;
    damaged[middle] ^= 1;
    let error = AnyModel::from_bytes(&damaged).unwrap_err();
    assert!(matches!(error, Error::Model { problem: ModelProblem::Damaged { .. }, .. }), "{error:?}");
    let error = Model::<Language>::from_bytes(&bytes).unwrap_err();
    let Error::Model { problem: ModelProblem::WrongTask { found, expected }, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((&found[..], *expected), ("classify", "language"));
    assert!(Model::<Tag>::from_bytes(b"no model at all").is_err());
}

#[test]
fn a_divergence_error_has_step_and_learning_rate() {
    let wild = Settings {
        learning_rate: Some(1e30),
        warmup_steps: Some(0),
        grad_clip: Some(0.0),
        max_steps: Some(50),
        ..small()
    };
    let error = fit(wild, slopes()).unwrap_err();
    let Error::Divergence(divergence) = &error else { panic!("{error:?}") };
    assert!(divergence.step >= 1 && divergence.step <= 50);
    assert_eq!((divergence.learning_rate, divergence.grad_clip, &divergence.kept), (1e30, 0.0, &None));
    assert!(!error.to_string().contains("--"), "{error}");
}

#[test]
fn an_existing_directory_and_a_missing_run_are_separate_errors() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { out: Some(directory.path().to_owned()), ..small() };
    let error = Run::<Classify, _>::new(settings, slopes(), &cpu()).err().unwrap();
    assert!(matches!(error, Error::Run { problem: RunProblem::Exists, .. }), "{error:?}");
    let data = Data::from(slopes());
    let error = Run::<Classify, _>::resume_with(directory.path(), small(), data, &cpu()).err().unwrap();
    assert!(matches!(error, Error::Run { problem: RunProblem::NotARun { .. }, .. }), "{error:?}");
}

#[test]
fn resuming_with_a_fixed_setting_changed_names_the_setting() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("run");
    let settings = Settings { out: Some(out.clone()), ..small() };
    let run = Run::<Classify, _>::new(settings, slopes(), &cpu()).unwrap();
    run.train(|_| ControlFlow::Continue(())).unwrap();
    let wider = Settings { hidden_size: Some(9), ..Settings::default() };
    let error = Run::<Classify, _>::resume_with(&out, wider, slopes(), &cpu()).err().unwrap();
    assert!(
        matches!(error, Error::Setting { setting: "hidden_size", problem: SettingProblem::Fixed { .. } }),
        "{error:?}"
    );
    let other = slopes().records()[..30].iter().cloned().collect::<Dataset>();
    let error = Run::<Classify, _>::resume_with(&out, Settings::default(), other, &cpu()).err().unwrap();
    assert!(matches!(error, Error::Run { problem: RunProblem::DataChanged { .. }, .. }), "{error:?}");
}
