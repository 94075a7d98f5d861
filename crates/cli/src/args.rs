//! The arguments of a command: settings of the library and options of the program.

use std::ops::Deref;
use std::path::Path;

use clap::ArgMatches;
use clap::parser::ValueSource;
use refrain::kernels::Backend;
use refrain::model::{Network, Task, TaskName};
use refrain::option::{OptionDef, Subcommand};
use refrain::sample::BeamOptions;
use refrain::task::caption::Decoding;
use refrain::train::{self, Settings};
use refrain::{Cpu, Model};

use crate::device::cpu;
use crate::failure::Failure;
use crate::options::Options;

/// What was given. The program's own options are read as fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args {
    pub(crate) settings: Settings,
    options: Options,
}

impl Deref for Args {
    type Target = Options;

    fn deref(&self) -> &Options {
        &self.options
    }
}

/// The definitions of a command's options: first the program's own, or for training the settings.
pub(crate) fn definitions(subcommand: Subcommand) -> impl Iterator<Item = &'static OptionDef> {
    let [first, second] = match subcommand {
        Subcommand::Train => [Settings::DEFINITIONS, Options::DEFINITIONS],
        _ => [Options::DEFINITIONS, Settings::DEFINITIONS],
    };
    first.iter().chain(second).filter(move |option| option.use_of(subcommand).is_some())
}

impl Args {
    /// Reads what the parser has found.
    pub(crate) fn read(subcommand: Subcommand, matches: &ArgMatches) -> Result<Args, Failure> {
        let mut args = Args::default();
        for option in definitions(subcommand) {
            if matches.value_source(option.name) != Some(ValueSource::CommandLine) {
                continue;
            }
            let texts = match option.value_name {
                "" => vec!["true".into()],
                _ => matches.get_raw(option.name).unwrap_or_default().map(ToOwned::to_owned).collect(),
            };
            match Settings::DEFINITIONS.iter().any(|setting| setting.name == option.name) {
                true => args.settings.set(option.name, &texts)?,
                false => args.options.set(option.name, &texts)?,
            }
        }
        // A training run checks its settings together with those of a configuration file.
        if subcommand != Subcommand::Train {
            args.settings.check_ranges()?;
        }
        args.options.check_ranges()?;
        Ok(args)
    }

    /// Refuses options that a command does not use for the task of its model.
    pub(crate) fn check_used(&self, subcommand: Subcommand, task: TaskName) -> Result<(), Failure> {
        let mut given = self.settings.changes(&Settings::default());
        given.extend(self.options.changes(&Options::default()));
        let mut given = definitions(subcommand).filter(|option| given.contains(&option.name));
        Ok(given.try_for_each(|option| option.check_used(subcommand, task))?)
    }

    /// The model file or run directory; the parser requires it.
    pub(crate) fn model(&self) -> &Path {
        self.options.model.as_deref().unwrap_or(Path::new("."))
    }

    pub(crate) fn json(&self) -> bool {
        self.options.json == Some(true)
    }

    /// Threads to use.
    pub(crate) fn threads(&self) -> usize {
        self.settings.threads.unwrap_or_else(train::available_threads)
    }

    /// The processor, for a model.
    pub(crate) fn backend<T: Task>(&self, model: &Model<T>) -> Result<Cpu, Failure> {
        let choice = self.settings.precision.unwrap_or_default();
        let hidden_size = model.task.network().hidden_size();
        Ok(cpu(self.threads())?.with_precision_choice(choice).for_hidden_size(hidden_size))
    }

    /// Beam search for at least `n_best` results.
    pub(crate) fn beam_search(&self, n_best: usize) -> BeamOptions {
        let default = BeamOptions::default();
        BeamOptions {
            width: self.beam.unwrap_or(default.width.max(n_best)),
            length_penalty: self.length_penalty.unwrap_or(default.length_penalty),
        }
    }

    /// Greedy decoding, or beam search if a beam is given.
    pub(crate) fn decoding(&self) -> Result<Decoding, Failure> {
        match (self.beam, self.length_penalty) {
            (None, None) => Ok(Decoding::Greedy),
            (None, Some(_)) => Err(Failure::Usage(
                "--length-penalty is an option of beam search: give --beam, too".to_owned(),
            )),
            (Some(_), _) => Ok(Decoding::Beam(self.beam_search(1))),
        }
    }
}
