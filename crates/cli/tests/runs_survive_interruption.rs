//! A run that is killed can be resumed without a difference; one that is interrupted prints how.
//! `scripts/kill_and_resume.sh` does the same with more kills and on a full disk.
#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use support::{TestDir, text};

/// A few hundred updates with a checkpoint after each, so that many kills happen while one is written.
const RUN: &str = "--hidden-size 48 --seq-length 16 --batch-size 4 --epochs 2 --shards 2 --threads 1 \
                   --sample-every 0 --checkpoint-every 0.001s";

/// A program that has done some updates and still runs.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

fn start(dir: &TestDir, arguments: &str, updates: usize) -> Running {
    let mut command = dir.command(format!("{arguments} --json").split_whitespace());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    let lines = stdout.by_ref().lines().map(|line| line.expect("a line"));
    let steps = lines.filter(|line| line.contains("\"event\":\"step\"")).take(updates).count();
    assert_eq!(steps, updates, "the run ended too early");
    Running { child, stdout }
}

#[test]
fn a_killed_run_resumes_to_the_same_model() {
    let dir = TestDir::new();
    dir.succeed(&format!("train text.txt --out whole {RUN}"));
    let mut arguments = format!("train text.txt --out killed {RUN}");
    // Approximate number of updates before the kill.
    for updates in [3, 57, 101] {
        let mut running = start(&dir, &arguments, updates);
        running.child.kill().expect("it can be killed");
        assert!(!running.child.wait().expect("it ends").success());
        arguments = "train --resume killed".to_owned();
    }
    let printed = dir.succeed(&arguments);
    assert!(printed.contains("resumed after update "), "{printed}");
    assert!(dir.read("killed/model.safetensors") == dir.read("whole/model.safetensors"));
    // Every update is in the metrics once.
    let steps = |run: &str| {
        let metrics = support::events(&text(&dir.read(&format!("{run}/metrics.jsonl"))));
        let steps = support::only(&metrics, "step");
        steps.iter().map(|s| (s["step"].as_u64(), s["loss"].as_f64())).collect::<Vec<_>>()
    };
    assert_eq!(steps("killed"), steps("whole"));
}

/// Sends a signal to the program.
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

#[test]
fn an_interrupted_run_writes_a_checkpoint() {
    let dir = TestDir::new();
    // An hour between checkpoints, so that the checkpoint is due to the signal.
    let arguments = format!("{RUN} --epochs 1000").replace("--epochs 2", "").replace("0.001s", "1h");
    for name in ["INT", "TERM"] {
        let out = format!("run-{name}");
        let mut running = start(&dir, &format!("train text.txt --out {out} {arguments}"), 5);
        signal(&running.child, name);
        let mut rest = String::new();
        running.stdout.read_to_string(&mut rest).expect("the rest of its output");
        assert_eq!(running.child.wait().expect("it ends").code(), Some(130));
        let events = support::events(&rest);
        let done = events.last().expect("a last event");
        assert_eq!((&done["event"], &done["reason"]), (&"done".into(), &"interrupted".into()));
        let step = done["step"].as_u64().expect("a step");
        assert!(step >= 5);
        let printed = dir.succeed(&format!("train --resume {out} --max-steps {}", step + 2));
        assert!(printed.contains(&format!("resumed after update {step}\n")), "{printed}");
    }
}

#[test]
fn an_interrupted_run_prints_the_command_to_resume() {
    let dir = TestDir::new();
    let arguments = "train text.txt --out run --hidden-size 8 --epochs 100000 --patience 0 --threads 1";
    let mut command = dir.command(arguments.split_whitespace());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    let mut printed = String::new();
    // The empty line after the heading is printed when training starts.
    while !printed.ends_with("\n\n") {
        assert_ne!(stdout.read_line(&mut printed).expect("a line"), 0, "the run ended too early: {printed}");
    }
    signal(&child, "INT");
    stdout.read_to_string(&mut printed).expect("the rest of its output");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(text(&output.stderr), "");
    assert!(printed.contains("interrupted: "), "{printed}");
    assert!(printed.contains("checkpoint written; resume with\n  refrain train --resume run\n"), "{printed}");
}

#[test]
fn two_processes_cannot_work_on_the_same_run() {
    let dir = TestDir::new();
    let arguments = format!("{RUN} --epochs 1000").replace("--epochs 2", "");
    let mut running = start(&dir, &format!("train text.txt --out run {arguments}"), 5);
    let printed = dir.fail("train --resume run", 2);
    assert!(printed.contains("another process is working on this run"), "{printed}");
    running.child.kill().expect("it can be killed");
    running.child.wait().expect("it ends");
    dir.succeed("train --resume run --max-steps 20");
}
