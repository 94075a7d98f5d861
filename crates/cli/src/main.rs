//! refrain: train, sample, evaluate and inspect recurrent networks. One file per command.

mod args;
mod bench;
mod command;
mod device;
mod eval;
mod failure;
mod figure;
mod help;
mod http;
mod info;
mod inspect;
mod live;
mod options;
mod out;
mod page;
mod predict;
mod sample;
mod seed;
mod serve;
mod task;
mod tensorboard;
mod terminal;
mod train;

use std::process::ExitCode;

use clap::error::ErrorKind;
use refrain::option::Subcommand;

use crate::args::Args;
use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let done = match command::program().try_get_matches_from(&arguments) {
        Ok(matches) => run(&matches),
        Err(error) => match help::asked_for(&arguments) {
            Some(text) if error.kind() == ErrorKind::DisplayHelp => out::write(text.as_bytes()),
            _ => error.exit(),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(matches: &clap::ArgMatches) -> Result<(), Failure> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let Some(help) = command::SUBCOMMANDS.iter().find(|help| help.name == name) else {
        return match name {
            "completions" => help::completions(matches),
            "man" => help::man(matches),
            _ => help::help(matches),
        };
    };
    let args = Args::read(help.subcommand, matches)?;
    match help.subcommand {
        Subcommand::Train => train::run(args),
        Subcommand::Sample => sample::run(&args),
        Subcommand::Predict => predict::run(&args),
        Subcommand::Eval => eval::run(&args),
        Subcommand::Inspect => inspect::run(&args),
        Subcommand::Serve => serve::run(&args),
        Subcommand::Info => info::run(&args),
        Subcommand::Bench => bench::run(&args),
    }
}
