//! `refrain train`: trains a model, with output to the terminal, the live page and TensorBoard.

mod args;

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use refrain::model::TaskName;
use refrain::task::language::held_out;
use refrain::text::Source;
use refrain::train::{Event, Reason, Run, Settings, TrainableTask};
use refrain::{Cpu, with_task};

use crate::args::Args;
use crate::failure::{Failure, message_of};
use crate::live::Live;
use crate::task::task_for;
use crate::tensorboard::EventFile;
use crate::terminal::Terminal;
use crate::{device, out};

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    if let Some(directory) = &args.resume {
        let stored = Settings::of_run(directory)?;
        let task = stored.task.unwrap_or(TaskName::Language);
        let probe = probe(&args, &stored, task)?;
        let changes = args.settings.clone();
        let backend = device::for_training(&changes.clone().or(stored))?;
        return with_task!(task, T => train(Run::<T, _>::resume(directory, changes, &backend)?, probe, &args));
    }
    let mut settings = args::complete(&args)?;
    let (task, why) = task_for(&settings)?;
    settings.task = Some(task);
    let probe = probe(&args, &settings, task)?;
    let backend = device::for_training(&settings)?;
    with_task!(task, T => {
        let run = Run::<T, _>::from_files(settings, &backend)?;
        if let Some(why) = why.filter(|_| !args.json()) {
            out::line(&format!("task      {why}"))?;
        }
        train(run, probe, &args)
    })
}

fn train<T: TrainableTask>(run: Run<T, Cpu>, probe: Option<Source>, args: &Args) -> Result<(), Failure> {
    let interrupted = watch_for_interruption();
    let terminal =
        (!args.json()).then(|| Terminal::new(run.config(), run.backend(), io::stdout().is_terminal()));
    let live = args.live.map(|port| start_page(port, args.json())).transpose()?;
    let tensorboard = args.tensorboard.is_some().then(EventFile::default);
    let mut listeners = Listeners { live, tensorboard, terminal, tensorboard_error: None };
    let run = match probe {
        Some(text) => run.probing(text),
        None => run,
    };
    let outcome = run.train(|event| {
        listeners.on_event(event);
        let stop = interrupted.load(Ordering::Relaxed) && matches!(event, Event::Step(_));
        if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let live = listeners.finish();
    match outcome?.done.reason {
        Reason::Interrupted => Err(Failure::Interrupted),
        _ if live.is_some() && io::stdout().is_terminal() => {
            out::line("\nStill serving the page; press Ctrl-C to stop.")?;
            while !interrupted.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Starts the page of the run, and prints its address.
fn start_page(port: u16, json: bool) -> Result<Live, Failure> {
    let (live, announcement) = Live::start(port)?;
    match json {
        true => eprintln!("{announcement}"),
        false => out::line(&format!("page      {announcement}"))?,
    }
    Ok(live)
}

/// The outputs of a run. An output that fails does not stop the run.
struct Listeners {
    live: Option<Live>,
    tensorboard: Option<EventFile>,
    /// If none, events are printed as lines of JSON.
    terminal: Option<Terminal>,
    /// Why the TensorBoard file is incomplete.
    tensorboard_error: Option<refrain::Error>,
}

impl Listeners {
    fn on_event(&mut self, event: &Event) {
        if let Some(live) = &self.live {
            live.on_event(event);
        }
        if let Some(Err(error)) = self.tensorboard.as_mut().map(|file| file.on_event(event)) {
            (self.tensorboard, self.tensorboard_error) = (None, Some(error));
        }
        match &mut self.terminal {
            // The run continues if standard output is closed.
            None => drop(out::line(&serde_json::to_string(event).unwrap_or_default())),
            Some(terminal) => terminal.show(event),
        }
    }

    /// Ends the output. Returns the page, if there is one.
    fn finish(self) -> Option<Live> {
        if let Some(terminal) = self.terminal {
            terminal.finish();
        }
        if let Some(error) = self.tensorboard_error {
            eprintln!("note: the TensorBoard file is incomplete: {}", message_of(&error));
        }
        self.live
    }
}

/// With `--live`, for a language model: the validation set, whose activations the page shows.
fn probe(args: &Args, settings: &Settings, task: TaskName) -> Result<Option<Source>, Failure> {
    match args.live {
        Some(_) if task == TaskName::Language => Ok(held_out(settings)?),
        _ => Ok(None),
    }
}

/// The first Ctrl-C stops the run after the current update, a second one ends the program immediately.
fn watch_for_interruption() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // Without a handler, Ctrl-C ends the program, and the last checkpoint can be resumed.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    interrupted
}
