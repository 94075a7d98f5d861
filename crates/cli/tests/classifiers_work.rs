//! Classification from files to predictions, and errors.

mod support;

use serde_json::Value;
use support::TestDir;

const SMALL: &str = "--hidden-size 12 --epochs 12 --patience 0 --batch-size 8";

/// `kind` or `unkind`, by a word in each text.
fn reviews(dir: &TestDir, name: &str, count: usize) {
    let words = ["film", "story", "music", "cast", "plot"];
    let lines = (0..count).map(|i| {
        let (a, b) = (words[i % 5], words[i / 5 % 5]);
        match i % 3 {
            0 => format!("unkind\tthe {a} was dull and the {b} too"),
            1 => format!("kind\tI liked the {a} , a fine {b}"),
            _ => format!("kind\twhat a fine {a}"),
        }
    });
    dir.write(name, lines.collect::<Vec<_>>().join("\n"));
}

/// `up` or `down`, by the direction of the first of two features.
fn gestures(dir: &TestDir, name: &str, count: usize) {
    let mut table = "sequence,label,x,y\n".to_owned();
    for i in 0..count {
        let (label, slope) = if i % 2 == 0 { ("up", 1.0) } else { ("down", -1.0) };
        for t in 0..4 + i % 3 {
            let noise = ((i * 31 + t * 17) % 13) as f64 / 13.0;
            table += &format!("g{i},{label},{},{noise}\n", slope * t as f64 + noise);
        }
    }
    dir.write(name, table);
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// In a small validation set all predictions are soon correct, while the loss still falls.
#[test]
fn early_stopping_waits_while_the_loss_falls() {
    let dir = TestDir::new();
    reviews(&dir, "reviews.tsv", 120);
    let printed = dir.succeed(
        "train reviews.tsv --json --hidden-size 12 --embedding-size 8 --batch-size 8 --epochs 60 --patience 2",
    );
    let events = printed.lines().map(json).filter(|event| event["event"] == "valid");
    let valid: Vec<[f64; 2]> =
        events.map(|e| ["accuracy", "loss"].map(|key| e[key].as_f64().unwrap())).collect();
    let more_accurate = |i: usize| valid[..i].iter().all(|earlier| valid[i][0] > earlier[0]);
    let smaller_loss = |i: usize| valid[..i].iter().all(|earlier| valid[i][1] < earlier[1]);
    let since_more_accurate = (0..valid.len()).rev().take_while(|&i| !more_accurate(i)).count();
    let since_any = (0..valid.len()).rev().take_while(|&i| !more_accurate(i) && !smaller_loss(i)).count();
    assert!(since_more_accurate > 2, "the accuracy alone would have stopped it: {valid:?}");
    assert!(since_any <= 2, "{valid:?}");
}

#[test]
fn text_classifiers_can_be_trained_evaluated_and_used() {
    let dir = TestDir::new();
    reviews(&dir, "reviews.tsv", 120);
    reviews(&dir, "test.tsv", 31);
    let printed = dir.succeed(&format!("train reviews.tsv --out run --embedding-size 8 {SMALL}"));
    for part in [
        "task      classify: looks like labelled texts: 2 labels before the tab",
        "accuracy",
        "refrain predict run",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let found = json(&dir.succeed("eval run test.tsv --json"));
    assert_eq!(found["sequences"], 31);
    assert!(found["accuracy"].as_f64().unwrap() > 0.95, "{found}");
    assert!(found["macro_f1"].as_f64().unwrap() > 0.95, "{found}");
    assert!(dir.succeed("eval run test.tsv --picture confusion.svg").contains("true \\ predicted"));
    assert!(String::from_utf8(dir.read("confusion.svg")).unwrap().contains("unkind"));
    dir.write("new.txt", "a fine plot\n\nthe music was dull\n");
    assert_eq!(dir.succeed("predict run new.txt"), "kind\n\nunkind\n");
    // The labels of a training file are ignored.
    dir.write("labelled.txt", "unkind\ta fine plot\nkind\tthe music was dull\n");
    assert_eq!(dir.succeed("predict run labelled.txt"), "kind\nunkind\n");
    // So are unknown labels, and labels without a text.
    dir.write("more.txt", "unkind\ta fine plot\nsad\ta fine plot\nkind\t\nkind\ta fine plot\n");
    let scores = dir.succeed("predict run more.txt --json");
    let scores: Vec<&str> = scores.lines().collect();
    assert_eq!((scores[0], scores[1], scores[2]), (scores[3], scores[3], "null"));
    let first = json(dir.succeed("predict run new.txt --json").lines().next().unwrap());
    assert_eq!(first["label"], "kind");
    let sum: f64 = ["kind", "unkind"].iter().map(|label| first["scores"][label].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{first}");
    let printed = dir.succeed("info run");
    for part in ["classify", "bidirectional LSTM", "2: kind unkind", "lowercased", "accuracy"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn sequence_classifiers_can_be_trained_evaluated_and_used() {
    let dir = TestDir::new();
    gestures(&dir, "gestures.csv", 60);
    gestures(&dir, "test.csv", 20);
    dir.succeed(&format!("train gestures.csv --valid test.csv --out run --cell gru {SMALL}"));
    let found = json(&dir.succeed("eval run test.csv --json"));
    assert!(found["accuracy"].as_f64().unwrap() > 0.95, "{found}");
    assert_eq!(dir.succeed("predict run test.csv").lines().take(3).collect::<Vec<_>>(), ["up", "down", "up"]);
    // Without labels, and with another order of columns.
    let table = String::from_utf8(dir.read("test.csv")).unwrap();
    let rows = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let turned: Vec<String> = rows.map(|row| [row[0], row[3], row[2]].join(",")).collect();
    dir.write("turned.csv", turned.join("\n"));
    assert_eq!(dir.succeed("predict run turned.csv --json"), dir.succeed("predict run test.csv --json"));
}

#[test]
fn labels_with_a_single_example_are_allowed() {
    let dir = TestDir::new();
    reviews(&dir, "reviews.tsv", 40);
    let rare = (0..8).map(|i| format!("\nrare{i}\tan odd text {i}")).collect::<String>();
    dir.write("rare.tsv", String::from_utf8(dir.read("reviews.tsv")).unwrap() + &rare);
    for seed in 1..4 {
        let printed =
            dir.succeed(&format!("train rare.tsv --max-steps 2 --seed {seed} --out run{seed} {SMALL}"));
        assert!(printed.contains("10 labels"), "{printed}");
    }
}

#[test]
fn a_run_can_be_resumed() {
    let dir = TestDir::new();
    reviews(&dir, "reviews.tsv", 120);
    let train = |out: &str, more: &str| {
        format!("train reviews.tsv --out {out} --embedding-size 8 {SMALL} --cell rnn {more}")
    };
    dir.succeed(&train("whole", "--max-steps 50"));
    dir.succeed(&train("parts", "--max-steps 23"));
    dir.succeed("train --resume parts --max-steps 50");
    // The schedule of the first part ended earlier, so the weights differ; the data are the same.
    let (whole, parts) = (dir.succeed("info whole"), dir.succeed("info parts"));
    let data_line = |printed: &str| printed.lines().find(|line| line.starts_with("data ")).map(str::to_owned);
    assert_eq!(data_line(&whole), data_line(&parts));
    reviews(&dir, "reviews.tsv", 121);
    let message = dir.fail("train --resume parts --max-steps 60", 2);
    assert!(message.contains("has changed since this run began"), "{message}");
}

#[test]
fn invalid_data_are_reported_with_their_position() {
    let dir = TestDir::new();
    reviews(&dir, "reviews.tsv", 60);
    gestures(&dir, "gestures.csv", 30);
    dir.succeed(&format!("train reviews.tsv --out texts --embedding-size 8 {SMALL} --max-steps 5"));
    dir.succeed(&format!("train gestures.csv --out numbers {SMALL} --max-steps 5"));
    dir.write("one.tsv", "a\tthe only label\na\tthere is\n");
    dir.write("tabless.tsv", "kind\tfine\nno tab at all\n");
    dir.write("unlabelled.tsv", "kind\tfine\n\tno label\n");
    dir.write("other.tsv", "kind\tfine\nsad\tdull\n");
    dir.write("nan.csv", "sequence,label,x,y\na,up,1,2\na,up,NaN,3\n");
    dir.write("ragged.csv", "sequence,label,x,y\na,up,1,2\na,up,1\n");
    dir.write("narrow.csv", "sequence,label,x\na,up,1\na,up,2\nb,down,1\nb,down,0\n");
    dir.write("each.csv", "sequence,label,x\na,up,1\na,down,2\nb,down,1\nb,down,0\n");
    for (arguments, code, parts) in [
        ("train --task classify one.tsv --out run", 1, &["one.tsv", "single label"][..]),
        ("train --task classify tabless.tsv --out run", 1, &["tabless.tsv, line 2"]),
        ("train --task classify unlabelled.tsv --out run", 1, &["unlabelled.tsv, line 2"]),
        ("train --task classify nan.csv --out run", 1, &["nan.csv, line 3"]),
        ("train --task classify ragged.csv --out run", 1, &["ragged.csv, line 3"]),
        ("train --task classify each.csv --out run", 1, &["each.csv", "label for each frame", "--task tag"]),
        ("train --task classify text.txt --out run", 1, &["text.txt, line 1", "label<TAB>text"]),
        ("train --task classify --out run", 2, &["name the file"]),
        ("train --task classify reviews.tsv one.tsv --out run", 2, &["several files"]),
        ("train reviews.tsv --valid-fraction 1 --out run", 2, &["valid-fraction is 1"]),
        ("train reviews.tsv --pooling most --out run", 2, &["last", "mean", "max"]),
        ("eval texts other.tsv", 1, &["other.tsv, line 2", "\"sad\"", "kind, unkind"]),
        ("eval texts gestures.csv", 1, &["gestures.csv, line 2", "which is not in the training set"]),
        (
            "eval numbers narrow.csv",
            1,
            &["narrow.csv", "has the columns x, but the model was trained on x, y"],
        ),
        (
            "eval numbers reviews.tsv",
            1,
            &["reviews.tsv, line 1", "which is not in the training set (labels: down, up): correct it"],
        ),
        ("eval texts missing.tsv", 1, &["cannot read missing.tsv"]),
        ("predict numbers", 2, &["give files"]),
        (
            "predict texts reviews.tsv --length-penalty 1",
            2,
            &["--length-penalty is not used by the classify task, only by translate and caption"],
        ),
        (
            "predict texts reviews.tsv --seed 1",
            2,
            &["--seed is not used by the classify task, only by caption"],
        ),
        (
            "train reviews.tsv --sample-every 3 --out run",
            2,
            &["--sample-every is not used by the classify task, only by language"],
        ),
        (
            "train reviews.tsv --valid reviews.tsv --valid-fraction 0.2 --out run",
            2,
            &["--valid <FILE>", "cannot be used with", "--valid-fraction"],
        ),
        ("sample texts", 2, &["a classifier", "refrain predict"]),
        ("train reviews.tsv reviews.tsv --out run", 2, &["look like labelled texts", "--valid"]),
    ] {
        let message = dir.fail(arguments, code);
        for part in parts {
            assert!(message.contains(part), "{arguments}: no {part:?} in {message}");
        }
    }
}
