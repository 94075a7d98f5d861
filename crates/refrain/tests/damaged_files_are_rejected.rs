//! Reading a damaged model or checkpoint gives an error, or exactly what was written.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use refrain::task::Language;
use refrain::train::{Run, Settings};
use refrain::{Cpu, Model};

/// Damage to a file.
#[derive(Clone, Debug)]
enum Damage {
    Cut(Index),
    Flip(Index, u8),
    Overwrite(Index, Vec<u8>),
    Append(Vec<u8>),
    Swap(Index, Index, usize),
    Empty,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..20);
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (any::<Index>(), bytes()).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
        bytes().prop_map(Damage::Append),
        (any::<Index>(), any::<Index>(), 1..64_usize).prop_map(|(a, b, len)| Damage::Swap(a, b, len)),
        Just(Damage::Empty),
    ]
}

impl Damage {
    fn apply(&self, file: &mut Vec<u8>) {
        let len = file.len();
        match self {
            Damage::Cut(at) => file.truncate(at.index(len)),
            Damage::Flip(at, bit) => file[at.index(len)] ^= 1 << bit,
            Damage::Overwrite(at, bytes) => {
                let at = at.index(len);
                let end = (at + bytes.len()).min(len);
                file[at..end].copy_from_slice(&bytes[..end - at]);
            }
            Damage::Append(bytes) => file.extend_from_slice(bytes),
            Damage::Swap(a, b, size) => {
                let (a, b) = (a.index(len - size), b.index(len - size));
                (0..*size).for_each(|i| file.swap(a + i, b + i));
            }
            Damage::Empty => file.clear(),
        }
    }
}

/// Trains a few updates on `text.txt` in the same directory.
fn run_in(directory: &Path) -> std::path::PathBuf {
    fs::write(directory.join("text.txt"), "hello refrain, hello again\n".repeat(40)).unwrap();
    let out = directory.join("run");
    let settings = Settings {
        data: Some(vec![directory.join("text.txt")]),
        hidden_size: Some(5),
        num_layers: Some(1),
        embedding_size: Some(0),
        seq_length: Some(8),
        max_steps: Some(2),
        sample_every: Some(0),
        out: Some(out.clone()),
        ..Settings::default()
    };
    Run::<Language, _>::from_files(settings, &cpu()).unwrap().train(|_| ControlFlow::Continue(())).unwrap();
    out
}

fn cpu() -> Cpu {
    Cpu::new(1).unwrap()
}

/// The message names the file and the problem.
fn assert_clear(message: &str, path: &Path) {
    assert!(message.starts_with(&path.display().to_string()), "{message}");
    assert!(message.len() > path.display().to_string().len() + 10, "{message}");
}

#[test]
fn reading_a_damaged_model_fails_or_gives_the_model_that_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = run_in(directory.path()).join("model.safetensors");
    let original = fs::read(&path).unwrap();
    let model = Model::<Language>::load(&path).unwrap();
    proptest!(ProptestConfig::with_cases(200), |(damage in damage())| {
        let mut file = original.clone();
        damage.apply(&mut file);
        fs::write(&path, &file).unwrap();
        match Model::<Language>::load(&path) {
            Ok(loaded) => {
                prop_assert_eq!(loaded.params, model.params.clone());
                prop_assert_eq!(loaded.task.network.sizes(), model.task.network.sizes());
                prop_assert_eq!(&loaded.task.vocabulary, &model.task.vocabulary);
                prop_assert_eq!(&loaded.history, &model.history);
            }
            Err(error) => assert_clear(&error.to_string(), &path),
        }
    });
}

#[test]
fn reading_a_damaged_checkpoint_fails_or_gives_the_checkpoint_that_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let run = run_in(directory.path());
    let path = run.join("checkpoint.safetensors");
    let original = fs::read(&path).unwrap();
    // Resuming a complete run writes its checkpoint again, so the bytes show what was read.
    let resume = || {
        let run = Run::<Language, _>::resume(&run, Settings::default(), &cpu())?;
        run.train(|_| ControlFlow::Continue(()))
    };
    let progress = |file: &[u8]| {
        let end = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        // All tensors; the header contains the time.
        file[end..].to_vec()
    };
    proptest!(ProptestConfig::with_cases(200), |(damage in damage())| {
        let mut file = original.clone();
        damage.apply(&mut file);
        fs::write(&path, &file).unwrap();
        match resume() {
            Ok(outcome) => {
                prop_assert_eq!(outcome.done.step, 2);
                let written = fs::read(&path).unwrap();
                prop_assert!(progress(&written) == progress(&original));
            }
            Err(error) => assert_clear(&error.to_string(), &path),
        }
    });
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn other_files_and_crafted_headers_are_rejected_without_large_allocations() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let huge = format!(r#"{{"w":{{"dtype":"F32","shape":[{0},{0}],"data_offsets":[0,{0}]}}}}"#, u64::MAX / 2);
    let claims = r#"{"w":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}"#;
    let foreign = r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let not_json =
        r#"{"__metadata__":{"refrain":"no"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let cases: [(Vec<u8>, &str); 10] = [
        (b"".to_vec(), "is empty"),
        (b"a".to_vec(), "is not a model file"),
        (b"Once upon a time there was a text.\n".to_vec(), "is not a model file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0".to_vec(), "is not a model file"),
        ([&u64::MAX.to_le_bytes()[..], b"{"].concat(), "is damaged"),
        ([&50_000_000_u64.to_le_bytes()[..], b"{}"].concat(), "is damaged"),
        (safetensors(&huge, &[0; 8]), "is damaged"),
        (safetensors(claims, &[0; 8]), "is damaged"),
        (safetensors(foreign, &[0; 4]), "not one that refrain wrote"),
        (safetensors(not_json, &[0; 4]), "is damaged"),
    ];
    for (file, expected) in cases {
        fs::write(&path, &file).unwrap();
        let message = Model::<Language>::load(&path).unwrap_err().to_string();
        assert_clear(&message, &path);
        assert!(message.contains(expected), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn devices_are_rejected() {
    let message = Model::<Language>::load("/dev/zero").unwrap_err().to_string();
    assert_eq!(message, "/dev/zero: is not a regular file");
}

#[test]
fn a_checkpoint_is_not_accepted_as_a_model_or_vice_versa() {
    let directory = tempfile::tempdir().unwrap();
    let run = run_in(directory.path());
    let (model, checkpoint) = (run.join("model.safetensors"), run.join("checkpoint.safetensors"));
    let message = Model::<Language>::load(&checkpoint).unwrap_err().to_string();
    assert_clear(&message, &checkpoint);
    assert!(message.contains("is a checkpoint, not a model"), "{message}");
    fs::copy(&model, &checkpoint).unwrap();
    let message = Run::<Language, _>::resume(&run, Settings::default(), &cpu()).err().unwrap().to_string();
    assert_clear(&message, &checkpoint);
    assert!(message.contains("is a model, not a checkpoint"), "{message}");
}
