//! Runs and models that an earlier version wrote (`old_files/README.md`): the runs are gone on with to the same parameters,
//! the models give the same answers.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Place, events, names, text};

const TASKS: [&str; 7] = ["caption", "classify", "forecast", "language", "music", "tag", "translate"];

/// How far a value may be from the recorded one, as a share of the largest in its tensor: other instruction sets stay
/// within a tenth of it, a change of what is computed does not.
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

/// A directory with a copy of the recorded files, so that none of them is written to.
fn place() -> Place {
    let place = Place::new();
    copy(&recorded(), &place.at("."));
    place
}

/// Runs the program as it was run for the record; it must succeed.
fn said(place: &Place, arguments: &str) -> String {
    let mut command = place.command(arguments.split_whitespace());
    let output = command.env("REFRAIN_ISA", "scalar").output().expect("the program starts");
    assert!(output.status.success(), "{arguments}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The tensors of a file, and its `content` without what tells of the sitting instead of the run.
fn stored(file: &Path) -> (BTreeMap<String, Vec<f32>>, Value) {
    let bytes = fs::read(file).unwrap();
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: BTreeMap<String, Value> = serde_json::from_slice(header).unwrap();
    let metadata = header.remove("__metadata__").unwrap();
    let mut metadata: Value = serde_json::from_str(metadata["refrain"].as_str().unwrap()).unwrap();
    let mut content = metadata["content"].take();
    for (object, key) in [("history", "data"), ("history", "version"), ("checkpoint", "elapsed_s")] {
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

/// Everything that was there is there and the same, numbers up to the last digits; there may be more.
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

/// Training continued: each update is in the metrics once, the new ones in the same form as the old ones.
fn assert_metrics_go_on(run: &str, metrics: &str) {
    let events = events(metrics);
    let steps = support::only(&events, "step");
    let numbers: Vec<_> = steps.iter().map(|step| step["step"].as_u64().unwrap()).collect();
    assert_eq!(numbers, Vec::from_iter(1..=12), "{run}");
    let keys = |step: &Value| step.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(keys(steps[0]).iter().all(|key| keys(steps[11]).contains(key)), "{run}: {}", steps[11]);
}

#[test]
fn old_runs_go_on_to_the_same_parameters() {
    let place = place();
    assert_eq!(names(&place.at("runs")), TASKS);
    for task in TASKS {
        let run = format!("runs/{task}");
        let config = text(&place.read(&format!("{run}/config.toml")));
        said(&place, &format!("train --resume {run} --max-steps 12"));
        for name in ["model.safetensors", "checkpoint.safetensors"] {
            let file = format!("{run}/{name}");
            let (new, new_content) = stored(&place.at(&file));
            let (old, old_content) = stored(&place.at(&format!("resumed/{task}/{name}")));
            assert_same_tensors(&file, &new, &old);
            assert_same_values(&file, &new_content, &old_content);
        }
        let new = text(&place.read(&format!("{run}/config.toml")));
        for line in
            config.replace("max_steps = 6", "max_steps = 12").replace("code_size", "latent_size").lines()
        {
            // The data may have become an absolute path, and a comment other words.
            let is_there =
                line.starts_with("data = ") || line.starts_with('#') || new.lines().any(|new| new == line);
            assert!(is_there, "{run}/config.toml lacks {line:?}:\n{new}");
        }
        assert_metrics_go_on(&run, &text(&place.read(&format!("{run}/metrics.jsonl"))));
    }
}

#[test]
fn old_models_answer_as_they_did() {
    let place = place();
    let commands = text(&place.read("commands.txt"));
    for line in commands.lines() {
        let (name, arguments) = line.split_once(':').unwrap();
        let new = said(&place, &format!("{arguments} --precision f32 --threads 1"));
        let old = text(&place.read(&format!("said/{name}.txt")));
        if arguments.contains("--json") {
            assert_same_values(name, &events(&new).into(), &events(&old).into());
        } else {
            assert_eq!(new, old, "{name}");
        }
    }
    for task in TASKS {
        assert!(commands.contains(&format!("resumed/{task} ")), "no command reads the model of {task}");
        let about = said(&place, &format!("info resumed/{task}/model.safetensors"));
        assert!(about.contains(task), "{about}");
    }
}
