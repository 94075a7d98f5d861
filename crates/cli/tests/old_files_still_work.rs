//! Runs and models of an earlier version (`old_files/README.md`): the runs resume to the same parameters, the models give the
//! same results.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{TestDir, events, names, text};

const TASKS: [&str; 7] = ["caption", "classify", "forecast", "language", "music", "tag", "translate"];

/// Tolerance relative to the largest value of a tensor: other instruction sets stay within a tenth of it.
const TOLERANCE: f64 = 1e-5;

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old_files")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(from, to).unwrap()),
        }
    }
}

/// A directory with a copy of the recorded files.
fn dir() -> TestDir {
    let dir = TestDir::new();
    copy(&recorded(), &dir.at("."));
    dir
}

/// Runs the program as for the recorded files; it must succeed.
fn run_program(dir: &TestDir, arguments: &str) -> String {
    let mut command = dir.command(arguments.split_whitespace());
    let output = command.env("REFRAIN_ISA", "scalar").output().expect("the program starts");
    assert!(output.status.success(), "{arguments}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The tensors of a file, and its `content` without values that differ between machines and versions.
fn stored(file: &Path) -> (BTreeMap<String, Vec<f32>>, Value) {
    let bytes = fs::read(file).unwrap();
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: BTreeMap<String, Value> = serde_json::from_slice(header).unwrap();
    let metadata = header.remove("__metadata__").unwrap();
    let mut metadata: Value = serde_json::from_str(metadata["refrain"].as_str().unwrap()).unwrap();
    let mut content = metadata["content"].take();
    let ignored =
        [("history", "data"), ("history", "recipe"), ("history", "version"), ("checkpoint", "elapsed_s")];
    for (object, key) in ignored {
        content.get_mut(object).and_then(Value::as_object_mut).map(|object| object.remove(key));
    }
    let tensor = |entry: &Value| {
        let [start, end] = [0, 1].map(|i| entry["data_offsets"][i].as_u64().unwrap() as usize);
        data[start..end].as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
    };
    (header.iter().map(|(name, entry)| (name.clone(), tensor(entry))).collect(), content)
}

fn assert_same_tensors(file: &str, new: &BTreeMap<String, Vec<f32>>, old: &BTreeMap<String, Vec<f32>>) {
    assert!(new.keys().eq(old.keys()), "{file}: {:?} became {:?}", old.keys(), new.keys());
    for (name, old) in old {
        let new = &new[name];
        assert_eq!(new.len(), old.len(), "{file}: {name}");
        let largest = old.iter().fold(0.0, |largest, x| x.abs().max(largest));
        for (i, (new, old)) in new.iter().zip(old).enumerate() {
            let apart = f64::from((new - old).abs());
            assert!(apart <= TOLERANCE * f64::from(largest), "{file}: {name}[{i}] is {new}, was {old}");
        }
    }
}

/// Asserts that all old values are unchanged, numbers up to the last digits. New ones may be added.
fn assert_same_values(at: &str, new: &Value, old: &Value) {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            for (key, old) in old {
                let new = new.get(key).unwrap_or_else(|| panic!("{at}: `{key}` is missing"));
                assert_same_values(&format!("{at}.{key}"), new, old);
            }
        }
        (Value::Array(new), Value::Array(old)) => {
            assert_eq!(new.len(), old.len(), "{at}");
            for (i, (new, old)) in new.iter().zip(old).enumerate() {
                assert_same_values(&format!("{at}[{i}]"), new, old);
            }
        }
        (Value::Number(new), Value::Number(old)) => {
            let (new, old) = (new.as_f64().unwrap(), old.as_f64().unwrap());
            assert!((new - old).abs() <= TOLERANCE * old.abs().max(1.0), "{at} is {new}, was {old}");
        }
        _ => assert_eq!(new, old, "{at}"),
    }
}

/// Asserts that each update is in the metrics once, and that new ones have the keys of old ones.
fn assert_metrics_are_continued(run: &str, metrics: &str) {
    let events = events(metrics);
    let steps = support::only(&events, "step");
    let numbers: Vec<_> = steps.iter().map(|step| step["step"].as_u64().unwrap()).collect();
    assert_eq!(numbers, Vec::from_iter(1..=12), "{run}");
    let keys = |step: &Value| step.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(keys(steps[0]).iter().all(|key| keys(steps[11]).contains(key)), "{run}: {}", steps[11]);
}

#[test]
fn old_runs_resume_to_the_same_parameters() {
    let dir = dir();
    assert_eq!(names(&dir.at("runs")), TASKS);
    for task in TASKS {
        let run = format!("runs/{task}");
        let config = text(&dir.read(&format!("{run}/config.toml")));
        run_program(&dir, &format!("train --resume {run} --max-steps 12"));
        for name in ["model.safetensors", "checkpoint.safetensors"] {
            let file = format!("{run}/{name}");
            let (new, new_content) = stored(&dir.at(&file));
            let (old, old_content) = stored(&dir.at(&format!("resumed/{task}/{name}")));
            assert_same_tensors(&file, &new, &old);
            assert_same_values(&file, &new_content, &old_content);
        }
        let new = text(&dir.read(&format!("{run}/config.toml")));
        for line in
            config.replace("max_steps = 6", "max_steps = 12").replace("code_size", "latent_size").lines()
        {
            // The path of the data may have become absolute, and comments may have changed.
            let is_there =
                line.starts_with("data = ") || line.starts_with('#') || new.lines().any(|new| new == line);
            assert!(is_there, "{run}/config.toml lacks {line:?}:\n{new}");
        }
        assert_metrics_are_continued(&run, &text(&dir.read(&format!("{run}/metrics.jsonl"))));
    }
}

#[test]
fn old_models_give_the_same_results() {
    let dir = dir();
    let commands = text(&dir.read("commands.txt"));
    for line in commands.lines() {
        let (name, arguments) = line.split_once(':').unwrap();
        let new = run_program(&dir, &format!("{arguments} --precision f32 --threads 1"));
        let old = text(&dir.read(&format!("output/{name}.txt")));
        if arguments.contains("--json") {
            assert_same_values(name, &events(&new).into(), &events(&old).into());
        } else {
            assert_eq!(new, old, "{name}");
        }
    }
    for task in TASKS {
        assert!(commands.contains(&format!("resumed/{task} ")), "no command reads the model of {task}");
        let about = run_program(&dir, &format!("info resumed/{task}/model.safetensors"));
        assert!(about.contains(task), "{about}");
    }
}
