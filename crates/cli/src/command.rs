//! The command line, built from the definitions of options: parser, help, completions, man pages.

use clap::builder::{OsStringValueParser, PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};
use refrain::model::TaskName::{self, Caption, Classify, Forecast, Language, Music, Tag, Translate};
use refrain::option::{Kind, OptionDef, Subcommand, Use, alternatives};
use refrain::train::{Preset, Settings};

use crate::args::definitions;
use crate::failure::in_flags;

/// A command, for help.
pub(crate) struct SubcommandHelp {
    pub(crate) subcommand: Subcommand,
    pub(crate) name: &'static str,
    /// One line.
    pub(crate) about: &'static str,
    /// What follows it in the long help.
    pub(crate) more: &'static str,
    pub(crate) examples: &'static [Example],
}

/// Lines of help, and the tasks that they are for.
type Example = (&'static [TaskName], &'static str);

const ALL: &[TaskName] = &TaskName::ALL;

/// The commands that work with models, in the order of help.
pub(crate) const SUBCOMMANDS: [SubcommandHelp; 8] = [
    SubcommandHelp {
        subcommand: Subcommand::Train,
        name: "train",
        about: "Train a model",
        more: "The data format is detected and reported, and the task follows from it; --task overrides it. Every option is \
               also a key of a --config file, with underscores for hyphens. Dropout, weight decay and early stopping \
               counter overfitting. Defaults are in brackets; many depend on the task and the size of the data, and the \
               run's config.toml holds all effective settings.",
        examples: &[
            (&[Language], "  refrain train                                   the built-in Latin text"),
            (&[Language], "  refrain train play.txt --hidden-size 512        your own text, a larger model"),
            (&[Language], "  refrain train names.txt --lines --epochs 30     one name per line"),
            (&[Language], "  refrain train play.txt --time-limit 2m          the best model in two minutes"),
            (&[Language], "  refrain train play.txt --preset best            the best model in twenty"),
            (&[Language], "  refrain train --example sentences               three example sentences"),
            (&[Classify], "  refrain train reviews.tsv --valid dev.tsv       label<TAB>text per line"),
            (&[Tag], "  refrain train tags.conllu                       a word and its tag per line"),
            (&[Translate], "  refrain train cmudict.tsv --task translate      source<TAB>target per line"),
            (&[Caption], "  refrain train captions.tsv                      file<TAB>text per line"),
            (&[Forecast], "  refrain train sales.csv --horizon 12            columns of numbers"),
            (&[Music], "  refrain train chorales/                         a folder of MIDI files"),
            (ALL, "  refrain train --resume runs/play                resume after Ctrl-C or a crash"),
        ],
    },
    SubcommandHelp {
        subcommand: Subcommand::Sample,
        name: "sample",
        about: "Sample text or music from a model",
        more: "Only the generated text is written to standard output, as it is generated. Music is written to a MIDI file.",
        examples: &[
            (&[Language], "  refrain sample runs/latin --length 500"),
            (&[Language], "  refrain sample runs/play --prompt 'ROMEO:' --temperature 0.6 --seed 7"),
            (&[Language], "  refrain sample runs/names --prompt Mar --stop '\\n' --count 10"),
            (&[Music], "  refrain sample runs/chorales --out chorale.mid --length 64 --seed 3"),
        ],
    },
    SubcommandHelp {
        subcommand: Subcommand::Predict,
        name: "predict",
        about: "Predict for new inputs, one result per line",
        more: "Texts are read one per line, from files or standard input; other data in the format of the training set, where \
               label columns are ignored. An empty input line produces an empty output line. A captioner reads images. A \
               forecaster continues the series in a file, or the one that it was trained on.",
        examples: &[
            (&[Classify], "  echo 'a fine film' | refrain predict runs/reviews"),
            (&[Classify], "  refrain predict runs/gestures new.csv --json"),
            (&[Tag], "  echo 'Anna lives in Paris' | refrain predict runs/names"),
            (&[Translate], "  echo phonograph | refrain predict runs/phones --n-best 3"),
            (&[Caption], "  refrain predict runs/captions new.png"),
            (&[Forecast], "  refrain predict runs/sales"),
        ],
    },
    SubcommandHelp {
        subcommand: Subcommand::Eval,
        name: "eval",
        about: "Evaluate a model on a test set",
        more: "Reports the standard metrics of the task. Texts: nats and bits per character, perplexity. Labels: accuracy, \
               macro F1, confusion matrix. Tags: also F1 of spans and accuracy on unknown words. Translations and captions: \
               exact match, error rates, BLEU, chrF. Series: RMSE and MAE, compared with baselines. Music: negative \
               log-likelihood, accuracy per frame.",
        examples: &[
            (&[Language], "  refrain eval runs/play held-out.txt"),
            (&[Classify], "  refrain eval runs/reviews test.tsv"),
            (&[Tag], "  refrain eval runs/tags test.conllu"),
            (&[Translate], "  refrain eval runs/phones test.tsv --beam 1"),
            (&[Caption], "  refrain eval runs/captions test.tsv"),
            (&[Forecast], "  refrain eval runs/sales sales.csv"),
            (&[Music], "  refrain eval runs/chorales chorales.json --part test"),
        ],
    },
    SubcommandHelp {
        subcommand: Subcommand::Inspect,
        name: "inspect",
        about: "Show activations, gates and gradients while a model reads",
        more: "Writes one self-contained HTML page: the text coloured by any unit, all units over time, predictions and \
               surprisal, gates, gradients through time, the unrolled network with its numbers, and units that track brackets, \
               quotes, line positions or letters. Or single figures, their numbers, and coloured text in the terminal.",
        examples: &[
            (
                &[Language],
                "  refrain inspect runs/brackets held-out.txt                   writes report.html",
            ),
            (&[Language], "  refrain inspect runs/play --text 'ROMEO: \"O, speak again\"' --format text"),
            (&[Language], "  refrain inspect runs/play play.txt --out cells.png --plane c --layer 2"),
            (
                &[Language],
                "  refrain inspect runs/rnn play.txt --compare runs/gru --compare runs/lstm \\\n          \
                 --view gradients --out reach.svg",
            ),
            (&[Language], "  refrain inspect runs/play play.txt --format csv --view finder"),
            (&[Classify], "  refrain inspect runs/reviews --text 'a fine film'"),
            (&[Tag], "  refrain inspect runs/tags --text 'the cat sat'"),
            (&[Translate], "  refrain inspect runs/phones --text phonograph"),
            (&[Caption], "  refrain inspect runs/captions new.png"),
            (&[Forecast], "  refrain inspect runs/sales"),
            (&[Music], "  refrain inspect runs/chorales chorales.json"),
        ],
    },
    SubcommandHelp {
        subcommand: Subcommand::Serve,
        name: "serve",
        about: "Serve a model over HTTP",
        more: "Serves a web page that shows activations for any text and generates continuations, and an OpenAI-compatible \
               API at /v1/completions. Listens on localhost only unless --host is given.",
        examples: &[
            (ALL, "  refrain serve runs/play                     then open http://127.0.0.1:8080/"),
            (
                &[Language],
                "  curl -N http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\\n       \
                 -d '{\"prompt\": \"ROMEO:\", \"max_tokens\": 200, \"stream\": true}'",
            ),
        ],
    },
    SubcommandHelp {
        subcommand: Subcommand::Info,
        name: "info",
        about: "Describe a model, or this machine",
        more: "Layers, parameters, vocabulary, training history; without MODEL, the instruction sets and precisions of this \
               machine.",
        examples: &[(ALL, "  refrain info runs/latin")],
    },
    SubcommandHelp {
        subcommand: Subcommand::Bench,
        name: "bench",
        about: "Measure speed: training, sampling, or the machine's peaks",
        more: "Training steps are forward and backward pass, clipping and Adam on synthetic text.",
        examples: &[
            (ALL, "  refrain bench train --cell lstm --hidden-size 256 --threads 2"),
            (ALL, "  refrain bench sample --streams 32       characters per second of all streams"),
            (ALL, "  refrain bench peak                      peak rates of this machine"),
        ],
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

/// The parser of the program.
pub(crate) fn program() -> Command {
    let task = PossibleValuesParser::new(TaskName::ALL.map(TaskName::name).into_iter().chain(["options"]));
    let help = Command::new("help")
        .about("Show help: `refrain help train classify`")
        .disable_help_flag(true)
        .args([
            Arg::new("command").value_name("COMMAND").value_parser(PossibleValuesParser::new(
                SUBCOMMANDS.iter().map(|subcommand| subcommand.name).chain(["completions", "man", "options"]),
            )),
            Arg::new("task").value_name("TASK").value_parser(task),
        ]);
    let shell = Arg::new("shell").value_name("SHELL").required(true);
    let shell = shell.value_parser(clap::value_parser!(clap_complete::Shell));
    let man = Arg::new("command").value_name("COMMAND");
    let man =
        man.value_parser(PossibleValuesParser::new(SUBCOMMANDS.iter().map(|subcommand| subcommand.name)));
    Command::new("refrain")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Recurrent networks: train, sample, evaluate, inspect and serve Elman RNN,\nGRU and LSTM models")
        .after_help(
            "Start with `refrain train`: a language model of Latin in about 15 seconds.\n\
             More: `refrain --help` (data and tasks), `refrain help COMMAND` (all options)",
        )
        .after_long_help(TASKS)
        .max_term_width(100)
        .arg_required_else_help(true)
        .subcommand_required(true)
        .subcommand_value_name("COMMAND")
        .subcommand_help_heading("Commands")
        .disable_help_subcommand(true)
        .subcommands(SUBCOMMANDS.iter().map(|subcommand| command_of(subcommand, Shown::All)))
        .subcommand(
            Command::new("completions")
                .about("Print shell completions: bash, zsh, fish, elvish or powershell")
                .after_help("Example:\n  refrain completions bash > ~/.local/share/bash-completion/completions/refrain")
                .arg(shell),
        )
        .subcommand(
            Command::new("man")
                .about("Print the man page, of the program or of a command")
                .after_help("Example:\n  refrain man train > refrain-train.1")
                .arg(man),
        )
        .subcommand(help)
}

/// Which options of a command its command line has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    All,
    /// Those of the short help. Commands other than training have few options, all of which are shown.
    Common,
    /// Those that a task uses.
    Of(TaskName),
}

impl Shown {
    fn has(self, used: &Use) -> bool {
        match self {
            Shown::All => true,
            Shown::Common => used.subcommand != Subcommand::Train || used.common.is_some(),
            Shown::Of(task) => used.tasks.contains(&task),
        }
    }
}

/// The parser of a command.
pub(crate) fn command_of(help: &SubcommandHelp, shown: Shown) -> Command {
    let uses =
        definitions(help.subcommand).filter_map(|option| Some((option, option.use_of(help.subcommand)?)));
    let uses: Vec<_> = uses.filter(|(_, used)| shown.has(used)).collect();
    let names: Vec<&str> = uses.iter().map(|(option, _)| option.name).collect();
    let about = match shown {
        Shown::Of(task) => format!("{}: options of the {task} task", help.about),
        _ => help.about.to_owned(),
    };
    let examples = examples(help, shown);
    let short = match help.subcommand {
        Subcommand::Train => "`--help` lists all options, `refrain help train TASK` those of a task.",
        _ => &examples,
    };
    let examples = match names.contains(&"preset") {
        true => format!("{}\n\n{examples}", presets()),
        false => examples.clone(),
    };
    let without_data = match (help.subcommand, shown) {
        (Subcommand::Train, Shown::All | Shown::Of(Language)) => {
            "Without DATA, trains a language model on the built-in Latin text. "
        }
        _ => "",
    };
    Command::new(help.name)
        .about(about.clone())
        .long_about(format!("{about}\n\n{without_data}{}", help.more))
        .after_help(short.to_owned())
        .after_long_help(examples)
        .allow_negative_numbers(true)
        .max_term_width(100)
        .args(uses.into_iter().map(|(option, used)| {
            let conflicts = option.conflicts.iter().copied().filter(|name| names.contains(name));
            argument(option, used, shown).conflicts_with_all(conflicts)
        }))
}

/// The examples of a command, or those for the task that is shown.
fn examples(help: &SubcommandHelp, shown: Shown) -> String {
    let is_shown = |tasks: &[TaskName]| match shown {
        Shown::Of(task) => tasks.contains(&task),
        Shown::All | Shown::Common => true,
    };
    let examples = help.examples.iter().filter(|(tasks, _)| is_shown(tasks));
    let lines: Vec<&str> = examples.map(|(_, lines)| *lines).collect();
    match lines[..] {
        [] => String::new(),
        [one] => format!("Example:\n{one}"),
        _ => format!("Examples:\n{}", lines.join("\n")),
    }
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

/// Rejects text that is not a value. Paths need not be UTF-8.
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
    // A remark in parentheses follows the names of the values.
    let (term, remark) =
        text.rfind(" (").filter(|_| text.ends_with(')')).map_or((&*text, ""), |at| text.split_at(at));
    let default = match used.common.filter(|_| shown == Shown::Common).unwrap_or(used.default) {
        "" => String::new(),
        default => format!(" [{default}]"),
    };
    in_flags(&format!("{term}{names}{remark}{default}"))
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
