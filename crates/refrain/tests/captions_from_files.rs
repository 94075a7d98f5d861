//! Captioning from files: training, prediction, evaluation, and invalid files.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use refrain::format::{Pixels, read_image};
use refrain::sample::{BeamOptions, SamplingOptions};
use refrain::task::Caption;
use refrain::task::caption::Decoding;
use refrain::train::{Run, Settings};
use refrain::{Cpu, Error, InputProblem, Model};

const NAMES: [&str; 3] = ["red", "green", "blue"];

/// A picture of one colour; `shade` varies it.
fn picture(path: &Path, colour: usize, shade: u8) {
    let mut pixel = [shade; 3];
    pixel[colour] = 255 - shade;
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), 8, 8);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&pixel.repeat(64)).unwrap();
}

/// Pictures with their list, `captions.tsv`.
fn pictures(folder: &Path, shades: &[u8]) -> std::path::PathBuf {
    let mut list = String::new();
    for (colour, name) in NAMES.iter().enumerate() {
        for shade in shades {
            let file = format!("{name}{shade}.png");
            picture(&folder.join(&file), colour, *shade);
            writeln!(list, "{file}\t{name}").unwrap();
        }
    }
    let path = folder.join("captions.tsv");
    fs::write(&path, list).unwrap();
    path
}

fn settings(data: &Path) -> Settings {
    Settings {
        data: Some(vec![data.to_owned()]),
        valid_fraction: Some(0.0),
        hidden_size: Some(16),
        embedding_size: Some(8),
        latent_size: Some(16),
        dropout: Some(0.0),
        batch_size: Some(6),
        learning_rate: Some(0.01),
        threads: Some(1),
        ..Settings::default()
    }
}

fn of_images(data: &Path) -> Settings {
    Settings { image_size: Some(8), channels: Some(vec![4, 4]), ..settings(data) }
}

fn train(settings: Settings) -> Result<Model<Caption>, Error> {
    Ok(Run::<Caption, _>::from_files(settings, &Cpu::new(1)?)?.train(|_| ControlFlow::Continue(()))?.model)
}

#[test]
fn a_captioner_names_colours() {
    let directory = tempfile::tempdir().unwrap();
    let list = pictures(directory.path(), &[0, 10, 20, 30]);
    let elsewhere = tempfile::tempdir().unwrap();
    let others = pictures(elsewhere.path(), &[15]);
    let varied = Settings { augment: Some(true), flip: Some(true), epochs: Some(60), ..of_images(&list) };
    let model = train(varied).unwrap();
    let backend = Cpu::new(2).unwrap();
    let session = model.on(&backend);
    let inputs: Vec<Vec<f32>> = NAMES
        .iter()
        .flat_map(|name| model.task.read_inputs(&elsewhere.path().join(format!("{name}15.png"))).unwrap())
        .collect();
    let greedy = session.predict(&inputs, &Decoding::Greedy).unwrap();
    assert_eq!(greedy.iter().map(|one| &one.text[..]).collect::<Vec<_>>(), NAMES);
    let beam = |width| Decoding::Beam(BeamOptions { width, length_penalty: 0.0 });
    for (greedy, beam) in greedy.iter().zip(session.predict(&inputs, &beam(1)).unwrap()) {
        assert_eq!(greedy.text, beam.text);
        assert!((greedy.score - beam.score).abs() < 1e-6);
    }
    for (greedy, beam) in greedy.iter().zip(session.predict(&inputs, &beam(4)).unwrap()) {
        assert!(beam.score >= greedy.score - 1e-6);
    }
    let sampled = |temperature, seed| {
        let options = SamplingOptions { temperature, seed, ..SamplingOptions::default() };
        session.predict(&inputs, &Decoding::Sample(options)).unwrap()
    };
    assert_eq!(sampled(0.0, 5), greedy);
    assert_eq!(sampled(3.0, 5), sampled(3.0, 5));
    assert_ne!(sampled(3.0, 5), sampled(3.0, 50));

    let read = |path: &Path, images| model.task.read_dataset(path, images);
    let (dataset, known) = (read(&others, None).unwrap(), read(&list, None).unwrap());
    let found = session.evaluate(&dataset, &Decoding::Greedy, Some(&known)).unwrap();
    assert_eq!((found.texts.exact(), found.texts.cer()), (1.0, 0.0));
    assert_eq!(found.baseline.unwrap().exact(), 1.0);
    assert!(found.loss < 0.3, "{}", found.loss);
    // Several texts of one image are several references.
    fs::write(&others, "red15.png\tscarlet\nred15.png\tred\n").unwrap();
    let found = session.evaluate(&read(&others, None).unwrap(), &Decoding::Greedy, None).unwrap();
    assert_eq!((found.texts.exact(), found.texts.characters.sequences), (1.0, 1));
    // The list is in another folder than the images.
    fs::write(directory.path().join("other.tsv"), "blue15.png\tblue\n").unwrap();
    let (other, folder) = (directory.path().join("other.tsv"), Some(elsewhere.path()));
    let other = read(&other, folder).unwrap();
    assert_eq!(session.evaluate(&other, &Decoding::Greedy, None).unwrap().texts.exact(), 1.0);
}

#[test]
fn images_in_memory_are_resized_like_those_in_files() {
    let directory = tempfile::tempdir().unwrap();
    let list = pictures(directory.path(), &[0, 10, 20, 30]);
    let path = directory.path().join("striped.png");
    let mut encoder = png::Encoder::new(File::create(&path).unwrap(), 8, 5);
    encoder.set_color(png::ColorType::Rgb);
    let bytes: Vec<u8> = (0..8 * 5 * 3_u32).map(|i| (i * 37 % 256) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    let small = Settings { image_size: Some(6), max_steps: Some(1), ..of_images(&list) };
    let task = train(small).unwrap().task;
    let image = read_image(&path, None).unwrap();
    let numbers = task.numbers(image.clone().into()).unwrap();
    assert_eq!(numbers.len(), 6 * 6 * 3);
    assert_eq!(vec![numbers], task.read_inputs(&path).unwrap());
    for (width, height) in [(6, 6), (9, 5), (0, 0), (usize::MAX, 2)] {
        let broken = Pixels { width, height, ..image.clone() };
        assert!(matches!(task.numbers(broken.into()), Err(InputProblem::Size { .. })), "{width} x {height}");
    }
}

#[test]
fn a_captioner_of_vectors_predicts_the_same_after_loading() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vectors.csv");
    let rows =
        (0..30_i32).map(|i| format!("{},{},{}\n", i % 3, 100.0 + f64::from(i) * 0.1, NAMES[i as usize % 3]));
    fs::write(&path, rows.collect::<String>()).unwrap();
    let model = train(Settings { epochs: Some(40), ..settings(&path) }).unwrap();
    let file = directory.path().join("m.safetensors");
    model.save(&file).unwrap();
    let model = Model::<Caption>::load(&file).unwrap();
    let backend = Cpu::new(1).unwrap();
    let session = model.on(&backend);
    let inputs = model.task.vectors_of(Path::new("x"), "0,101\n2,100.5\n").unwrap();
    let texts = session.predict(&inputs, &Decoding::Greedy).unwrap();
    assert_eq!((&texts[0].text[..], &texts[1].text[..]), ("red", "blue"));

    let bad = |text: &str, message: &str| {
        let error = model.task.vectors_of(Path::new("x"), text).unwrap_err().to_string();
        assert!(error.contains(message), "{text:?}: {error}");
    };
    bad("0,1,2,3\n", "x, line 1: has 4 columns: expected 2 numbers, and optionally a text");
    bad("0,NaN\n", "x, line 1, column 2: a value is missing");
    bad("", "x: is empty");
    let wrong = session.predict(&[vec![1.0]], &Decoding::Greedy).unwrap_err().to_string();
    assert!(wrong.contains("input 1: has 1 numbers, expected 2"), "{wrong}");
    let none = session.predict(&inputs, &Decoding::Beam(BeamOptions { width: 0, length_penalty: 1.0 }));
    assert!(none.unwrap_err().to_string().contains("`beam` is 0"));
    fs::write(directory.path().join("empty.csv"), "1,2,\n").unwrap();
    let error = model.task.read_dataset(&directory.path().join("empty.csv"), None);
    assert!(error.unwrap_err().to_string().contains("line 1: has no text"));
}

#[test]
fn invalid_data_are_reported_with_their_place() {
    let directory = tempfile::tempdir().unwrap();
    picture(&directory.path().join("good.png"), 0, 0);
    fs::write(directory.path().join("text.png"), "no picture").unwrap();
    fs::write(directory.path().join("cut.png"), &fs::read(directory.path().join("good.png")).unwrap()[..40])
        .unwrap();
    let data = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let cases = [
        ("a.tsv", "good.png\tgood\ntext.png\tbad\n", "text.png: is neither PNG nor JPEG"),
        ("b.tsv", "good.png\tgood\ncut.png\tbad\n", "cut.png: cannot be unpacked"),
        ("c.tsv", "good.png\tgood\nmissing.png\tbad\n", "c.tsv, line 2: there is no file \"missing.png\""),
        ("d.tsv", "good.png\tgood\ngood.png\t \n", "d.tsv, line 2: has an empty text"),
        ("e.csv", "1,2,one\n1,two\n", "e.csv, line 2: has 2 columns where the first row has 3"),
        ("f.csv", "1,2,one\n1,NaN,two\n", "f.csv, line 2, column 2: a value is missing"),
        ("g.csv", "1,2,one\n1,2,\n", "g.csv, line 2: has no text"),
        ("h.csv", "one\n", "has 1 column: expected at least one number and a text"),
        ("i.tsv", "", "i.tsv: is empty"),
    ];
    for (name, text, expected) in cases {
        let path = data(name, text);
        let error = train(settings(&path)).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    let refused = |settings: Settings, expected: &str| {
        let error = train(settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let (vectors, list) = (data("v.csv", "1,2,one\n3,4,two\n"), data("l.tsv", "good.png\tgood\n"));
    refused(settings(directory.path()), "is a folder: name the list of its captions");
    refused(of_images(&vectors), "`image_size` is not used with vectors");
    refused(Settings { augment: Some(true), ..settings(&vectors) }, "`augment` is not used with vectors");
    refused(Settings { flip: Some(true), ..of_images(&list) }, "`flip` is not used without `augment = true`");
    refused(Settings { image_size: Some(2), ..of_images(&list) }, "too small for 2 convolutions");
    refused(Settings { image_size: Some(0), ..of_images(&list) }, "`image_size` is 0: give 1 to 1024");
    refused(
        Settings { valid: Some(data("w.csv", "1,2,3,one\n")), ..settings(&vectors) },
        "w.csv, line 1: has 4 columns: expected 2 numbers",
    );
}
