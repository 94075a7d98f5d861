//! Properties of a text at every position, with which units are compared.

use std::path::Path;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::{Error, Place, Result};

/// A property of a text, one value per token: the value after that token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Property {
    /// Name to display.
    pub name: String,
    /// The type of its values.
    pub kind: PropertyKind,
    /// `[T]`.
    #[serde(serialize_with = "integers_if_possible")]
    pub values: Vec<f32>,
}

/// Most properties are counts, and `3` is shorter than `3.0`.
fn integers_if_possible<S: Serializer>(
    values: &[f32],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    let mut sequence = serializer.serialize_seq(Some(values.len()))?;
    for &x in values {
        match x.fract() == 0.0 && x.abs() < 1e6 {
            true => sequence.serialize_element(&(x as i32))?,
            false => sequence.serialize_element(&x)?,
        }
    }
    sequence.end()
}

/// The type of a property's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PropertyKind {
    /// 1 or 0.
    #[serde(rename = "yes or no")]
    Flag,
    /// Any.
    #[serde(rename = "number")]
    Number,
}

/// Number of most frequent letters that are properties.
const LETTERS: usize = 12;
/// Minimum number of positions with, and without, a property.
const MIN_TIMES: usize = 8;

/// The properties that vary within a text of these tokens.
pub fn properties(tokens: &[String]) -> Vec<Property> {
    let mut places: Vec<Position> = Vec::with_capacity(tokens.len());
    let mut place = Position::default();
    for token in tokens {
        token.chars().for_each(|c| place = place.after(c));
        places.push(place);
    }
    let number = |name: &str, value: &dyn Fn(&Position) -> usize| Property {
        name: name.to_owned(),
        kind: PropertyKind::Number,
        values: places.iter().map(|place| value(place) as f32).collect(),
    };
    let flag = |name: &str, holds: &dyn Fn(&Position) -> bool| Property {
        name: name.to_owned(),
        kind: PropertyKind::Flag,
        values: places.iter().map(|place| f32::from(u8::from(holds(place)))).collect(),
    };
    let mut all = vec![
        number("nesting depth", &|place| place.depth),
        number("position in line", &|place| place.in_line),
        number("position in word", &|place| place.in_word),
        number("indentation", &|place| place.indentation),
        flag("inside brackets", &|place| place.depth > 0),
        flag("inside quotes", &|place| place.quoted),
        flag("start of a word", &|place| place.in_word == 1),
        flag("upper case", &|place| place.last.is_uppercase()),
        flag("letter", &|place| place.last.is_alphabetic()),
        flag("vowel", &|place| is_vowel(place.last)),
        flag("digit", &|place| place.last.is_numeric()),
        flag("space", &|place| place.last == ' '),
        flag("end of a line", &|place| place.last == '\n'),
        flag("punctuation", &|place| place.last.is_ascii_punctuation()),
    ];
    all.extend(frequent_letters(&places).into_iter().map(|letter| {
        flag(&format!("the letter {letter}"), &|place| place.last.to_lowercase().eq(letter.to_lowercase()))
    }));
    all.retain(varies);
    all
}

impl Property {
    /// A property from a file: one number per token, separated by white space.
    ///
    /// # Errors
    /// For words that are not numbers, and if there is not one per token.
    pub fn from_text(path: &Path, text: &str, tokens: usize) -> Result<Self> {
        let mut values: Vec<f32> = vec![];
        let place = Place::of(path.display());
        for (line, content) in (1..).zip(text.lines()) {
            for word in content.split_whitespace() {
                let value = word.parse::<f32>().ok().filter(|value| value.is_finite());
                values.push(value.ok_or_else(|| {
                    let found = format!("\"{word}\" is not a number");
                    Error::malformed(place.clone().line(line), found, "give one number per token of the text")
                })?);
            }
        }
        if values.len() != tokens {
            let found = format!("has {} numbers for {tokens} tokens", values.len());
            return Err(Error::malformed(place, found, "give one number per token"));
        }
        let kind = match values.iter().all(|&x| x == 0.0 || x == 1.0) {
            true => PropertyKind::Flag,
            false => PropertyKind::Number,
        };
        let name = path.file_stem().map_or_else(|| "annotation".into(), |stem| stem.to_string_lossy());
        Ok(Self { name: name.into_owned(), kind, values })
    }
}

/// Whether its values differ from the first one, and equal it, at enough positions.
fn varies(property: &Property) -> bool {
    let Some(&first) = property.values.first() else { return false };
    let same = property.values.iter().filter(|&&x| x == first).count();
    same.min(property.values.len() - same) >= MIN_TIMES
}

/// Position in a text after a character.
#[derive(Clone, Copy, Debug)]
struct Position {
    last: char,
    depth: usize,
    quoted: bool,
    in_line: usize,
    in_word: usize,
    indentation: usize,
}

impl Default for Position {
    fn default() -> Self {
        Self { last: '\n', depth: 0, quoted: false, in_line: 0, in_word: 0, indentation: 0 }
    }
}

impl Position {
    fn after(self, c: char) -> Self {
        let begins_line = self.last == '\n';
        let still_indented = self.indentation == self.in_line;
        Self {
            last: c,
            depth: match c {
                '(' | '[' | '{' => self.depth + 1,
                ')' | ']' | '}' => self.depth.saturating_sub(1),
                _ => self.depth,
            },
            quoted: match c {
                '"' => !self.quoted,
                '\u{201c}' | '\u{ab}' => true,
                '\u{201d}' | '\u{bb}' => false,
                // An unclosed quotation ends with its paragraph.
                '\n' if begins_line => false,
                _ => self.quoted,
            },
            in_line: if c == '\n' { 0 } else { self.in_line + 1 },
            in_word: if c.is_alphanumeric() { self.in_word + 1 } else { 0 },
            indentation: match c {
                '\n' => 0,
                ' ' | '\t' if still_indented => self.indentation + 1,
                _ => self.indentation,
            },
        }
    }
}

fn is_vowel(c: char) -> bool {
    "aeiouyäöüåæøàáâãèéêëìíîïòóôõùúûаеёиоуыэюя".contains(c.to_lowercase().next().unwrap_or(c))
}

/// The most frequent letters, in lower case, most frequent first.
fn frequent_letters(places: &[Position]) -> Vec<char> {
    let mut counts = std::collections::BTreeMap::new();
    for place in places.iter().filter(|place| place.last.is_alphabetic()) {
        *counts.entry(place.last.to_lowercase().next().unwrap_or(place.last)).or_insert(0_u32) += 1;
    }
    let mut counts: Vec<(char, u32)> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counts.into_iter().take(LETTERS).map(|(letter, _)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, name: &str) -> Vec<f32> {
        let tokens: Vec<String> = text.repeat(MIN_TIMES).chars().map(String::from).collect();
        let all = properties(&tokens);
        let property = all.iter().find(|property| property.name == name);
        property.map_or(vec![], |property| property.values[..text.chars().count()].to_vec())
    }

    #[test]
    fn properties_have_the_expected_values() {
        assert_eq!(values("a(b[c])d\n", "nesting depth"), [0., 1., 1., 2., 2., 1., 0., 0., 0.]);
        assert_eq!(values("x \"y\" z\n", "inside quotes"), [0., 0., 1., 1., 0., 0., 0., 0.]);
        assert_eq!(values("  if x\n", "indentation"), [1., 2., 2., 2., 2., 2., 0.]);
        assert_eq!(values("ab cd\n", "position in line"), [1., 2., 3., 4., 5., 0.]);
        assert_eq!(values("ab c1\n", "position in word"), [1., 2., 0., 1., 2., 0.]);
        assert_eq!(values("eE x\n", "the letter e"), [1., 1., 0., 0., 0.]);
    }

    #[test]
    fn constant_properties_are_left_out() {
        assert!(values("ab\n", "digit").is_empty() && values("ab\n", "nesting depth").is_empty());
        assert!(properties(&[]).is_empty());
    }
}
