//! The command line, built from the definitions of options: parser, help, completions, man pages.

use clap::builder::{OsStringValueParser, PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};
use refrain::model::TaskName;
use refrain::option::{Kind, OptionDef, Use, Verb, alternatives};
use refrain::train::{Preset, Settings};

use crate::args::definitions;

/// A verb, for help.
pub(crate) struct VerbHelp {
    pub(crate) verb: Verb,
    pub(crate) name: &'static str,
    /// One line.
    pub(crate) about: &'static str,
    /// What follows it in the long help.
    pub(crate) more: &'static str,
    pub(crate) examples: &'static str,
}

/// The verbs that work with models, in the order of help.
pub(crate) const VERBS: [VerbHelp; 8] = [
    VerbHelp {
        verb: Verb::Train,
        name: "train",
        about: "Train a model",
        more: "Without DATA, trains a language model on the built-in Latin text. The data format is detected and reported, and \
               the task follows from it; --task overrides it. Every option is also a key of a --config file, with underscores \
               for hyphens. Dropout, weight decay and early stopping counter overfitting. Defaults are in brackets; many depend on the task and the size of the data, and the run's \
               config.toml holds every value in force.",
        examples: "\
Examples:
  refrain train                                   the built-in Latin text
  refrain train play.txt --hidden-size 512        your own text, a larger model
  refrain train names.txt --lines --epochs 30     one name per line
  refrain train play.txt --time-limit 2m          the best model in two minutes
  refrain train play.txt --preset best            the best model in twenty
  refrain train --resume runs/play                resume after ctrl-C or a crash
  refrain train --example sentences               the tutorial's three sentences
  refrain train reviews.tsv --valid dev.tsv       label<TAB>text per line
  refrain train cmudict.tsv --task translate      source<TAB>target per line",
    },
    VerbHelp {
        verb: Verb::Sample,
        name: "sample",
        about: "Sample text or music from a model",
        more: "Standard output receives nothing but the text, as it is generated. Music is written to a MIDI file.",
        examples: "\
Examples:
  refrain sample runs/latin --length 500
  refrain sample runs/play --prompt 'ROMEO:' --temperature 0.6 --seed 7
  refrain sample runs/names --prompt Mar --stop '\\n' --count 10
  refrain sample runs/chorales --out chorale.mid --length 64 --seed 3",
    },
    VerbHelp {
        verb: Verb::Predict,
        name: "predict",
        about: "Predict for new inputs, one result per line",
        more: "Texts are read one per line, from files or standard input; other data in the format of the training set, where \
               label columns are ignored. An empty line gives an empty line. A captioner reads images. A forecaster continues \
               the series in a file, or the one that it was trained on.",
        examples: "\
Examples:
  echo 'a fine film' | refrain predict runs/reviews
  refrain predict runs/gestures new.csv --json
  echo phonograph | refrain predict runs/phones --n-best 3",
    },
    VerbHelp {
        verb: Verb::Eval,
        name: "eval",
        about: "Evaluate a model on a test set",
        more: "Reports the standard metrics of the task. Texts: nats and bits per character, perplexity. Labels: accuracy, \
               macro F1, confusion matrix. Tags: also F1 of spans and accuracy on unknown words. Translations and captions: \
               exact match, error rates, BLEU, chrF. Series: RMSE and MAE beside baselines. Music: negative log-likelihood, \
               accuracy per frame.",
        examples: "\
Examples:
  refrain eval runs/play held-out.txt
  refrain eval runs/reviews test.tsv
  refrain eval runs/phones test.tsv --beam 1",
    },
    VerbHelp {
        verb: Verb::Inspect,
        name: "inspect",
        about: "Show activations, gates and gradients while a model reads",
        more: "Writes one self-contained HTML page: the text coloured by any unit, all units over time, predictions and \
               surprise, gates, gradients through time, the unrolled network with its numbers, and units that track brackets, \
               quotes, line positions or letters. Or single figures, their numbers, and coloured text in the terminal.",
        examples: "\
Examples:
  refrain inspect runs/brackets held-out.txt                   writes report.html
  refrain inspect runs/play --text 'ROMEO: \"O, speak again\"' --format text
  refrain inspect runs/play play.txt --out cells.png --plane c --layer 2
  refrain inspect runs/rnn play.txt --compare runs/gru --compare runs/lstm \\
          --view gradients --out reach.svg
  refrain inspect runs/play play.txt --format csv --view finder
  refrain inspect runs/reviews --text 'a fine film'
  refrain inspect runs/phones --text phonograph",
    },
    VerbHelp {
        verb: Verb::Serve,
        name: "serve",
        about: "Serve a model over HTTP",
        more: "A page shows what the model does with any text, and continues it. Programs find completions in OpenAI's format \
               at /v1/completions. Only this machine can connect, unless --host says otherwise.",
        examples: "\
Examples:
  refrain serve runs/play                     then open http://127.0.0.1:8080/
  curl -N http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\
       -d '{\"prompt\": \"ROMEO:\", \"max_tokens\": 200, \"stream\": true}'",
    },
    VerbHelp {
        verb: Verb::Info,
        name: "info",
        about: "Describe a model, or this machine",
        more: "Layers, parameters, vocabulary, training history; without MODEL, the instruction sets and precisions of this \
               machine.",
        examples: "Example:\n  refrain info runs/latin",
    },
    VerbHelp {
        verb: Verb::Bench,
        name: "bench",
        about: "Measure speed: training, sampling, or the machine's peaks",
        more: "Training steps are forward and backward pass, clipping and Adam on synthetic text.",
        examples: "\
Examples:
  refrain bench train --cell lstm --hidden-size 256 --threads 2
  refrain bench sample --streams 32       characters per second of all streams
  refrain bench peak                      peak rates of this machine",
    },
];

const TASKS: &str = "\
Data and tasks (the data format is detected and reported):
  a text                             refrain train play.txt
                                     refrain sample runs/play
  labelled sentences                 refrain train reviews.tsv
                                     refrain predict runs/reviews new.txt
  sensor data with labels            refrain train gestures.csv
                                     refrain predict runs/gestures new.csv
  sentences with a tag per word      refrain train tags.conllu
                                     refrain predict runs/tags new.txt
  pairs: spelling and sound, or      refrain train pairs.tsv
  two languages                      refrain predict runs/pairs new.txt
  images with captions               refrain train captions.tsv
                                     refrain predict runs/captions new.png
  time series                        refrain train sales.csv
                                     refrain predict runs/sales
  chorales in JSON, MIDI files       refrain train chorales/
                                     refrain sample runs/chorales --out new.mid";

/// The whole command line.
pub(crate) fn program() -> Command {
    let task = PossibleValuesParser::new(TaskName::ALL.map(TaskName::name).into_iter().chain(["options"]));
    let help = Command::new("help")
        .about("Show help: `refrain help train classify`")
        .disable_help_flag(true)
        .args([
            Arg::new("verb").value_name("VERB").value_parser(PossibleValuesParser::new(
                VERBS.iter().map(|verb| verb.name).chain(["completions", "man", "options"]),
            )),
            Arg::new("task").value_name("TASK").value_parser(task),
        ]);
    let shell = Arg::new("shell").value_name("SHELL").required(true);
    let shell = shell.value_parser(clap::value_parser!(clap_complete::Shell));
    let man = Arg::new("verb").value_name("VERB");
    let man = man.value_parser(PossibleValuesParser::new(VERBS.iter().map(|verb| verb.name)));
    Command::new("refrain")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Recurrent networks: train, sample, evaluate, inspect and serve Elman RNN,\nGRU and LSTM models")
        .after_help(
            "Start with `refrain train`: a language model of Latin in about a minute.\n\
             More: `refrain --help` (data and tasks), `refrain help VERB` (all options)",
        )
        .after_long_help(TASKS)
        .max_term_width(100)
        .arg_required_else_help(true)
        .subcommand_required(true)
        .subcommand_value_name("VERB")
        .subcommand_help_heading("Verbs")
        .disable_help_subcommand(true)
        .subcommands(VERBS.iter().map(|verb| command_of(verb, Shown::All)))
        .subcommand(
            Command::new("completions")
                .about("Print shell completions: bash, zsh, fish, elvish or powershell")
                .after_help("Example:\n  refrain completions bash > ~/.local/share/bash-completion/completions/refrain")
                .arg(shell),
        )
        .subcommand(
            Command::new("man")
                .about("Print the man page, of the program or of a verb")
                .after_help("Example:\n  refrain man train > refrain-train.1")
                .arg(man),
        )
        .subcommand(help)
}

/// Which options of a verb a command line has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    All,
    /// Those of the short help. Verbs other than training have few options, all of which are shown.
    Common,
    /// Those that a task uses.
    Of(TaskName),
}

impl Shown {
    fn has(self, used: &Use) -> bool {
        match self {
            Shown::All => true,
            Shown::Common => used.verb != Verb::Train || used.common.is_some(),
            Shown::Of(task) => used.tasks.contains(&task),
        }
    }
}

/// The command line of a verb.
pub(crate) fn command_of(help: &VerbHelp, shown: Shown) -> Command {
    let uses = definitions(help.verb).filter_map(|option| Some((option, option.use_of(help.verb)?)));
    let uses: Vec<_> = uses.filter(|(_, used)| shown.has(used)).collect();
    let names: Vec<&str> = uses.iter().map(|(option, _)| option.name).collect();
    let about = match shown {
        Shown::Of(task) => format!("{}: options of the {task} task", help.about),
        _ => help.about.to_owned(),
    };
    let examples = match help.verb {
        Verb::Train => format!("{}\n\n{}", presets(), help.examples),
        _ => help.examples.to_owned(),
    };
    let short = match help.verb {
        Verb::Train => "`--help` lists all options, `refrain help train TASK` those of a task.",
        _ => help.examples,
    };
    Command::new(help.name)
        .about(about.clone())
        .long_about(format!("{about}\n\n{}", help.more))
        .after_help(short)
        .after_long_help(examples)
        .allow_negative_numbers(true)
        .max_term_width(100)
        .args(uses.into_iter().map(|(option, used)| {
            let conflicts = option.conflicts.iter().copied().filter(|name| names.contains(name));
            argument(option, used, shown).conflicts_with_all(conflicts)
        }))
}

/// An option as a command-line argument.
fn argument(option: &'static OptionDef, used: &'static Use, shown: Shown) -> Arg {
    let kind = (option.kind)();
    let (list, element) = match kind {
        Kind::List(of) => (true, of()),
        kind => (false, kind),
    };
    let argument = Arg::new(option.name)
        .help(help_text(option, used, shown))
        .help_heading((!used.positional && shown != Shown::Common).then_some(option.heading))
        .required(used.required);
    if option.value_name.is_empty() {
        return argument.long(option.name.replace('_', "-")).action(ArgAction::SetTrue);
    }
    let argument = argument
        .value_name(option.value_name.trim_end_matches(",..."))
        .value_parser(parser(option, element))
        .hide_possible_values(true)
        .value_hint(hint(option.value_name, element))
        .action(if list { ArgAction::Append } else { ArgAction::Set })
        .allow_hyphen_values(matches!(element, Kind::Text) && !used.positional);
    if used.positional {
        return if list { argument.num_args(1..) } else { argument };
    }
    let argument = argument
        .long(option.name.replace('_', "-"))
        .aliases(option.aliases.iter().map(|alias| alias.replace('_', "-")));
    let argument = match option.value_name.ends_with(",...") {
        true => argument.value_delimiter(','),
        false => argument,
    };
    match option.implied {
        Some(implied) => argument.num_args(0..=1).require_equals(true).default_missing_value(implied),
        None => argument,
    }
}

/// Refuses text that is no value. Paths need not be UTF-8.
fn parser(option: &'static OptionDef, element: Kind) -> ValueParser {
    match element {
        Kind::Choice(names) => PossibleValuesParser::new(names).into(),
        Kind::Path => OsStringValueParser::new().into(),
        Kind::Bool => PossibleValuesParser::new(["true", "false"]).into(),
        _ => ValueParser::from(move |text: &str| {
            (option.check)(text).map(|()| text.to_owned()).map_err(|expected| format!("give {expected}"))
        }),
    }
}

/// What shells complete.
fn hint(value_name: &str, element: Kind) -> ValueHint {
    match element {
        Kind::Path if value_name == "DIR" => ValueHint::DirPath,
        Kind::Path if value_name == "FILE" => ValueHint::FilePath,
        Kind::Path => ValueHint::AnyPath,
        _ => ValueHint::Unknown,
    }
}

/// Help of an option: term, names of values, default.
fn help_text(option: &OptionDef, used: &Use, shown: Shown) -> String {
    let text = used.doc.map_or_else(|| option.help(), str::to_owned);
    let names = match (option.kind)() {
        Kind::Choice(names) => format!(": {}", alternatives(names)),
        Kind::Bool if !option.value_name.is_empty() => ": true or false".to_owned(),
        _ => String::new(),
    };
    let default = match used.common.filter(|_| shown == Shown::Common).unwrap_or(used.default) {
        "" => String::new(),
        default => format!(" [{default}]"),
    };
    format!("{text}{names}{default}")
}

fn presets() -> String {
    let settings = Settings::DEFINITIONS.iter().find(|option| option.name == "preset");
    let Some(Kind::Choice(names)) = settings.map(|option| (option.kind)()) else { return String::new() };
    let presets = names.iter().filter_map(|name| Some((name, refrain::option::choice::<Preset>(name).ok()?)));
    let lines: Vec<String> =
        presets.map(|(name, preset)| format!("  {name:<7} {}", flags(&preset.settings()))).collect();
    format!("Presets:\n{}", lines.join("\n"))
}

/// Settings as flags.
fn flags(settings: &Settings) -> String {
    let values = serde_json::to_value(settings).unwrap_or_default();
    // In the order of the fields, which a JSON object does not keep.
    let names = settings.changes(&Settings::default()).into_iter();
    let flag =
        |name: &str| format!("--{} {}", name.replace('_', "-"), values[name].to_string().trim_matches('"'));
    names.map(flag).collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
