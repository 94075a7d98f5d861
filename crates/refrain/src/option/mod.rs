//! Options: what may be set, and with which values.
//!
//! [`options!`](crate::options) declares a struct of optional values and one [`OptionDef`] per field. The flags of the
//! program, their help and completions, the keys of a configuration file, range checks and the table in
//! `docs/options.md` all follow from these definitions.
//!
//! ```
//! use refrain::train::Settings;
//!
//! let seed = Settings::DEFINITIONS.iter().find(|option| option.name == "seed").unwrap();
//! assert!(seed.help().contains("seed"));
//!
//! let mut settings = Settings::default();
//! settings.set("seed", &["7".into()])?;
//! assert_eq!(settings.seed, Some(7));
//! # Ok::<(), refrain::Error>(())
//! ```

mod range;
mod value;

pub use range::Range;
#[doc(hidden)]
pub use value::choice;
pub use value::{Kind, OptionValue, Span, variants};

use std::ffi::{OsStr, OsString};

use crate::error::{Error, Result, SettingProblem};
use crate::model::TaskName;

/// What the options are given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subcommand {
    /// Trains a model.
    Train,
    /// Generates text or music.
    Sample,
    /// Predicts for new inputs.
    Predict,
    /// Computes metrics on a data set.
    Eval,
    /// Shows activations, gates and gradients.
    Inspect,
    /// Serves a model over HTTP.
    Serve,
    /// Describes a model or the machine.
    Info,
    /// Measures speed.
    Bench,
}

/// One option: everything that is the same wherever it is used, and its uses.
#[derive(Clone, Copy, Debug)]
pub struct OptionDef {
    /// In snake case: a field and a key of configuration files. A flag has hyphens instead.
    pub name: &'static str,
    /// Help as written in the source; [`OptionDef::help`] trims it.
    pub doc: &'static str,
    /// How a value is written.
    pub kind: fn() -> Kind,
    /// Refuses text that is no value, with the reason.
    pub check: fn(&str) -> Result<(), String>,
    /// Earlier names, still accepted.
    pub aliases: &'static [&'static str],
    /// The group in which help lists it.
    pub heading: &'static str,
    /// Stands for the value in help. Empty: a flag without a value. `N,...`: several, separated by commas.
    pub value_name: &'static str,
    /// The value of a flag that is given without one; by default a value is required.
    pub implied: Option<&'static str>,
    /// Bounds of numbers.
    pub range: Range,
    /// Names of options that exclude it.
    pub conflicts: &'static [&'static str],
    /// Where it is used.
    pub uses: &'static [Use],
    /// Whether a resumed run may change it.
    pub resumable: bool,
}

/// What an option does for one command.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// The command.
    pub subcommand: Subcommand,
    /// The value if it is not given, in words; empty for a flag that is off.
    pub default: &'static str,
    /// The tasks that use it.
    pub tasks: &'static [TaskName],
    /// The default in few words, for the short help, which lists common options only.
    pub common: Option<&'static str>,
    /// An argument without a name.
    pub positional: bool,
    /// Must be given.
    pub required: bool,
    /// Help that differs from the option's.
    pub doc: Option<&'static str>,
}

/// An option of [`Subcommand::Train`] with this default.
pub const fn train(default: &'static str) -> Use {
    Use::of(Subcommand::Train, default)
}

/// An option of [`Subcommand::Sample`] with this default.
pub const fn sample(default: &'static str) -> Use {
    Use::of(Subcommand::Sample, default)
}

/// An option of [`Subcommand::Predict`] with this default.
pub const fn predict(default: &'static str) -> Use {
    Use::of(Subcommand::Predict, default)
}

/// An option of [`Subcommand::Eval`] with this default.
pub const fn eval(default: &'static str) -> Use {
    Use::of(Subcommand::Eval, default)
}

/// An option of [`Subcommand::Inspect`] with this default.
pub const fn inspect(default: &'static str) -> Use {
    Use::of(Subcommand::Inspect, default)
}

/// An option of [`Subcommand::Serve`] with this default.
pub const fn serve(default: &'static str) -> Use {
    Use::of(Subcommand::Serve, default)
}

/// An option of [`Subcommand::Info`] with this default.
pub const fn info(default: &'static str) -> Use {
    Use::of(Subcommand::Info, default)
}

/// An option of [`Subcommand::Bench`] with this default.
pub const fn bench(default: &'static str) -> Use {
    Use::of(Subcommand::Bench, default)
}

impl Use {
    const fn of(subcommand: Subcommand, default: &'static str) -> Use {
        Use {
            subcommand,
            default,
            tasks: &TaskName::ALL,
            common: None,
            positional: false,
            required: false,
            doc: None,
        }
    }

    /// Used by these tasks only.
    #[must_use]
    pub const fn only(mut self, tasks: &'static [TaskName]) -> Use {
        self.tasks = tasks;
        self
    }

    /// Listed in the short help, with its default in few words.
    #[must_use]
    pub const fn common(mut self, default: &'static str) -> Use {
        self.common = Some(default);
        self
    }

    /// Given without a name.
    #[must_use]
    pub const fn positional(mut self) -> Use {
        self.positional = true;
        self
    }

    /// Must be given.
    #[must_use]
    pub const fn required(mut self) -> Use {
        self.required = true;
        self
    }

    /// With help of its own.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Use {
        self.doc = Some(doc);
        self
    }
}

impl OptionDef {
    /// A definition with the values that most options share.
    pub const fn new(
        name: &'static str,
        doc: &'static str,
        kind: fn() -> Kind,
        check: fn(&str) -> Result<(), String>,
    ) -> Self {
        let (heading, value_name, implied, conflicts, uses) = ("Options", "", None, &[], &[]);
        let (aliases, range, resumable) = (&[], Range::ANY, false);
        OptionDef {
            name,
            doc,
            kind,
            check,
            aliases,
            heading,
            value_name,
            implied,
            range,
            conflicts,
            uses,
            resumable,
        }
    }

    /// Its help, without the default.
    pub fn help(&self) -> String {
        self.doc.trim().to_owned()
    }

    /// Whether this is its name, now or formerly.
    pub fn has_name(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Its use by a command.
    pub fn use_of(&self, subcommand: Subcommand) -> Option<&'static Use> {
        self.uses.iter().find(|one| one.subcommand == subcommand)
    }

    /// Refuses the option if a command does not use it for a task.
    ///
    /// # Errors
    /// [`Error::Setting`] that names the tasks that use it.
    pub fn check_used(&self, subcommand: Subcommand, task: TaskName) -> Result<()> {
        let Some(used) = self.use_of(subcommand).filter(|used| !used.tasks.contains(&task)) else {
            return Ok(());
        };
        let names: Vec<&str> = used.tasks.iter().map(|task| task.name()).collect();
        let context = format!("by the {task} task, only by {}", conjunction(&names));
        Err(Error::Setting { setting: self.name, problem: SettingProblem::Unused { context } })
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn conjunction(names: &[&str]) -> String {
    joined(names, "and")
}

/// `a`, `a or b`, `a, b or c`.
pub fn alternatives(names: &[&str]) -> String {
    joined(names, "or")
}

fn joined(names: &[&str], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

/// The name of `names` that is nearest to `name`, if one is near (at most a third of its letters differ).
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &str| crate::metric::edit_distance(name.as_bytes(), other.as_bytes());
    let (distance, nearest) = names.map(|other| (distance(other), other)).min()?;
    (3 * distance <= name.len().max(3)).then_some(nearest)
}

/// Declares a struct of optional values, one per option, with a definition of each: help (the doc comment), name, type,
/// then what differs from [`OptionDef::new`].
///
/// The struct gets `DEFINITIONS`, `or` (fills in what is not given), `changes`, `set` (from text) and `check_ranges`.
#[macro_export]
macro_rules! options {
    ($(#[$meta:meta])* $vis:vis struct $Struct:ident {
        $($(#[doc = $doc:literal])+ $name:ident: $type:ty { $($key:ident: $value:expr),* $(,)? })*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $vis struct $Struct {
            $($(#[doc = $doc])+ #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        impl $Struct {
            /// The definition of every field, in their order.
            pub const DEFINITIONS: &'static [$crate::option::OptionDef] = {
                #[allow(unused_imports, reason = "not every struct has options of every command")]
                use $crate::option::{bench, eval, info, inspect, predict, sample, serve, train, Range};
                use $crate::option::{OptionDef, OptionValue};
                &[$(OptionDef {
                    $($key: $value,)*
                    ..OptionDef::new(
                        stringify!($name),
                        concat!($($doc),+),
                        <$type as OptionValue>::kind,
                        <$type as OptionValue>::check,
                    )
                }),*]
            };

            /// These values, and for those not given the ones of `base`.
            #[must_use]
            pub fn or(self, base: $Struct) -> $Struct {
                $Struct { $($name: self.$name.or(base.$name),)* }
            }

            /// The names of the values that are given and differ from those of `other`.
            pub fn changes(&self, other: &$Struct) -> Vec<&'static str> {
                let mut names = vec![];
                $(if self.$name.is_some() && self.$name != other.$name {
                    names.push(stringify!($name));
                })*
                names
            }

            /// Sets a value from text, as a command line has it: several texts for a list, one for anything else.
            ///
            /// # Errors
            /// [`Error::Setting`](crate::Error::Setting) if there is no such option or the text is no value of it.
            pub fn set(&mut self, name: &'static str, texts: &[std::ffi::OsString]) -> $crate::Result<()> {
                match name {
                    $(stringify!($name) => self.$name = Some($crate::option::parsed(name, texts)?),)*
                    _ => return Err($crate::option::unknown(name)),
                }
                Ok(())
            }

            /// Refuses numbers outside the range of their option.
            ///
            /// # Errors
            /// [`Error::Setting`](crate::Error::Setting) with the range.
            pub fn check_ranges(&self) -> $crate::Result<()> {
                let mut definitions = Self::DEFINITIONS.iter();
                $(if let (Some(definition), Some(value)) = (definitions.next(), &self.$name) {
                    $crate::option::OptionValue::numbers(value)
                        .into_iter()
                        .try_for_each(|number| definition.range.check(stringify!($name), number))?;
                })*
                Ok(())
            }
        }
    };
}

/// The value of an option.
///
/// # Errors
/// [`Error::Setting`] with what is wrong with the text.
#[doc(hidden)]
pub fn parsed<T: OptionValue>(name: &'static str, texts: &[OsString]) -> Result<T> {
    let given = || texts.join(OsStr::new(",")).display().to_string();
    T::parse_all(texts).map_err(|allowed| Error::out_of_range(name, given(), allowed))
}

#[doc(hidden)]
pub fn unknown(name: &'static str) -> Error {
    Error::Setting { setting: name, problem: SettingProblem::Unused { context: "by anything".to_owned() } }
}
