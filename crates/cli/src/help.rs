//! `refrain help`, `man` and `completions`: what there is to know of the command line.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::{ArgMatches, Command};
use clap_mangen::Man;
use refrain::model::TaskName;
use refrain::option::{Kind, OptionDef, Range, Use, Verb};

use crate::args::definitions;
use crate::command::{Shown, VERBS, command_of, program};
use crate::failure::Failure;
use crate::out;

/// `refrain help [VERB [TASK]]`, or `refrain help options`.
pub(crate) fn help(matches: &ArgMatches) -> Result<(), Failure> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let task = text("task").and_then(TaskName::of);
    match text("verb") {
        None => out::write(program().render_help().to_string().as_bytes()),
        Some("options") => out::write(options_table().as_bytes()),
        Some(verb) => out::write(long_help(verb, task).as_bytes()),
    }
}

/// The long help of a verb, with the options that a task uses, or all.
fn long_help(verb: &str, task: Option<TaskName>) -> String {
    let command = match VERBS.iter().find(|help| help.name == verb) {
        Some(help) => command_of(help, task.map_or(Shown::All, Shown::Of)),
        None => program().find_subcommand(verb).cloned().unwrap_or_else(program),
    };
    command.bin_name(format!("refrain {verb}")).render_long_help().to_string()
}

/// The help that the arguments `refrain VERB ... -h` or `--help` ask for; with `--task TASK` of that task's options.
pub(crate) fn asked_for(arguments: &[OsString]) -> Option<String> {
    let arguments: Vec<&str> = arguments.iter().skip(1).map_while(|argument| argument.to_str()).collect();
    let verb = VERBS.iter().find(|verb| arguments.first() == Some(&verb.name))?;
    let after = arguments.iter().skip_while(|argument| **argument != "--task").nth(1);
    let joined = arguments.iter().find_map(|argument| argument.strip_prefix("--task="));
    let task = after.copied().or(joined).and_then(TaskName::of);
    if task.is_some() || arguments.contains(&"--help") {
        return Some(long_help(verb.name, task));
    }
    let short = command_of(verb, Shown::Common).bin_name(format!("refrain {}", verb.name));
    Some(short.clone().render_help().to_string())
}

/// `refrain man [VERB]`.
pub(crate) fn man(matches: &ArgMatches) -> Result<(), Failure> {
    let command = match matches.get_one::<String>("verb") {
        None => program(),
        Some(name) => {
            let verb = program().find_subcommand(name).cloned().unwrap_or_else(program);
            let name = format!("refrain-{name}");
            verb.bin_name(name.replacen('-', " ", 1)).name(name)
        }
    };
    let mut page = vec![];
    let rendered = Man::new(command).render(&mut page);
    rendered.map_err(|error| Failure::Machine(format!("the man page cannot be written: {error}")))?;
    out::write(&page)
}

/// `refrain completions SHELL`.
pub(crate) fn completions(matches: &ArgMatches) -> Result<(), Failure> {
    let mut script = vec![];
    let mut command: Command = program();
    if let Some(shell) = matches.get_one::<clap_complete::Shell>("shell") {
        clap_complete::generate(*shell, &mut command, "refrain", &mut script);
    }
    out::write(&script)
}

/// All options of all verbs in Markdown: `docs/options.md`.
pub(crate) fn options_table() -> String {
    let mut text = "\
# Options

All options of all verbs. The options of `train` are also keys of a configuration file (`--config`), with underscores for
hyphens. \"Tasks\" lists the tasks that use an option; empty: all.

This file is generated: `refrain help options > docs/options.md`.
"
    .to_owned();
    for verb in &VERBS {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## `refrain {}`\n\n{}.\n", verb.name, verb.about);
        let mut heading = None;
        for option in definitions(verb.verb) {
            let Some(used) = option.use_of(verb.verb) else { continue };
            let here = if used.positional { "Arguments" } else { option.heading };
            if heading != Some(here) {
                heading = Some(here);
                let _ = write!(
                    text,
                    "\n{here}:\n\n| option | value | default | help | tasks |\n| --- | --- | --- | --- | --- |\n"
                );
            }
            let _ = writeln!(text, "{}", row(option, used));
        }
    }
    text
}

fn row(option: &OptionDef, used: &Use) -> String {
    let name = match used.positional {
        true => option.value_name.to_owned(),
        false => format!("--{}", option.name.replace('_', "-")),
    };
    let kind = (option.kind)();
    let value = match kind {
        _ if option.value_name.is_empty() => String::new(),
        Kind::Integer | Kind::Number if option.range != Range::ANY => format!("{kind}, {}", option.range),
        kind => kind.to_string(),
    };
    let tasks: Vec<&str> = match used.tasks.len() == TaskName::ALL.len() {
        true => vec![],
        false => used.tasks.iter().map(|task| task.name()).collect(),
    };
    let may_change = option.resumable && used.verb == Verb::Train;
    let resumable = if may_change { " (may change on `--resume`)" } else { "" };
    let cell = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
    let (help, default) = (cell(used.doc.unwrap_or(option.doc).trim()), cell(used.default));
    format!("| `{name}` | {value} | {default} | {help}{resumable} | {} |", tasks.join(", "))
}
