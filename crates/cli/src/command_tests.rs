use std::collections::BTreeSet;
use std::ffi::OsString;

use refrain::Error;
use refrain::option::Kind;

use super::*;
use crate::options::Options;

fn all() -> impl Iterator<Item = &'static OptionDef> {
    Settings::DEFINITIONS.iter().chain(Options::DEFINITIONS)
}

/// A value that an option takes, as text.
fn example(kind: Kind, option: &OptionDef) -> String {
    match kind {
        Kind::Bool => "true".into(),
        Kind::Integer => if option.range.contains(3.0) { "3" } else { "5" }.into(),
        Kind::Number => if option.range.contains(0.25) { "0.25" } else { "90" }.into(),
        Kind::Choice(names) => names.last().unwrap().to_string(),
        Kind::Time => "90s".into(),
        Kind::Path | Kind::Text => "some".into(),
        Kind::Column => "upos".into(),
        Kind::List(of) => example(of(), option),
    }
}

#[test]
fn presets_are_written_out_as_flags() {
    let written = Preset::ALL.map(|preset| flags(&preset.settings()));
    assert_eq!(written, ["--hidden-size 128 --num-layers 2 --epochs 3 --dropout 0.0", "--time-limit 20m"]);
}

#[test]
fn the_command_line_is_consistent() {
    program().debug_assert();
    for help in &SUBCOMMANDS {
        command_of(help, Shown::Common).debug_assert();
        TaskName::ALL.into_iter().for_each(|task| command_of(help, Shown::Of(task)).debug_assert());
    }
}

#[test]
fn every_option_has_help_a_heading_and_a_default() {
    let mut names = BTreeSet::new();
    for option in all() {
        for name in [&[option.name], option.aliases].concat() {
            assert!(names.insert(name), "{name} is the name of two options");
        }
        assert!(!option.uses.is_empty(), "{} is not used", option.name);
        assert!(!option.heading.is_empty(), "{}", option.name);
        for used in option.uses {
            let help = used.doc.map_or_else(|| option.help(), str::to_owned);
            let name = option.name;
            assert!(
                help.len() > 3 && !help.ends_with('.'),
                "{name}: {help:?} is a phrase without a full stop"
            );
            assert!(
                help.starts_with(|first: char| first.is_uppercase()),
                "{name}: {help:?} begins with a term"
            );
            let flag = option.value_name.is_empty();
            assert!(flag || used.required || !used.default.is_empty(), "{name} has no default in words");
            assert!(!used.tasks.is_empty(), "{name}");
        }
    }
}

#[test]
fn every_setting_is_a_flag_and_a_key_with_the_same_value() {
    for option in Settings::DEFINITIONS {
        let value = example((option.kind)(), option);
        let mut settings = Settings::default();
        settings.set(option.name, &[OsString::from(&value)]).unwrap();
        settings.check_ranges().unwrap();
        assert_eq!(settings.changes(&Settings::default()), [option.name]);
        let text = toml_of(&settings);
        assert_eq!(Settings::from_toml("config.toml", &text).unwrap(), settings, "{text}");
        for alias in option.aliases {
            let old = text.replace(option.name, alias);
            assert_eq!(Settings::from_toml("config.toml", &old).unwrap(), settings, "{old}");
        }
        let used = option.use_of(Subcommand::Train).unwrap();
        if !used.positional {
            let flag = |name: &str| match option.value_name {
                "" => format!("--{}", name.replace('_', "-")),
                _ => format!("--{}={value}", name.replace('_', "-")),
            };
            for name in [&[option.name], option.aliases].concat() {
                let matches = program().try_get_matches_from(["refrain", "train", &flag(name)]).unwrap();
                let args =
                    crate::args::Args::read(Subcommand::Train, matches.subcommand().unwrap().1).ok().unwrap();
                assert_eq!(args.settings, settings, "--{name}");
            }
        }
    }
}

/// Settings of one value as TOML; JSON values are TOML values, except for the braces.
fn toml_of(settings: &Settings) -> String {
    let json = serde_json::to_value(settings).unwrap();
    json.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}

#[test]
fn an_option_that_a_task_does_not_use_is_refused_with_the_tasks_that_do() {
    let mut refused = 0;
    for option in all() {
        for used in option.uses {
            for task in TaskName::ALL {
                match option.check_used(used.subcommand, task) {
                    Ok(()) => assert!(used.tasks.contains(&task)),
                    Err(Error::Setting { setting, problem }) => {
                        refused += 1;
                        assert!(!used.tasks.contains(&task));
                        assert_eq!(setting, option.name);
                        let message = problem.to_string();
                        assert!(message.contains(task.name()), "{message}");
                        used.tasks
                            .iter()
                            .for_each(|user| assert!(message.contains(user.name()), "{message}"));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    assert!(refused > 200, "only {refused}");
}

#[test]
fn values_that_an_option_does_not_take_are_refused() {
    for option in all().filter(|option| !option.value_name.is_empty()) {
        for used in option.uses.iter().filter(|used| !used.positional) {
            let subcommand = SUBCOMMANDS.iter().find(|help| help.subcommand == used.subcommand).unwrap().name;
            let bad = match (option.kind)() {
                Kind::Path | Kind::Text => continue,
                Kind::List(of) if matches!(of(), Kind::Path | Kind::Text) => continue,
                _ => "nonsense",
            };
            let flag = format!("--{}={bad}", option.name.replace('_', "-"));
            let error = program().try_get_matches_from(["refrain", subcommand, "train", &flag]).unwrap_err();
            assert!(error.to_string().contains(bad), "{flag}: {error}");
        }
    }
}
