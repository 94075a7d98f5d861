//! Progress of a training run: a bar, and lines above it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use refrain::Cpu;
use refrain::model::TaskName;
use refrain::train::{Config, Done, Event, Reason, Start, Step};

use crate::failure::in_flags;
use crate::out::{self, thousands};

/// Prints the events of a run.
pub(crate) struct Terminal {
    bar: ProgressBar,
    interactive: bool,
    device: String,
    /// The run's directory.
    out: Option<PathBuf>,
    epochs: Option<u64>,
    /// Units of the data and of the loss.
    unit: &'static str,
    target: &'static str,
    task: &'static str,
    /// Without a validation set: epochs between two lines with the loss.
    lines_every: Option<u64>,
    epoch_loss: EpochLoss,
    last_step: Option<Step>,
    /// When the last line was printed.
    last_line: Instant,
}

/// For the mean loss of an epoch.
#[derive(Default)]
struct EpochLoss {
    epoch: u64,
    sum: f64,
    steps: u64,
}

/// Maximum time between two lines of a log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

const BAR_LENGTH: u64 = 1_000;

/// Maximum size of a sample.
const SAMPLE_ROWS: usize = 5;
const SAMPLE_COLUMNS: usize = 74;

impl Terminal {
    pub(crate) fn new(config: &Config, backend: &Cpu, interactive: bool) -> Self {
        let target =
            if interactive { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(BAR_LENGTH), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:10.cyan/dim} {wide_msg}") {
            bar.set_style(style.progress_chars("━━─"));
        }
        let threads = match backend.threads() {
            1 => "1 thread".to_owned(),
            n => format!("{n} threads"),
        };
        Self {
            bar,
            interactive,
            device: format!("CPU ({}), {}, {threads}", backend.isa(), backend.precision()),
            out: config.out.clone(),
            epochs: config.epochs,
            unit: "",
            target: "",
            task: "",
            lines_every: (config.valid_fraction == 0.0)
                .then(|| config.epochs.map_or(1, |epochs| (epochs / 10).max(1))),
            epoch_loss: EpochLoss::default(),
            last_step: None,
            last_line: Instant::now(),
        }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::Start(start) => self.start(start),
            Event::Step(step) => self.step(step),
            Event::Valid { epoch, loss, bits, accuracy, train_loss, best, .. } => {
                let train = train_loss.map_or(String::new(), |loss| format!("train {loss:.3}   "));
                let best = if *best { "   best" } else { "" };
                let epoch = self.epoch_of_total(*epoch);
                let accuracy =
                    accuracy.map_or(String::new(), |share| format!("   accuracy {:.2} %", 100.0 * share));
                self.line(&format!(
                    "epoch {epoch}   {train}valid {loss:.3} nats ({bits:.3} bits){accuracy}{best}"
                ));
            }
            Event::Sample { text, .. } => {
                self.line("  sample:");
                for row in rows(text.trim()).take(SAMPLE_ROWS) {
                    self.line(&format!("    │ {row}"));
                }
            }
            Event::Checkpoint { .. } | Event::Probe { .. } => {}
            Event::Warning { note, .. } => self.line(&format!("note: {}", in_flags(&note.to_string()))),
            Event::Done(done) => self.done(done),
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn start(&mut self, start: &Start) {
        (self.unit, self.target, self.task) = (start.unit, start.target, start.task);
        let train = thousands(start.train_size);
        let sizes = match start.valid_size {
            0 => format!("{train} {} for training", start.unit),
            valid => format!("{train} for training, {} for validation", thousands(valid)),
        };
        let updates =
            start.total_steps.map_or(String::new(), |steps| format!("{} updates, ", thousands(steps)));
        self.line(&format!("data      {}: {sizes}", start.data));
        self.line(&format!(
            "model     {}: {} parameters, {}",
            start.model,
            thousands(start.parameters as u64),
            start.vocabulary
        ));
        self.line(&format!("training  {updates}{}", start.batches));
        let shards =
            if start.shards == 1 { "1 shard".to_owned() } else { format!("{} shards", start.shards) };
        self.line(&format!("device    {}, {shards}", self.device));
        if let Some(out) = &start.out {
            let from = if start.step > 0 {
                format!(", resumed after update {}", thousands(start.step))
            } else {
                String::new()
            };
            self.line(&format!("run       {}{from}", out.display()));
        }
        self.line("");
    }

    fn step(&mut self, step: &Step) {
        self.bar.set_prefix(format!("epoch {}", self.epoch_of_total(step.epoch)));
        self.bar.set_position((step.progress * BAR_LENGTH as f64) as u64);
        let left = match step.progress {
            0.0 => String::new(),
            share => format!("  {} left", clock(step.elapsed_s * (1.0 - share) / share)),
        };
        let message = format!(
            "loss {:.3} ({:.2} bits)  {} {}/s  grad norm {:.2}{left}  update {}",
            step.loss,
            step.bits,
            rounded(step.targets_per_s),
            match self.target {
                "character" => "chars",
                _ => "targets",
            },
            step.grad_norm,
            thousands(step.step),
        );
        if !self.interactive && self.last_line.elapsed() >= LOG_INTERVAL {
            self.line(&format!("epoch {}   {message}", self.epoch_of_total(step.epoch)));
        }
        self.bar.set_message(message);
        if step.epoch != self.epoch_loss.epoch {
            self.loss_line();
            self.epoch_loss = EpochLoss { epoch: step.epoch, sum: 0.0, steps: 0 };
        }
        self.epoch_loss.sum += step.loss;
        self.epoch_loss.steps += 1;
        self.last_step = Some(step.clone());
    }

    /// Without a validation set: prints the loss of the epoch that has ended, in about ten epochs of the run.
    fn loss_line(&mut self) {
        let EpochLoss { epoch, sum, steps } = self.epoch_loss;
        if steps > 0 && self.lines_every.is_some_and(|every| epoch.is_multiple_of(every)) {
            self.line(&format!(
                "epoch {}   train {:.4} nats",
                self.epoch_of_total(epoch),
                sum / steps as f64
            ));
        }
    }

    fn done(&mut self, done: &Done) {
        self.bar.finish_and_clear();
        if done.reason != Reason::Interrupted {
            self.loss_line();
        }
        let why = match done.reason {
            Reason::Epochs | Reason::Steps => "done",
            Reason::Time => "time limit reached",
            Reason::Patience => "early stopping (no improvement)",
            Reason::Interrupted => "interrupted",
        };
        let speed = self.last_step.as_ref().map_or(String::new(), |step| {
            format!(", {} {}s per second at the end", thousands(step.targets_per_s as u64), self.target)
        });
        if self.last_step.is_none() && done.reason != Reason::Interrupted {
            return self.complete(done);
        }
        self.line(&format!("\n{why}: {} updates in {}{speed}", thousands(done.step), clock(done.elapsed_s)));
        let (bits, unit) = (done.loss / std::f64::consts::LN_2, self.target);
        match done.valid_loss {
            Some(loss) => {
                let accuracy = done
                    .valid_accuracy
                    .map_or(String::new(), |share| format!("accuracy {:.2} %, ", 100.0 * share));
                self.line(&format!(
                    "validation: {accuracy}loss {loss:.4} nats ({bits:.4} bits) per {unit}, after update {}",
                    thousands(done.best_step)
                ));
            }
            None if done.loss.is_finite() => {
                self.line(&format!("loss {:.4} nats ({bits:.4} bits) per {unit}", done.loss))
            }
            None => {}
        }
        let Some(model) = &done.model else {
            return self.resume_hint(done);
        };
        self.line(&format!("model {}", model.display()));
        self.resume_hint(done);
        let run = model.parent().unwrap_or(model).display().to_string();
        self.line("\nTry next:");
        match TaskName::of(self.task) {
            Some(TaskName::Language) => self.line(&format!("  refrain sample {run} --length 500")),
            Some(TaskName::Music) => self.line(&format!("  refrain sample {run} --out piece.mid")),
            Some(TaskName::Forecast) => self.line(&format!("  refrain predict {run}")),
            _ => self.line(&format!("  refrain predict {run} FILE")),
        }
        match TaskName::of(self.task) {
            Some(TaskName::Language | TaskName::Forecast) => self.line(&format!("  refrain inspect {run}")),
            _ => self.line(&format!("  refrain inspect {run} FILE")),
        }
        self.line(&format!("  refrain info {run}"));
    }

    fn resume_hint(&mut self, done: &Done) {
        if done.reason == Reason::Interrupted {
            let run = self.run();
            self.line(&format!("checkpoint written; resume with\n  refrain train --resume {run}"));
        }
    }

    /// A resumed run that was already complete.
    fn complete(&mut self, done: &Done) {
        let (run, step) = (self.run(), thousands(done.step));
        let (why, more) = match done.reason {
            Reason::Steps => ("all updates are done", "--max-steps"),
            Reason::Time => ("time limit reached", "--time-limit"),
            Reason::Patience => ("early stopping", "--patience"),
            Reason::Epochs | Reason::Interrupted => ("all epochs are done", "--epochs"),
        };
        self.line(&format!(
            "this run is complete after {step} updates: {why}. To continue, raise the limit:"
        ));
        self.line(&format!("  refrain train --resume {run} {more} N"));
    }

    fn run(&self) -> String {
        self.out.as_ref().map_or("DIR".to_owned(), |run| run.display().to_string())
    }

    fn epoch_of_total(&self, epoch: u64) -> String {
        self.epochs
            .map_or(epoch.to_string(), |all| format!("{epoch:>width$}/{all}", width = all.to_string().len()))
    }

    /// Prints a line above the bar.
    fn line(&mut self, text: &str) {
        self.last_line = Instant::now();
        // The run continues if standard output is closed.
        if self.interactive {
            self.bar.suspend(|| drop(out::line(text)));
        } else {
            drop(out::line(text));
        }
    }
}

/// The lines of a text, longer ones split.
fn rows(text: &str) -> impl Iterator<Item = String> {
    text.lines().flat_map(|line| {
        let characters: Vec<char> = line.chars().collect();
        let cut = |row: &[char]| row.iter().collect::<String>();
        characters.chunks(SAMPLE_COLUMNS).map(cut).collect::<Vec<String>>()
    })
}

/// `18k` for rates of ten thousand or more.
fn rounded(rate: f64) -> String {
    if rate < 1e4 { thousands(rate as u64) } else { format!("{}k", (rate / 1e3).round()) }
}

/// `4:05`, `1:02:03`.
fn clock(seconds: f64) -> String {
    let all = Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_secs();
    match (all / 3600, all / 60 % 60, all % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}
