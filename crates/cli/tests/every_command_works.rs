//! Every command, end to end.

mod support;

use std::process::Stdio;

use serde_json::Value;
use support::{TestDir, events, only, text};

const SMALL: &str =
    "--hidden-size 24 --num-layers 1 --seq-length 16 --batch-size 8 --epochs 3 --sample-every 40";

fn trained(more: &str) -> TestDir {
    let dir = TestDir::new();
    dir.succeed(&format!("train text.txt --out run {SMALL} {more}"));
    dir
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn training_reports_events_and_writes_a_run() {
    let dir = TestDir::new();
    let events = events(&dir.succeed(&format!("train text.txt --out run {SMALL} --json")));
    assert_eq!(events[0]["event"], "start");
    assert_eq!(events[0]["vocabulary"], "21 tokens");
    assert_eq!(events.last().unwrap()["event"], "done");
    let steps = only(&events, "step");
    assert_eq!(Some(steps.len() as u64), events[0]["total_steps"].as_u64());
    for (i, step) in steps.iter().enumerate() {
        assert_eq!(step["step"], i as u64 + 1);
        for field in ["loss", "bits", "grad_norm", "learning_rate", "targets_per_s", "progress", "elapsed_s"]
        {
            assert!(step[field].as_f64().is_some_and(f64::is_finite), "{field}: {step}");
        }
    }
    let mean =
        |part: &[&Value]| part.iter().map(|s| s["loss"].as_f64().unwrap()).sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&steps[..10]), mean(&steps[steps.len() - 10..]));
    assert!(last < 0.8 * first, "{first} to {last}");
    assert!(!only(&events, "valid").is_empty());
    assert_eq!(only(&events, "sample").len(), steps.len() / 40);
    let run = dir.at("run");
    assert_eq!(
        support::names(&run),
        ["checkpoint.safetensors", "config.toml", "metrics.jsonl", "model.safetensors"]
    );
}

#[test]
fn training_prints_progress() {
    let dir = TestDir::new();
    let printed = dir.succeed(&format!("train text.txt {SMALL} --max-steps 60"));
    for part in
        ["batch size 8, sequence length 16", "   best", "Try next:", "refrain sample runs/text --length 500"]
    {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    // A second run gets another directory.
    assert!(dir.succeed(&format!("train text.txt {SMALL} --max-steps 2")).contains("runs/text-2"));
}

#[test]
fn training_without_data_uses_the_latin_example() {
    let dir = TestDir::new();
    let printed = dir.succeed("train --max-steps 2 --hidden-size 8 --sample-every 0");
    assert!(printed.contains("Cicero") && printed.contains("runs/latin"), "{printed}");
}

#[test]
fn a_preset_sets_options_that_are_not_given() {
    let dir = TestDir::new();
    dir.succeed("train text.txt --preset quick --hidden-size 8 --max-steps 2 --out run");
    let config = std::fs::read_to_string(dir.at("run/config.toml")).unwrap();
    for line in ["hidden_size = 8", "num_layers = 2", "dropout = 0.0", "epochs = 3"] {
        assert!(config.lines().any(|l| l == line), "{line}: {config}");
    }
    assert!(!config.contains("preset"), "{config}");
    let help = dir.succeed("train --help");
    assert!(
        help.contains("--hidden-size 128 --num-layers 2 --epochs 3 --dropout 0.0")
            && help.contains("--time-limit 20m"),
        "{help}"
    );
}

#[test]
fn a_time_limit_selects_a_model_and_reports_it() {
    let dir = TestDir::new();
    let printed = dir.succeed("train text.txt --time-limit 0.5s --out run");
    assert!(printed.contains("note: LSTM, 2 layers of 128, batch size "), "{printed}");
    let config = std::fs::read_to_string(dir.at("run/config.toml")).unwrap();
    assert!(config.contains("hidden_size = 128"), "{config}");
    // A resumed run keeps the selected model.
    let more = dir.succeed("train --resume run --time-limit 1s");
    assert!(!more.contains(" selected for "), "{more}");
}

#[test]
fn the_example_sentences_are_reproduced() {
    let dir = TestDir::new();
    dir.succeed("train --example sentences --out run");
    assert_eq!(dir.succeed("sample run --prompt good --greedy --length 10"), "good i am fine");
}

#[test]
fn sampling_prints_only_the_text() {
    let dir = trained("");
    let sample = |more: &str| dir.succeed(&format!("sample run --length 40 {more}"));
    let one = sample("--seed 7");
    assert_eq!(one.chars().count(), 40);
    assert_eq!(one, sample("--seed 7"));
    assert_ne!(one, sample("--seed 8"));
    assert_eq!(sample("--seed 7 --count 2"), format!("{one}\n\n{}", sample("--seed 8")));
    assert_eq!(sample("--greedy"), sample("--temperature 0"));
    assert_eq!(sample("--greedy"), sample("--top-k 1 --seed 3"));
    assert_eq!(dir.succeed("sample run --prompt the --length 0"), "the");
    // A model file instead of its directory and the number of threads make no difference.
    assert_eq!(one, dir.succeed("sample run/model.safetensors --length 40 --seed 7 --threads 2"));
}

#[test]
fn sampling_continues_prompts_in_any_script() {
    let dir = trained("");
    for prompt in ["λόγος", "和", "🙂", "the 🙂 和"] {
        let arguments = ["sample", "run", "--length", "5", "--seed", "1", "--prompt", prompt];
        let output = dir.run_with(arguments);
        let written = text(&output.stdout);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(written.starts_with(prompt), "{written}");
        assert_eq!(written.chars().count(), prompt.chars().count() + 5, "{written}");
    }
}

#[test]
fn sampling_ends_before_a_stop_sequence() {
    let dir = trained("");
    let whole = dir.succeed("sample run --length 200 --seed 2");
    for stop in ["\n", "at", "e m"] {
        let arguments = ["sample", "run", "--length", "200", "--seed", "2", "--stop", stop];
        let written = text(&dir.run_with(arguments).stdout);
        let expected = whole.find(stop).map_or(&whole[..], |at| &whole[..at]);
        assert_eq!(written, expected, "{stop:?}");
    }
    assert!(whole.contains('\n'));
}

#[test]
fn concurrent_texts_equal_single_texts() {
    let dir = trained("");
    let lines = TestDir::new();
    lines.write("names.txt", "anna\nbert\nclara\ndora\nemil\n".repeat(60));
    lines.succeed(&format!("train names.txt --lines --out run {SMALL}"));
    // More texts than run concurrently, of different lengths.
    for (dir, count, arguments) in [
        (&dir, 70, &["--length", "23"][..]),
        (&dir, 150, &["--length", "40", "--stop", "at", "--stop", "\\n", "--prompt", "the "]),
        (&dir, 3, &["--length", "0", "--prompt", "the cat"]),
        (&lines, 130, &["--length", "60", "--prompt", "a", "--temperature", "1.5"]),
        (&lines, 20, &["--length", "60", "--stop", "\\n", "--top-k", "3"]),
    ] {
        let sample = |seed: usize, more: &[&str]| {
            let seed = seed.to_string();
            let output = dir.run_with([&["sample", "run", "--seed", &seed], arguments, more].concat());
            assert!(output.status.success(), "{}", text(&output.stderr));
            text(&output.stdout)
        };
        let one_by_one: Vec<String> = (0..count).map(|n| sample(5 + n, &[])).collect();
        let count = count.to_string();
        for threads in ["1", "2"] {
            let together = sample(5, &["--count", &count, "--threads", threads]);
            assert_eq!(together, one_by_one.join("\n\n"), "{arguments:?}");
        }
    }
}

#[test]
fn eval_reports_the_validation_loss_of_training() {
    let dir = trained("--valid-fraction 0.2");
    let metrics = text(&dir.read("run/metrics.jsonl"));
    let best =
        only(&events(&metrics), "valid").iter().map(|e| e["loss"].as_f64().unwrap()).fold(f64::MAX, f64::min);
    // The validation set: the last fifth of the characters.
    let whole: Vec<char> = text(&dir.read("text.txt")).chars().collect();
    dir.write("valid.txt", whole[(whole.len() as f64 * 0.8 + 1e-6) as usize..].iter().collect::<String>());
    let found: Value = serde_json::from_str(&dir.succeed("eval run valid.txt --json")).unwrap();
    assert_eq!(
        keys(&found),
        ["bits_per_char", "characters", "loss", "perplexity", "precision", "tokens", "unknown"]
    );
    let loss = found["loss"].as_f64().unwrap();
    assert!((loss - best).abs() < 1e-2, "{loss} and {best}");
    assert!((found["bits_per_char"].as_f64().unwrap() * std::f64::consts::LN_2 - loss).abs() < 1e-9);
    assert!((found["perplexity"].as_f64().unwrap().ln() - loss).abs() < 1e-9);
    assert_eq!(found["unknown"], 0);
    let printed = dir.succeed("eval run valid.txt --threads 1");
    assert!(printed.contains(&format!("{loss:.4} nats per character")), "{printed}");
    dir.write("strange.txt", "the Ж cat Ж\n");
    let found: Value = serde_json::from_str(&dir.succeed("eval run strange.txt --json")).unwrap();
    assert_eq!((found["characters"].as_u64(), found["unknown"].as_u64()), (Some(11), Some(2)));
}

#[test]
fn info_describes_models_and_the_machine() {
    let dir = trained("--cell gru");
    let printed = dir.succeed("info run");
    for part in ["GRU, 1 layer of 24", "rnn.weight_hh_l0", "[72, 24]", "text.txt", "adamw", "update", "λ"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let machine = dir.succeed("info");
    for part in ["instruction set", "scalar", "threads", env!("CARGO_PKG_VERSION")] {
        assert!(machine.contains(part), "{part}: {machine}");
    }
}

#[test]
fn bench_reports_in_json() {
    let dir = TestDir::new();
    let small = "--hidden-size 16 --batch-size 4 --seq-length 8 --repeat 2 --threads 1 --json";
    for what in ["train", "sample"] {
        let found: Value = serde_json::from_str(&dir.succeed(&format!("bench {what} {small}"))).unwrap();
        let mut expected = vec![
            "batch_size",
            "best_chars_per_s",
            "cell",
            "chars_per_s",
            "gflops",
            "hidden_size",
            "isa",
            "num_layers",
            "precision",
            "seq_length",
            "step_ms",
            "threads",
            "version",
            "what",
        ];
        if what == "sample" {
            expected.insert(expected.len() - 3, "streams");
        }
        assert_eq!(keys(&found), expected);
        assert_eq!(found["what"], what);
        assert!(found["best_chars_per_s"].as_f64() >= found["chars_per_s"].as_f64());
    }
    // A step of five streams generates five characters.
    let found: Value =
        serde_json::from_str(&dir.succeed(&format!("bench sample --streams 5 {small}"))).unwrap();
    assert_eq!(found["streams"], 5);
    let per_step = found["chars_per_s"].as_f64().unwrap() * found["step_ms"].as_f64().unwrap() / 1e3;
    assert!((per_step - 5.0).abs() < 1e-9, "{found}");
}

#[test]
fn bench_measures_peak_rates() {
    let dir = TestDir::new();
    let found: Value = serde_json::from_str(&dir.succeed("bench peak --threads 2 --json")).unwrap();
    let expected = [
        "dot_gflops",
        "dot_gflops_all_threads",
        "fma_gflops",
        "fma_gflops_all_threads",
        "isa",
        "read_gb_per_s",
        "read_gb_per_s_all_threads",
        "threads",
        "tile_tflops",
        "tile_tflops_all_threads",
        "what",
        "working_sets",
    ];
    assert_eq!(keys(&found), expected);
    assert_eq!((found["what"].as_str(), found["threads"].as_u64()), (Some("peak"), Some(2)));
    for rate in ["fma_gflops", "fma_gflops_all_threads", "read_gb_per_s", "read_gb_per_s_all_threads"] {
        assert!(found[rate].as_f64() > Some(0.0), "{rate}: {found}");
    }
    // Tile units and dot products are null on machines without them.
    assert_eq!(found["tile_tflops"].is_null(), !dir.succeed("info").contains("amx"));
    assert_eq!(found["dot_gflops"].is_null(), found["isa"] != "avx512bf16");
    for set in found["working_sets"].as_array().unwrap() {
        assert_eq!(keys(set), ["bytes", "read_gb_per_s", "read_gb_per_s_all_threads"]);
        assert!(set["read_gb_per_s"].as_f64() > Some(0.0), "{found}");
    }
    let printed = dir.succeed("bench peak --threads 1");
    for part in ["one thread", "multiply-add", "tile units", "256 KiB", "2 MiB", "16 MiB", "memory"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let dir = trained("");
    for arguments in ["sample run --length 100000000", "info run", "eval run text.txt"] {
        let mut child = dir
            .command(arguments.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the program ends");
        assert!(output.status.success(), "{arguments}: {:?}", output.status);
        assert_eq!(text(&output.stderr), "", "{arguments}");
    }
}

#[test]
fn a_model_of_lines_resets_the_state_after_every_line() {
    let dir = TestDir::new();
    dir.write("names.txt", "abcabc\nxyzxyz\n".repeat(200));
    dir.succeed("train names.txt --lines --out run --hidden-size 32 --epochs 60 --dropout 0 --seed 1");
    // If the state were carried over, later lines would differ from those of the training set.
    let text = dir.succeed("sample run --length 700 --temperature 0.5 --seed 1");
    let lines: Vec<&str> = text.lines().collect();
    let whole = &lines[..lines.len() - 1];
    assert!(whole.len() > 60 && whole.iter().all(|line| ["abcabc", "xyzxyz"].contains(line)), "{text}");
    let one = dir.succeed("sample run --length 50 --seed 1 --stop \\n");
    assert!(["abcabc", "xyzxyz"].contains(&one.as_str()), "{one}");
}

#[test]
fn models_of_words_and_subwords_can_be_trained_sampled_and_evaluated() {
    for units in ["word", "bpe"] {
        for lines in ["", "--lines"] {
            let dir = trained(&format!("--units {units} {lines} --vocab-size 300 --min-count 1"));
            let info = dir.succeed("info run");
            assert!(info.contains("tied embedding of 24"), "{info}");
            // A barely trained model of subwords may generate invalid UTF-8.
            let output = dir.run("sample run --length 30 --seed 3");
            assert!(output.status.success());
            let written = String::from_utf8_lossy(&output.stdout);
            assert!(written.split_whitespace().count() >= 15, "{written}");
            let found: Value = serde_json::from_str(&dir.succeed("eval run text.txt --json")).unwrap();
            let characters = text(&dir.read("text.txt")).chars().count() as u64;
            let (tokens, counted) =
                (found["tokens"].as_u64().unwrap(), found["characters"].as_u64().unwrap());
            // All but those of the first word, which is one of five letters at most.
            assert!((characters - 5..=characters).contains(&counted), "{counted} of {characters}");
            assert!(tokens < characters / 2, "{tokens}");
            let bits = found["loss"].as_f64().unwrap() * tokens as f64 / std::f64::consts::LN_2;
            assert!((found["bits_per_char"].as_f64().unwrap() * counted as f64 / bits - 1.0).abs() < 1e-9);
        }
    }
    let dir = trained("--units word --min-count 1");
    let message = dir.fail("sample run --prompt zebra", 2);
    assert!(message.contains("the vocabulary does not contain the word \"zebra\""), "{message}");
}
