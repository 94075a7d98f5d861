//! `refrain help`, `man` and `completions`: descriptions of the command line.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::{ArgMatches, Command};
use clap_mangen::Man;
use refrain::model::TaskName;
use refrain::option::{Kind, OptionDef, Range, Subcommand, Use};

use crate::args::definitions;
use crate::command::{SUBCOMMANDS, Shown, command_of, program};
use crate::failure::{Failure, in_flags};
use crate::out;

/// `refrain help [COMMAND [TASK]]`, or `refrain help options`.
pub(crate) fn help(matches: &ArgMatches) -> Result<(), Failure> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let task = text("task").and_then(TaskName::of);
    match text("command") {
        None => out::write(program().render_help().to_string().as_bytes()),
        Some("options") => out::write(options_table().as_bytes()),
        Some(name) => out::write(long_help(name, task).as_bytes()),
    }
}

/// The long help of a command, with the options that a task uses, or all.
fn long_help(name: &str, task: Option<TaskName>) -> String {
    let command = match SUBCOMMANDS.iter().find(|help| help.name == name) {
        Some(help) => command_of(help, task.map_or(Shown::All, Shown::Of)),
        None => program().find_subcommand(name).cloned().unwrap_or_else(program),
    };
    command.bin_name(format!("refrain {name}")).render_long_help().to_string()
}

/// The help that the arguments `refrain COMMAND ... -h` or `--help` ask for; with `--task TASK` of that task's options.
pub(crate) fn asked_for(arguments: &[OsString]) -> Option<String> {
    let arguments: Vec<&str> = arguments.iter().skip(1).map_while(|argument| argument.to_str()).collect();
    let help = SUBCOMMANDS.iter().find(|help| arguments.first() == Some(&help.name))?;
    let after = arguments.iter().skip_while(|argument| **argument != "--task").nth(1);
    let joined = arguments.iter().find_map(|argument| argument.strip_prefix("--task="));
    let task = after.copied().or(joined).and_then(TaskName::of);
    if task.is_some() || arguments.contains(&"--help") {
        return Some(long_help(help.name, task));
    }
    let short = command_of(help, Shown::Common).bin_name(format!("refrain {}", help.name));
    Some(short.clone().render_help().to_string())
}

/// `refrain man [COMMAND]`.
pub(crate) fn man(matches: &ArgMatches) -> Result<(), Failure> {
    let command = match matches.get_one::<String>("command") {
        None => program(),
        Some(name) => {
            let subcommand = program().find_subcommand(name).cloned().unwrap_or_else(program);
            let name = format!("refrain-{name}");
            subcommand.bin_name(name.replacen('-', " ", 1)).name(name)
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

/// All options of all commands in Markdown: `docs/options.md`.
pub(crate) fn options_table() -> String {
    let mut text = "\
# Options

All options of all commands. The options of `train` are also keys of a configuration file (`--config`), with underscores for
hyphens. \"Tasks\" lists the tasks that use an option; empty: all.

This file is generated: `refrain help options > docs/options.md`.
"
    .to_owned();
    for help in &SUBCOMMANDS {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## `refrain {}`\n\n{}.\n", help.name, help.about);
        let mut heading = None;
        for option in definitions(help.subcommand) {
            let Some(used) = option.use_of(help.subcommand) else { continue };
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
    let may_change = option.resumable && used.subcommand == Subcommand::Train;
    let resumable = if may_change { " (may change on `--resume`)" } else { "" };
    let cell = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
    let (help, default) =
        (cell(&in_flags(used.doc.unwrap_or(option.doc).trim())), cell(&in_flags(used.default)));
    format!("| `{name}` | {value} | {default} | {help}{resumable} | {} |", tasks.join(", "))
}
