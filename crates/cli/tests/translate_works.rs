//! Translation: training, prediction, evaluation.

mod support;

use support::TestDir;

const SMALL: &str = "--hidden-size 8 --num-layers 1 --max-steps 4";

fn pairs() -> String {
    (0..60).map(|i| format!("w{}{}\tAH{} B\n", i % 10, i, i % 7)).collect()
}

#[test]
fn translators_can_be_trained_used_and_evaluated() {
    let dir = TestDir::new();
    dir.write("pairs.tsv", pairs());
    let printed = dir.succeed(&format!("train pairs.tsv {SMALL} --out run"));
    for part in [
        "translate: looks like pairs of texts: 60 distinct texts",
        "source in characters, for single words",
        "target in symbols, for symbols separated by spaces",
        "attention (general)",
    ] {
        assert!(printed.contains(part), "no {part:?} in {printed}");
    }
    dir.write("words.txt", "w11\n\nw22\n");
    // An empty line gives an empty line, so that line numbers correspond.
    let lines = dir.succeed("predict run words.txt");
    assert_eq!((lines.lines().count(), lines.lines().nth(1)), (3, Some("")), "{lines}");
    assert_eq!(dir.succeed("predict run words.txt --beam 4 --n-best 3").lines().count(), 3 + 1 + 3);
    // Targets, as in a training file, are ignored.
    dir.write("both.tsv", "w11\tx\n\nw22\ty z\n");
    assert_eq!(dir.succeed("predict run both.tsv"), lines);
    let found = dir.succeed("predict run words.txt --json --n-best 2 --threads 1");
    assert_eq!(found.lines().nth(1), Some("null"));
    for line in found.lines().filter(|line| *line != "null") {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["targets"].as_array().map(Vec::len), Some(2), "{object}");
        assert!(object["targets"][0]["score"].as_f64() >= object["targets"][1]["score"].as_f64());
    }
    let metrics: serde_json::Value =
        serde_json::from_str(&dir.succeed("eval run pairs.tsv --beam 2 --json")).unwrap();
    for name in ["exact", "wer", "per", "cer", "bleu", "chrf", "loss", "accuracy"] {
        assert!(metrics[name].is_number(), "{name}: {metrics}");
    }
    assert!(dir.succeed("eval run pairs.tsv").contains("WER"));
}

#[test]
fn errors_are_reported() {
    let dir = TestDir::new();
    dir.write("pairs.tsv", pairs());
    dir.succeed(&format!("train pairs.tsv {SMALL} --out run"));
    dir.write("words.txt", "w11\n");
    dir.write("torn.tsv", "w1\tAH B\nw2\n");
    for (arguments, code, part) in [
        ("predict run words.txt --beam 0", 2, "beam is 0"),
        ("predict run words.txt --beam 2 --n-best 3", 2, "--n-best is 3: give 1 to 2, the value of --beam"),
        ("predict run words.txt --n-best 0", 2, "--n-best is 0"),
        ("predict run words.txt --length-penalty -1", 2, "length-penalty is -1"),
        ("eval run torn.tsv", 1, "line 2: has no tab"),
        ("train pairs.tsv --attention sideways --out other", 2, "sideways"),
        ("train pairs.tsv --target-units phones --out other", 2, "phones"),
        ("train pairs.tsv --task translate --scheduled-sampling 2 --out other", 2, "scheduled-sampling is 2"),
    ] {
        let message = dir.fail(arguments, code);
        assert!(message.contains(part), "{arguments}: {message}");
    }
}
