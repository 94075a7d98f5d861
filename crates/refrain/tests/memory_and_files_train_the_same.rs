//! Training from memory and from an equivalent file gives the same parameters, bit for bit.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use refrain::format::{Pixels, Roll};
use refrain::task::classify::ClassifyInput;
use refrain::task::tag::TagInput;
use refrain::task::{Caption, Classify, Forecast, Language, Music, Tag, Translate};
use refrain::task::{caption, classify, forecast, language, music, tag, translate};
use refrain::train::{Data, ReadData, Run, Settings};
use refrain::{Cpu, Model, Result};

fn settings() -> Settings {
    Settings {
        hidden_size: Some(7),
        max_steps: Some(12),
        batch_size: Some(5),
        shards: Some(2),
        sample_every: Some(0),
        ..Settings::default()
    }
}

fn train<T: ReadData>(run: Result<Run<T, Cpu>>) -> Model<T> {
    run.unwrap().train(|_| ControlFlow::Continue(())).unwrap().model
}

/// Trains on the file and on the values, and compares the parameters.
fn compare<T: ReadData>(path: PathBuf, values: impl Into<Data<T::Dataset>>, settings: Settings) {
    let backend = Cpu::new(2).unwrap();
    let from_file = Settings { data: Some(vec![path]), ..settings.clone() };
    let from_file = train(Run::<T, _>::from_files(from_file, &backend));
    let from_values = train(Run::<T, _>::new(settings, values, &backend));
    assert!(from_file.history.step == 12 && from_values.history.step == 12);
    assert_eq!(from_file.params, from_values.params);
}

/// Numbers that look random and have an exact decimal notation.
fn number(i: usize) -> f32 {
    ((i * 7_919 + 13) % 997) as f32 / 128.0
}

fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Of 40 sequences with 2 features, sequence `i` has 3 to 6 frames.
fn frames(i: usize) -> Vec<Vec<f32>> {
    (0..3 + i % 4).map(|t| vec![number(i * 10 + t), number(i * 10 + t + 5)]).collect()
}

#[test]
fn language_models() {
    let directory = tempfile::tempdir().unwrap();
    let text = (0..300).map(|i| format!("line {} of {}\n", i, i * i % 91)).collect::<String>();
    let path = written(directory.path(), "text.txt", &text);
    let settings = Settings { seq_length: Some(9), embedding_size: Some(6), ..settings() };
    compare::<Language>(path, language::Dataset::texts([text]), settings);
}

#[test]
fn classifiers_of_texts() {
    let directory = tempfile::tempdir().unwrap();
    let text = |i: usize| format!("word{} and {} more", i % 11, i % 7);
    let label = |i: usize| ["good", "bad", "neither"][i % 3];
    let lines: String = (0..60).map(|i| format!("{}\t{}\n", label(i), text(i))).collect();
    let path = written(directory.path(), "texts.tsv", &lines);
    let values: classify::Dataset = (0..60).map(|i| (text(i), label(i))).collect();
    compare::<Classify>(path, values, settings());
}

#[test]
fn classifiers_of_frames() {
    let directory = tempfile::tempdir().unwrap();
    let label = |i: usize| ["even", "odd"][i % 2];
    let mut csv = String::from("sequence,label,x,y\n");
    for i in 0..40 {
        frames(i).iter().for_each(|f| csv.push_str(&format!("s{i},{},{},{}\n", label(i), f[0], f[1])));
    }
    let path = written(directory.path(), "frames.csv", &csv);
    let inputs = (0..40).map(|i| ClassifyInput::from(frames(i)));
    let values = classify::Dataset::new(inputs, (0..40).map(label)).unwrap().with_features(["x", "y"]);
    compare::<Classify>(path, values, settings());
}

#[test]
fn taggers_of_words() {
    let directory = tempfile::tempdir().unwrap();
    let words = |i: usize| (0..2 + i % 5).map(|t| format!("w{}", (i * t + i) % 23)).collect::<Vec<_>>();
    let tags = |i: usize| (0..2 + i % 5).map(|t| ["N", "V", "A"][(i + t) % 3]).collect::<Vec<_>>();
    let mut conll = String::new();
    for i in 0..50 {
        words(i).iter().zip(tags(i)).for_each(|(word, tag)| conll.push_str(&format!("{word}\t{tag}\n")));
        conll.push('\n');
    }
    let path = written(directory.path(), "tags.conll", &conll);
    let values = tag::Dataset::new((0..50).map(words), (0..50).map(tags)).unwrap();
    compare::<Tag>(path, values, Settings { crf: Some(true), ..settings() });
}

#[test]
fn taggers_of_frames() {
    let directory = tempfile::tempdir().unwrap();
    let labels = |i: usize| (0..frames(i).len()).map(|t| ["on", "off"][(i + t) % 2]).collect::<Vec<_>>();
    let mut csv = String::from("sequence,label,x,y\n");
    for i in 0..40 {
        let rows = frames(i).into_iter().zip(labels(i));
        rows.for_each(|(f, label)| csv.push_str(&format!("s{i},{label},{},{}\n", f[0], f[1])));
    }
    let path = written(directory.path(), "steps.csv", &csv);
    let inputs = (0..40).map(|i| TagInput::frames(&frames(i)));
    let values = tag::Dataset::new(inputs, (0..40).map(labels)).unwrap().with_features(["x", "y"]);
    compare::<Tag>(path, values, settings());
}

#[test]
fn translators() {
    let directory = tempfile::tempdir().unwrap();
    let pair = |i: usize| (format!("{i}"), format!("n{} {}", i % 10, i / 10));
    let lines: String = (0..60).map(|i| format!("{}\t{}\n", pair(i).0, pair(i).1)).collect();
    let path = written(directory.path(), "pairs.tsv", &lines);
    let values: translate::Dataset = (0..60).map(pair).collect();
    compare::<Translate>(path, values, Settings { embedding_size: Some(6), ..settings() });
}

#[test]
fn captioners_of_vectors() {
    let directory = tempfile::tempdir().unwrap();
    let vector = |i: usize| vec![number(i), number(i + 100), number(i + 200)];
    let text = |i: usize| ["red", "green", "blue"][i % 3];
    let lines = (0..40).map(|i| {
        let v = vector(i);
        format!("{},{},{},{}\n", v[0], v[1], v[2], text(i))
    });
    let path = written(directory.path(), "vectors.csv", &lines.collect::<String>());
    let values: caption::Dataset = (0..40).map(|i| (vector(i), text(i))).collect();
    compare::<Caption>(
        path,
        values,
        Settings { embedding_size: Some(6), latent_size: Some(8), ..settings() },
    );
}

#[test]
fn captioners_of_images() {
    let directory = tempfile::tempdir().unwrap();
    let pixel = |i: usize, at: usize| ((i * 31 + at * 17) % 256) as u8;
    let bytes = |i: usize| (0..8 * 8 * 3).map(|at| pixel(i, at)).collect::<Vec<u8>>();
    let text = |i: usize| format!("picture {}", i % 4);
    let mut list = String::new();
    for i in 0..24 {
        let file = fs::File::create(directory.path().join(format!("{i}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, 8, 8);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&bytes(i)).unwrap();
        list.push_str(&format!("{i}.png\t{}\n", text(i)));
    }
    let path = written(directory.path(), "captions.tsv", &list);
    let image = |i: usize| {
        let values = bytes(i).iter().map(|&byte| f32::from(byte) / 255.0).collect();
        Pixels::new(8, 8, values).unwrap()
    };
    let values: caption::Dataset = (0..24).map(|i| (image(i), text(i))).collect();
    let small = Settings {
        image_size: Some(8),
        channels: Some(vec![3, 4]),
        embedding_size: Some(6),
        latent_size: Some(8),
        valid_fraction: Some(0.0),
        ..settings()
    };
    compare::<Caption>(path, values, small);
}

#[test]
fn forecasters() {
    let directory = tempfile::tempdir().unwrap();
    let sold = |t: usize| f64::from(number(t)) + (t % 12) as f64;
    let price = |t: usize| 20.0 + f64::from(number(t + 50));
    let lines = (0..120).map(|t| format!("{},{}\n", sold(t), price(t)));
    let path = written(directory.path(), "series.csv", &format!("sold,price\n{}", lines.collect::<String>()));
    let columns = [("sold", (0..120).map(sold).collect()), ("price", (0..120).map(price).collect())];
    let values = forecast::Dataset::new(columns).unwrap();
    compare::<Forecast>(path, values, Settings { horizon: Some(2), ..settings() });
}

#[test]
fn models_of_music() {
    let directory = tempfile::tempdir().unwrap();
    let piece =
        |i: usize| (0..6 + i % 3).map(|t| vec![(50 + (i * 5 + t * 3) % 30) as u8]).collect::<Vec<_>>();
    let pieces: Vec<Vec<Vec<u8>>> = (0..20).map(piece).collect();
    let json = serde_json::json!({ "train": pieces, "valid": [], "test": [] });
    let path = written(directory.path(), "rolls.json", &json.to_string());
    let values: music::Dataset = pieces.into_iter().map(|piece| Roll::new(piece).unwrap()).collect();
    compare::<Music>(path, values, Settings { transpose: Some(2), ..settings() });
}
