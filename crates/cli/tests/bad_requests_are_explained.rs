//! Errors have a message with a remedy and an exit code (2 for a wrong request, 1 for other errors), and leave no files.

mod support;

use support::{TestDir, text};

const SMALL: &str = "--hidden-size 8 --num-layers 1 --max-steps 3 --sample-every 0";

#[track_caller]
fn expect(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no {part:?} in {message}");
    }
}

#[test]
fn invalid_training_texts() {
    let dir = TestDir::new();
    std::fs::create_dir(dir.at("folder")).unwrap();
    dir.write("empty.txt", "");
    dir.write("short.txt", "too short");
    dir.write("latin1.txt", b"first line\ncaf\xe9\n".repeat(100));
    dir.write("utf16.txt", [0xff, 0xfe, b'a', 0, b'b', 0]);
    dir.write("blank.txt", "\n".repeat(1000));
    for (arguments, code, parts) in [
        ("missing.txt", 1, &["cannot read", "missing.txt: no such file or directory"][..]),
        ("folder", 1, &["folder: is a folder with neither images", "folder/*.txt"]),
        ("empty.txt", 1, &["empty.txt: is empty"]),
        (
            "short.txt",
            1,
            &[
                "short.txt: the text to train on is too short: it has 8 tokens, but --batch-size 1 and --seq-length 64 need at least 65",
            ],
        ),
        ("latin1.txt", 1, &["latin1.txt, line 2: is not UTF-8 (byte 0xE9 at offset 14)", "--units byte"]),
        ("utf16.txt", 1, &["utf16.txt, line 1", "UTF-16", "--units byte"]),
        ("blank.txt --lines", 1, &["blank.txt: is empty"]),
        ("blank.txt --lines --task language", 1, &["blank.txt: has only empty lines"]),
        ("text.txt --min-count 1000000", 2, &["--min-count is 1000000, but no characters occur that often"]),
        ("text.txt --example latin", 2, &["--example conflicts with", "choose one"]),
    ] {
        expect(&dir.fail(&format!("train --out run {arguments}"), code), parts);
    }
    // The suggested remedy works.
    dir.succeed(&format!("train latin1.txt --units byte --out run {SMALL}"));
    let message = dir.fail("eval run missing.txt", 1);
    expect(&message, &["missing.txt: no such file or directory"]);
    expect(&dir.fail("eval run empty.txt", 1), &["empty.txt: is empty"]);
}

#[test]
fn output_directories_that_cannot_be_created() {
    let dir = TestDir::new();
    std::fs::create_dir(dir.at("taken")).unwrap();
    let refused = |out: &str, code| dir.fail(&format!("train text.txt --out {out} {SMALL}"), code);
    expect(&refused("taken", 2), &["taken: exists already", "resume it", "another --out"]);
    expect(&refused("text.txt", 2), &["text.txt: exists already"]);
    expect(&refused("text.txt/run", 1), &["cannot create a directory in text.txt: not a directory"]);
    expect(&refused("text.txt/deep/run", 1), &["cannot create a directory in text.txt: not a directory"]);
    if cfg!(target_os = "linux") {
        // Not even root can create a directory there.
        expect(
            &refused("/proc/refrain/run", 1),
            &["cannot create /proc/refrain", "no such file or directory"],
        );
    }
}

#[test]
fn values_out_of_range() {
    let dir = TestDir::new();
    for (arguments, parts) in [
        ("--hidden-size 0", &["hidden-size is 0: give 1 to 16384"][..]),
        ("--hidden-size 1000000000", &["hidden-size is 1000000000: give 1 to 16384"]),
        (
            "--hidden-size 16384 --num-layers 32",
            &["million parameters, which needs about", "GB", "lower it or --num-layers"],
        ),
        ("--num-layers 0", &["num-layers is 0"]),
        ("--seq-length 0", &["seq-length is 0: give 1 to 1048576"]),
        ("--batch-size 0", &["batch-size is 0: give 1 to 65536"]),
        ("--batch-size 100000000", &["batch-size is 100000000: give 1 to 65536"]),
        ("--epochs 0", &["epochs is 0"]),
        ("--threads 0", &["threads is 0"]),
        ("--threads 1000000", &["threads is 1000000: give 1 to 1024"]),
        ("--shards 65 --batch-size 8", &["shards is 65: give 1 to 8"]),
        ("--dropout 1", &["dropout is 1: give at least 0 and below 1"]),
        ("--dropout NaN", &["dropout is NaN"]),
        ("--weight-drop 1", &["weight-drop is 1: give at least 0 and below 1"]),
        ("--learning-rate 0", &["learning-rate is 0"]),
        ("--learning-rate inf", &["learning-rate is inf"]),
        ("--learning-rate NaN", &["learning-rate is NaN"]),
        ("--grad-clip=-1", &["grad-clip is -1"]),
        ("--momentum 1", &["momentum is 1: give at least 0 and below 1"]),
        ("--valid-fraction 0.95", &["a fraction from 0 to 0.9"]),
        ("--time-limit soon", &["'soon'", "--time-limit <TIME>", "give a time above 0, as 90s, 2m or 1.5h"]),
        ("--hidden-size many", &["'many'", "--hidden-size"]),
        ("--pooling mean", &["--pooling is not used by the language task, only by classify: leave it out"]),
        (
            "--lowercase true",
            &["--lowercase is not used by the language task, only by classify, tag, translate and caption"],
        ),
        ("--vocab-size 50", &["a vocabulary of characters, whose size is fixed"]),
        (
            "--units word --vocab-size 1",
            &["--vocab-size is 1: give at least 2", "the special tokens and one word"],
        ),
        ("--tied-embeddings true --embedding-size 3", &["tied embeddings need embedding_size = hidden_size"]),
        ("--cell lstn", &["lstn", "rnn, gru, lstm"]),
        ("--hiden-size 8", &["--hiden-size", "a similar argument exists: '--hidden-size'"]),
    ] {
        let parts: Vec<String> = parts.iter().map(|part| part.replace('`', "'")).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let message = dir.fail(&format!("train text.txt --out run {arguments}"), 2).replace('`', "'");
        expect(&message, &parts);
    }
    expect(&dir.fail("tarin", 2), &["a similar subcommand exists: 'train'"]);
    for (arguments, part) in [
        ("train --batch-size 1000000000", "--batch-size is 1000000000"),
        ("train --shards 0", "--shards is 0"),
        ("sample --repeat 0", "--repeat is 0"),
        ("train --threads 1000000", "--threads is 1000000: give 1 to 1024"),
        ("train --hidden-size 0", "hidden-size is 0"),
    ] {
        expect(&dir.fail(&format!("bench {arguments}"), 2), &[part]);
    }
}

#[test]
fn training_that_diverges() {
    let dir = TestDir::new();
    let train = |out: &str, rate: &str| {
        let arguments = format!("train text.txt --out {out} --hidden-size 8 --learning-rate {rate}");
        dir.run(&format!("{arguments} --warmup-steps 0 --max-steps 50 --grad-clip 0 --sample-every 0"))
    };
    for (out, rate) in [("one", "1e20"), ("two", "1e38"), ("three", "1e300")] {
        let output = train(out, rate);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        expect(
            &message,
            &["training diverged at update ", " norm ", "Lower --learning-rate (now 1e", "set --grad-clip"],
        );
        expect(&message, &[&format!("The last good checkpoint is in {out}")]);
        assert!(!message.contains("panicked"), "{message}");
        // The checkpoint can be resumed, and the run diverges again.
        let again = dir.run(&format!("train --resume {out}"));
        assert_eq!(again.status.code(), Some(1));
        expect(&text(&again.stderr), &["training diverged at update "]);
        expect(&text(&again.stdout), &[out]);
    }
}

#[test]
fn files_that_are_not_models() {
    let dir = TestDir::new();
    dir.write("empty", "");
    dir.write("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0");
    let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    dir.write("other.safetensors", [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat());
    std::fs::create_dir(dir.at("folder")).unwrap();
    dir.succeed(&format!("train text.txt --out run {SMALL}"));
    let mut cut = dir.read("run/model.safetensors");
    cut.truncate(cut.len() - 1);
    dir.write("cut.safetensors", &cut);
    for verb in ["sample {}", "info {}", "eval {} text.txt", "train text.txt --out new --init-from {}"] {
        for (file, parts) in [
            ("missing", &["cannot read missing: no such file or directory"][..]),
            ("text.txt", &["text.txt: is not a model file"]),
            ("picture.png", &["picture.png: is not a model file"]),
            ("empty", &["empty: is empty, not a model file"]),
            (
                "other.safetensors",
                &["other.safetensors: is a safetensors file, but not one that refrain wrote"],
            ),
            ("cut.safetensors", &["cut.safetensors: is damaged", "use another copy"]),
            ("folder", &["folder: contains no model.safetensors"]),
            ("run/checkpoint.safetensors", &["is a checkpoint, not a model"]),
        ] {
            expect(&dir.fail(&verb.replace("{}", file), 1), parts);
        }
    }
}

#[test]
fn invalid_sampling_options() {
    let dir = TestDir::new();
    dir.succeed(&format!("train text.txt --out run {SMALL}"));
    for (arguments, parts) in [
        ("--temperature -1", &["temperature is -1: give at least 0"][..]),
        ("--temperature NaN", &["temperature is NaN"]),
        ("--temperature inf", &["temperature is inf"]),
        ("--temperature warm", &["'warm'"]),
        ("--top-k 0", &["top-k is 0"]),
        ("--top-p 1.5", &["top-p is 1.5"]),
        ("--count 0", &["--count is 0"]),
        ("--threads 0", &["--threads is 0"]),
        ("--tempo 90", &["--tempo is not used by the language task, only by music"]),
        ("--prompt Жx", &["the vocabulary does not contain 'Ж' (U+0416), 'x' (U+0078)", "refrain info"]),
        ("--lenght 3", &["a similar argument exists: '--length'"]),
    ] {
        expect(&dir.fail(&format!("sample run {arguments}"), 2), parts);
    }
    for (arguments, name) in [
        ("--activation relu", "--activation is not used without --cell rnn"),
        ("--reset-gate before", "--reset-gate is not used without --cell gru"),
        (
            "--momentum 0.5 --optimizer rmsprop",
            "--momentum is not used without --optimizer adam, adamw or sgd",
        ),
        ("--beta2 0.9 --optimizer sgd", "--beta2 is not used without --optimizer adam or adamw"),
        ("--decay-factor 0.9", "--decay-factor is not used without --schedule step"),
        ("--decay-epochs 2", "--decay-epochs is not used without --schedule step"),
        ("--learning-rate -1", "learning-rate is -1: give a number above 0"),
    ] {
        expect(&dir.fail(&format!("train text.txt --out other {arguments}"), 2), &[name]);
    }
    let message = dir.fail("eval run text.txt --picture confusion.svg", 2);
    expect(&message, &["--picture is not used by the language task, only by classify, tag and forecast"]);
    // A prompt may start with a dash.
    expect(&dir.fail("sample run --prompt -x", 2), &["does not contain '-'"]);
}

#[test]
fn an_instruction_set_that_does_not_exist() {
    let dir = TestDir::new();
    dir.succeed(&format!("train text.txt --out run {SMALL}"));
    for arguments in ["train text.txt --out new", "sample run", "eval run text.txt", "bench train", "info"] {
        let mut command = dir.command(arguments.split_whitespace());
        command.env("REFRAIN_ISA", "nonsense");
        let message = dir.fail_with(command, 2);
        expect(&message, &["REFRAIN_ISA=nonsense: unknown instruction set; available names: scalar"]);
    }
    let mut command = dir.command("info".split_whitespace());
    let output = command.env("REFRAIN_ISA", "scalar").output().unwrap();
    expect(&text(&output.stdout), &["instruction set  scalar"]);
}

#[test]
fn invalid_configuration_files() {
    let dir = TestDir::new();
    dir.write("broken.toml", "hidden_size = 8\nnum_layers = = 2\n");
    dir.write("key.toml", "hidden_size = 8\n\nhidden-sise = 2\n");
    dir.write("type.toml", "hidden_size = \"large\"\n");
    dir.write("range.toml", "hidden_size = 0\n");
    dir.write("bytes.toml", b"\xff\xfe");
    for (file, code, parts) in [
        ("missing.toml", 1, &["cannot read missing.toml: no such file or directory"][..]),
        ("broken.toml", 2, &["broken.toml, line 2: "]),
        ("key.toml", 2, &["key.toml, line 3: unknown setting `hidden-sise`, did you mean `hidden_size`?"]),
        (
            "type.toml",
            2,
            &["type.toml, line 1: `hidden_size`: invalid type: string \"large\", expected usize"],
        ),
        ("range.toml", 2, &["hidden-size is 0"]),
        ("bytes.toml", 1, &["cannot read bytes.toml", "UTF-8"]),
    ] {
        expect(&dir.fail(&format!("train text.txt --out run --config {file}"), code), parts);
    }
    // Options take precedence over the file; the config.toml of a run can be used as such a file.
    dir.write("good.toml", "hidden_size = 8\nnum_layers = 1\nmax_steps = 2\nsample_every = 0\n");
    dir.succeed("train text.txt --out run --config good.toml --max-steps 3");
    let config = text(&dir.read("run/config.toml"));
    expect(&config, &["hidden_size = 8\n", "max_steps = 3\n"]);
    dir.succeed("train --config run/config.toml --out again");
    assert_eq!(dir.read("run/model.safetensors"), dir.read("again/model.safetensors"));
}

#[test]
fn runs_that_cannot_be_resumed() {
    let dir = TestDir::new();
    std::fs::create_dir(dir.at("folder")).unwrap();
    dir.succeed(&format!("train text.txt --out run {SMALL}"));
    for (arguments, parts) in [
        (
            "run --learning-rate 0.1",
            &["--learning-rate cannot change when a run is resumed; only --epochs"][..],
        ),
        ("run --hidden-size 9", &["--hidden-size cannot change"]),
        ("run --out other", &["--resume", "--out"]),
        ("folder", &["folder: is not the directory of a run"]),
        ("missing", &["missing: there is no such directory"]),
        ("text.txt", &["text.txt: is not the directory of a run"]),
    ] {
        expect(&dir.fail(&format!("train --resume {arguments}"), 2), parts);
    }
    let printed = dir.succeed("train --resume run");
    expect(&printed, &["this run is complete after 3 updates", "refrain train --resume run --max-steps N"]);
    expect(&dir.succeed("train --resume run --max-steps 5"), &["resumed after update 3", "done: 5 updates"]);
    std::fs::remove_file(dir.at("text.txt")).unwrap();
    let message = dir.fail("train --resume run", 1);
    expect(&message, &["cannot read", "text.txt: no such file or directory"]);
}
