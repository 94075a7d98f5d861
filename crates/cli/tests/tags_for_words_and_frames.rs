//! Tagging of words and frames, and errors.

mod support;

use support::{TestDir, events};

const SMALL: &str = "--hidden-size 8 --sample-every 0";

/// Forty sentences in which names of people and places are spans of one or two words.
fn sentences(dir: &TestDir) {
    let mut text = String::new();
    for i in 0..40 {
        let person = ["Anna\tB-PER", "Bo\tB-PER\nLee\tI-PER", "Cleo\tB-PER"][i % 3];
        let town = ["Oslo\tB-LOC", "New\tB-LOC\nYork\tI-LOC", "Rome\tB-LOC", "Bern\tB-LOC"][i % 4];
        text += &format!("{person}\n{}\tO\n{town}\n.\tO\n\n", ["left", "likes"][i % 2]);
    }
    dir.write("names.conll", text);
}

/// Ten sequences of two numbers per frame, labelled by the sign of the first.
fn frames(dir: &TestDir) {
    let mut text = "id,label,x,y\n".to_owned();
    for i in 0..60 {
        let x = if i / 3 % 2 == 0 { 1.0 } else { -1.0 } + f64::from(i % 7) / 10.0;
        text += &format!("s{},{},{x},{}\n", i / 6, if x > 0.0 { "up" } else { "down" }, i % 5);
    }
    dir.write("frames.csv", text);
}

#[test]
fn words_are_tagged() {
    let dir = TestDir::new();
    sentences(&dir);
    let printed = dir.succeed(&format!(
        "train names.conll --epochs 40 --learning-rate 0.02 --dropout 0.1 --char-hidden-size 4 --out run {SMALL}"
    ));
    for part in ["task      tag", "mark spans", "conditional random field", "accuracy"] {
        assert!(printed.contains(part), "no {part:?} in {printed}");
    }
    let found = &events(&dir.succeed("eval run names.conll --json"))[0];
    for name in ["accuracy", "macro_f1", "span_f1"] {
        assert!(found[name].as_f64().unwrap() > 0.9, "{found}");
    }
    let table = dir.succeed("eval run names.conll");
    for part in ["span F1", "PER", "LOC", "nats per tag", "B-PER"] {
        assert!(table.contains(part), "no {part:?} in {table}");
    }
    dir.write("new.txt", "Anna likes New York .\n\nCleo left .\n");
    let tagged = dir.succeed("predict run new.txt");
    let words: Vec<&str> = tagged.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(words, ["Anna", "likes", "New", "York", ".", "", "Cleo", "left", ".", ""], "{tagged}");
    assert!(tagged.starts_with("Anna\tB-PER\nlikes\tO\nNew\tB-LOC\nYork\tI-LOC\n.\tO\n"), "{tagged}");
    // Lines of two words are sentences, unless the second ones are tags.
    dir.write("short.txt", "Anna left\nBo left\n\nAnna likes\n");
    assert_eq!(dir.succeed("predict run short.txt").lines().count(), 9);
    // Its output can be its input, with and without tags.
    dir.write("tagged.conll", &tagged);
    assert_eq!(dir.succeed("predict run tagged.conll"), tagged);
    assert_eq!(events(&dir.succeed("eval run tagged.conll --json"))[0]["accuracy"], 1.0);
    dir.write("unknown.conll", "Zoe\tB-PER\nleft\tO\n");
    assert_eq!(events(&dir.succeed("eval run unknown.conll --json"))[0]["unknown"], 1);
    let objects = events(&dir.succeed("predict run new.txt --json"));
    assert_eq!(objects[1]["words"].as_array().unwrap().len(), 3);
    assert_eq!(objects[1]["probabilities"].as_array().unwrap().len(), 3);
    // Without character encoder and CRF; two runs give the same bytes.
    let plain = format!("train names.conll --char-embedding-size 0 --crf=false --max-steps 5 {SMALL}");
    dir.succeed(&format!("{plain} --out one --threads 1"));
    dir.succeed(&format!("{plain} --out two --threads 2"));
    assert_eq!(dir.read("one/model.safetensors"), dir.read("two/model.safetensors"));
}

#[test]
fn frames_are_tagged() {
    let dir = TestDir::new();
    frames(&dir);
    let printed = dir.succeed("train frames.csv --epochs 100 --learning-rate 0.03 --hidden-size 8 --out run");
    assert!(printed.contains("task      tag"), "{printed}");
    let found = &events(&dir.succeed("eval run frames.csv --json"))[0];
    assert!(found["accuracy"].as_f64().unwrap() > 0.9 && found["span_f1"].is_null(), "{found}");
    assert_eq!(dir.succeed("predict run frames.csv").lines().count(), 70);
    // Also a sequence with a constant label.
    dir.write("same.csv", "id,label,x,y\na,up,1,2\na,up,1.2,3\n");
    assert_eq!(events(&dir.succeed("eval run same.csv --json"))[0]["tags"], 2);
}

#[test]
fn invalid_data_are_reported() {
    let dir = TestDir::new();
    sentences(&dir);
    frames(&dir);
    dir.write("empty.conll", "");
    dir.write("one.conll", "a\tX\nb\tX\n");
    dir.write("ragged.conll", "a\tX\nb\tY\n\nc\n");
    dir.write("blank.conll", "a\tX\nb\t\n");
    dir.write("nan.csv", "id,label,x\na,up,1\na,down,NaN\n");
    dir.write("mixed.csv", "id,label,x\na,up,1\na,down,1,2\n");
    dir.write("whole.ts", "@problemName t\n@univariate true\n@classLabel true a b\n@data\n1,2,3:a\n2,3:b\n");
    for (arguments, code, parts) in [
        ("empty.conll", 1, &["empty.conll: is empty"][..]),
        ("one.conll", 1, &["one.conll: has a single tag"]),
        ("ragged.conll", 1, &["ragged.conll, line 4"]),
        ("blank.conll", 1, &["blank.conll, line 2", "tag"]),
        ("names.conll --column 9", 1, &["there is no column 9", "1 to 2"]),
        ("names.conll --column upos", 1, &["the columns have no names"]),
        ("names.conll --column nonsense", 2, &["a number from 1", "nonsense"]),
        ("names.conll --word-column 0", 2, &["a number from 1"]),
        ("names.conll --units char", 2, &["--units is not used by the tag task"]),
        ("names.conll --min-count 1000", 2, &["but no words occur that often"]),
        ("names.conll --word-dropout 1", 2, &["word-dropout is 1"]),
        ("names.conll --char-hidden-size 0", 2, &["--char-hidden-size is 0"]),
        ("names.conll --valid frames.csv", 1, &["frames.csv", "reads words"]),
        ("names.conll frames.csv", 2, &["several files"]),
        ("nan.csv", 1, &["nan.csv, line 3", "column \"x\""]),
        ("mixed.csv", 1, &["mixed.csv, line 3"]),
        ("whole.ts", 1, &["whole.ts, line 5", "--task classify"]),
    ] {
        let message = dir.fail(&format!("train --task tag --out run {arguments}"), code);
        for part in parts {
            assert!(message.contains(part), "{arguments}: no {part:?} in {message}");
        }
    }
    dir.succeed(&format!("train names.conll --max-steps 3 --char-hidden-size 4 --out words {SMALL}"));
    dir.succeed("train frames.csv --max-steps 3 --hidden-size 4 --out frames");
    dir.write("other.conll", "# a comment\nAnna\tB-PER\nleft\tVERB\n");
    dir.write("bare.csv", "id,x,y\na,1,2\na,1,2\nb,1,2\n");
    // Labels are not needed, and columns may be in another order.
    dir.write("turned.csv", "id,y,x\na,2,1\na,2,1\nb,2,1\n");
    assert_eq!(dir.succeed("predict frames bare.csv").lines().count(), 5);
    let probabilities = |file: &str| dir.succeed(&format!("predict frames {file} --json"));
    assert_eq!(probabilities("turned.csv"), probabilities("bare.csv"));
    dir.write("wide.csv", "id,label,x,y,z\na,up,1,2,3\na,down,1,2,3\n");
    for (arguments, code, parts) in [
        ("eval words other.conll", 1, &["other.conll, line 3", "\"left\"", "\"VERB\"", "B-LOC"][..]),
        ("eval words frames.csv", 1, &["frames.csv, line 2", "reads words"]),
        (
            "eval frames wide.csv",
            1,
            &["wide.csv", "has the columns x, y, z, but the model was trained on x, y"],
        ),
        ("eval frames bare.csv", 1, &["bare.csv", "sequences of numbers", "sequence, label and features"]),
        ("predict frames nan.csv", 1, &["nan.csv, line 3"]),
        ("predict frames wide.csv", 1, &["wide.csv", "trained on x, y"]),
        ("predict frames", 2, &["give files"]),
    ] {
        let message = dir.fail(arguments, code);
        for part in parts {
            assert!(message.contains(part), "{arguments}: no {part:?} in {message}");
        }
    }
}
