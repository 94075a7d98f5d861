//! refrain: train, sample, evaluate and look inside recurrent networks. One file a verb.

mod beam;
mod bench;
mod device;
mod eval;
mod failure;
mod figure;
mod http;
mod info;
mod inspect;
mod live;
mod named;
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

use clap::{CommandFactory, Parser, Subcommand};

/// A recurrent-network workbench: Elman RNN, GRU and LSTM models, trained and understood on your own machine.
///
/// Start with `refrain train`: it learns Latin in about a minute and says what to try next.
#[derive(Parser)]
#[command(name = "refrain", version, max_term_width = 100, arg_required_else_help = true, after_help = TASKS)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const TASKS: &str = "\
What you have, and what to do with it (train sees from the form of the data which it is):
  a text to write more of                    refrain train play.txt      refrain sample runs/play
  sentences with a label: kind, unkind       refrain train reviews.tsv   refrain predict runs/reviews new.txt
  sensor data with a gesture for each        refrain train gestures.csv  refrain predict runs/gestures new.csv
  sentences with a tag for each word         refrain train tags.conllu   refrain predict runs/tags new.txt
  spelling and sound, or two languages       refrain train pairs.tsv     refrain predict runs/pairs new.txt
  pictures with captions                     refrain train captions.tsv  refrain predict runs/captions new.png
  a column of numbers to go on with          refrain train sales.csv     refrain predict runs/sales
  chorales in JSON, or a folder of MIDI      refrain train chorales/     refrain sample runs/chorales --out new.mid";

#[derive(Subcommand)]
enum Verb {
    Train(Box<train::Args>),
    Sample(sample::Args),
    Predict(predict::Args),
    Eval(eval::Args),
    Inspect(inspect::Args),
    Serve(serve::Args),
    Info(info::Args),
    Bench(bench::Args),
}

fn main() -> std::process::ExitCode {
    failure::set_command(Cli::command);
    let done = match Cli::parse().verb {
        Verb::Train(args) => train::run(*args),
        Verb::Sample(args) => sample::run(args),
        Verb::Predict(args) => predict::run(args),
        Verb::Eval(args) => eval::run(args),
        Verb::Inspect(args) => inspect::run(args),
        Verb::Serve(args) => serve::run(args),
        Verb::Info(args) => info::run(args),
        Verb::Bench(args) => bench::run(args),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
