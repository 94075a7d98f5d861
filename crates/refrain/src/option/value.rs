//! The types of option values: how each is written and read.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer, forward_to_deserialize_any};

use crate::PrecisionChoice;
use crate::error::{Error, SettingProblem};
use crate::format::Column;
use crate::layer::AttentionKind;
use crate::model::{ActivationKind, CellKind, PoolingKind, ResetGate, TaskName};
use crate::text::TokenUnits;

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// One of these names.
    Choice(&'static [&'static str]),
    /// A time: `90s`, `2m`, `1.5h`.
    Time,
    /// A path.
    Path,
    /// Any text.
    Text,
    /// A column, by number or name.
    Column,
    /// Several values.
    List(fn() -> Kind),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Bool => f.write_str("true or false"),
            Kind::Integer => f.write_str("integer"),
            Kind::Number => f.write_str("number"),
            Kind::Choice(names) => f.write_str(&super::alternatives(names)),
            Kind::Time => f.write_str("time (90s, 2m, 1.5h)"),
            Kind::Path => f.write_str("path"),
            Kind::Text => f.write_str("text"),
            Kind::Column => f.write_str("column number or name"),
            Kind::List(of) => write!(f, "list: {}", of()),
        }
    }
}

/// A type whose values are options.
pub trait OptionValue: Sized {
    /// How it is written.
    fn kind() -> Kind;

    /// Reads one value.
    ///
    /// # Errors
    /// What to give instead.
    fn parse(text: &str) -> Result<Self, String>;

    /// The same of text that the operating system gave.
    ///
    /// # Errors
    /// As [`OptionValue::parse`]; for text that is not UTF-8, unless it is a path.
    fn parse_os(text: &OsStr) -> Result<Self, String> {
        Self::parse(text.to_str().ok_or("text in UTF-8")?)
    }

    /// Reads the texts of a command line. All but lists take the last one.
    ///
    /// # Errors
    /// As [`OptionValue::parse_os`].
    fn parse_all(texts: &[OsString]) -> Result<Self, String> {
        Self::parse_os(texts.last().map_or(OsStr::new(""), OsString::as_os_str))
    }

    /// Refuses text that is no value.
    ///
    /// # Errors
    /// As [`OptionValue::parse`].
    fn check(text: &str) -> Result<(), String> {
        Self::parse(text).map(drop)
    }

    /// The numbers in it, which have to be in the option's range.
    fn numbers(&self) -> Vec<f64> {
        vec![]
    }
}

macro_rules! numbers {
    ($($type:ident $kind:ident $words:literal,)*) => {
        $(impl OptionValue for $type {
            fn kind() -> Kind {
                Kind::$kind
            }

            fn parse(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| $words.to_owned())
            }

            fn numbers(&self) -> Vec<f64> {
                vec![*self as f64]
            }
        })*
    };
}

numbers! {
    u8 Integer "a whole number from 0 to 255",
    u16 Integer "a whole number from 0 to 65535",
    u32 Integer "a whole number of at least 0",
    u64 Integer "a whole number of at least 0",
    usize Integer "a whole number of at least 0",
    f64 Number "a number",
}

// The shortest decimal that reads back as the same f32, as it was given.
impl OptionValue for f32 {
    fn kind() -> Kind {
        Kind::Number
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "a number".to_owned())
    }

    fn numbers(&self) -> Vec<f64> {
        vec![self.to_string().parse().unwrap_or(f64::NAN)]
    }
}

impl OptionValue for bool {
    fn kind() -> Kind {
        Kind::Bool
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "true or false".to_owned())
    }
}

impl OptionValue for String {
    fn kind() -> Kind {
        Kind::Text
    }

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl OptionValue for PathBuf {
    fn kind() -> Kind {
        Kind::Path
    }

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }

    fn parse_os(text: &OsStr) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl OptionValue for Column {
    fn kind() -> Kind {
        Kind::Column
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error| match error {
            Error::Setting { problem: SettingProblem::OutOfRange { allowed, .. }, .. } => allowed,
            error => error.to_string(),
        })
    }
}

impl<T: OptionValue> OptionValue for Vec<T> {
    fn kind() -> Kind {
        Kind::List(T::kind)
    }

    fn parse(text: &str) -> Result<Self, String> {
        Ok(vec![T::parse(text)?])
    }

    fn parse_all(texts: &[OsString]) -> Result<Self, String> {
        texts.iter().map(|text| T::parse_os(text)).collect()
    }

    fn numbers(&self) -> Vec<f64> {
        self.iter().flat_map(T::numbers).collect()
    }
}

/// Makes enums option values, by the names that serde gives their variants.
#[macro_export]
macro_rules! choices {
    ($($type:ty),* $(,)?) => {
        $(impl $crate::option::OptionValue for $type {
            fn kind() -> $crate::option::Kind {
                $crate::option::Kind::Choice($crate::option::variants::<$type>())
            }

            fn parse(text: &str) -> Result<Self, String> {
                $crate::option::choice(text)
            }
        })*
    };
}

choices!(
    ActivationKind,
    AttentionKind,
    CellKind,
    PoolingKind,
    PrecisionChoice,
    ResetGate,
    TaskName,
    TokenUnits
);

/// The variant of this name.
///
/// # Errors
/// The names that there are.
#[doc(hidden)]
pub fn choice<T: for<'de> Deserialize<'de>>(name: &str) -> Result<T, String> {
    let name: StrDeserializer<'_, ValueError> = name.into_deserializer();
    T::deserialize(name).map_err(|_| super::alternatives(variants::<T>()))
}

/// The names of an enum's variants, as serde has them. Empty for what is no enum.
pub fn variants<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    /// Fails as soon as it has been given the names.
    struct Names<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = ValueError;

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _name: &'static str,
            variants: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, ValueError> {
            *self.0 = variants;
            Err(serde::de::Error::custom("only the names"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, ValueError> {
            Err(serde::de::Error::custom("not an enum"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    // It always fails; the names are what is wanted.
    let _ = T::deserialize(Names(&mut names));
    names
}

/// A stretch of time: `90s`, `2m`, `1.5h`, or seconds without a letter.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Span {
    /// Its length.
    pub seconds: f64,
}

impl OptionValue for Span {
    fn kind() -> Kind {
        Kind::Time
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, unit) = match text.char_indices().last() {
            Some((at, 's')) => (&text[..at], 1.0),
            Some((at, 'm')) => (&text[..at], 60.0),
            Some((at, 'h')) => (&text[..at], 3600.0),
            _ => (text, 1.0),
        };
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(Span { seconds: number * unit }),
            _ => Err("a time above 0, as 90s, 2m or 1.5h".to_owned()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds {
            s if s >= 3600.0 && s % 360.0 == 0.0 => write!(f, "{}h", s / 3600.0),
            s if s >= 60.0 && s % 60.0 == 0.0 => write!(f, "{}m", s / 60.0),
            s => write!(f, "{s}s"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|expected| serde::de::Error::custom(format!("`{text}` is not {expected}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds, written) in
            [("90", 90.0, "90s"), ("2m", 120.0, "2m"), ("1.5h", 5400.0, "1.5h"), ("0.5s", 0.5, "0.5s")]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.seconds, seconds);
            assert_eq!(span.to_string(), written);
            assert_eq!(written.parse::<Span>(), Ok(span));
        }
        for bad in ["", "m", "-2m", "0", "soon", "1e999", "NaN"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn enums_have_the_names_that_files_use() {
        assert_eq!(variants::<CellKind>(), ["rnn", "gru", "lstm"]);
        assert_eq!(variants::<TokenUnits>(), ["char", "byte", "word", "bpe"]);
        assert_eq!(variants::<TaskName>(), TaskName::ALL.map(TaskName::name));
        assert_eq!(variants::<String>(), [""; 0]);
        assert_eq!(CellKind::parse("gru"), Ok(CellKind::Gru));
        assert_eq!(CellKind::parse("cnn"), Err("rnn, gru or lstm".to_owned()));
    }

    #[test]
    fn lists_take_all_texts_and_other_values_the_last() {
        let texts = ["1".into(), "2".into()];
        assert_eq!(Vec::<usize>::parse_all(&texts), Ok(vec![1, 2]));
        assert_eq!(usize::parse_all(&texts), Ok(2));
        assert!(f32::parse("much").is_err());
        assert_eq!(0.1_f32.numbers(), [0.1]);
    }
}
