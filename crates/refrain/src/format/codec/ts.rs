//! Labelled time series in the `.ts` format of sktime and of the UEA and UCR archive of time series classification:
//! a header of `@` tags, then one sequence per line. Colons separate its dimensions, commas their steps, and the label
//! comes last:
//!
//! ```text
//! @timeStamps false
//! @dimensions 2
//! @classLabel true left right
//! @data
//! 0.1,0.2,0.3:7,8,9:left
//! ```

use std::io::Read;

use super::number::number;
use crate::error::excerpt;
use crate::format::frames::{FrameSequence, Labels};
use crate::format::text::text_of;
use crate::{Error, InputProblem, Place, Result};

/// The sequences of a `.ts` file, named `place` in messages, with their numbers from 1 as names. Tags are not case
/// sensitive, and those that do not describe the numbers are skipped. After `@classLabel false` there are no labels.
///
/// # Errors
/// As [`text_of`]; [`Error::Input`] with the line of a contradiction to the header or within a sequence: a label that
/// `@classLabel` does not list, dimensions of different lengths, another number of dimensions or steps than declared.
/// Also for missing or non-finite values, time stamps, and numeric targets.
pub fn ts_of(place: impl Into<Place>, input: impl Read) -> Result<Vec<FrameSequence>> {
    let place = place.into();
    sequences(&place, &text_of(&place, input)?)
}

fn sequences(place: &Place, text: &str) -> Result<Vec<FrameSequence>> {
    let mut lines =
        (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let mut header = Header::default();
    let data = loop {
        match lines.next() {
            Some((line, text)) if text.eq_ignore_ascii_case("@data") => break line,
            Some((line, text)) => {
                header.read(text).map_err(|problem| Error::input(place.at(line), problem))?
            }
            None => {
                let remedy = "write one before the sequences";
                return Err(Error::malformed(place, "has no `@data` line", remedy));
            }
        }
    };
    if header.classes.is_none() {
        let remedy = "write `@classLabel true` and all labels into the header, or `@classLabel false` if the sequences \
                      have none";
        return Err(Error::malformed(place.at(data), "comes before any `@classLabel`", remedy));
    }
    let mut sequences = vec![];
    for (line, text) in lines {
        let (values, width, labels) = header.sequence(text, &place.at(line))?;
        let name = (sequences.len() + 1).to_string();
        sequences.push(FrameSequence { values, width, columns: [].into(), labels, name, line: Some(line) });
    }
    if sequences.is_empty() {
        return Err(Error::too_little(place.at(data), "is not followed by sequences", "write one per line"));
    }
    Ok(sequences)
}

/// The declarations of the header; missing ones are taken from the first sequence.
#[derive(Default)]
struct Header {
    dimensions: Option<usize>,
    equal_length: bool,
    length: Option<usize>,
    /// Empty if the sequences have no labels.
    classes: Option<Vec<String>>,
}

impl Header {
    fn read(&mut self, line: &str) -> Result<(), InputProblem> {
        let malformed = |found: &str, expected: &str| InputProblem::malformed(found, expected);
        let Some(tag) = line.strip_prefix('@') else {
            let expected = "a header line starts with `@`, a comment with `#`";
            return Err(malformed("comes before `@data`", expected));
        };
        let mut words = tag.split_whitespace();
        let (name, word) = (words.next().unwrap_or_default(), words.next());
        let flag = || match word {
            Some(word) if word.eq_ignore_ascii_case("true") => Ok(true),
            Some(word) if word.eq_ignore_ascii_case("false") => Ok(false),
            _ => {
                Err(malformed(&format!("`@{}` needs `true` or `false`", excerpt(name)), "write one of them"))
            }
        };
        let count = || match word.and_then(|word| word.parse().ok()) {
            Some(count) if count > 0 => Ok(count),
            _ => Err(malformed(&format!("`@{}` needs a number of at least 1", excerpt(name)), "write one")),
        };
        match name.to_ascii_lowercase().as_str() {
            "timestamps" if flag()? => {
                let remedy = "write only the values, at equal intervals, and `@timeStamps false`";
                return Err(malformed("time stamps are not supported", remedy));
            }
            "targetlabel" if flag()? => {
                let remedy = "use classes, declared by `@classLabel`";
                return Err(malformed("numeric targets are not supported", remedy));
            }
            "univariate" if flag()? => self.declare_dimensions(1)?,
            "dimensions" | "dimension" => self.declare_dimensions(count()?)?,
            "equallength" => self.equal_length = flag()?,
            "serieslength" => self.length = Some(count()?),
            "classlabel" => {
                let classes: Vec<String> = words.map(str::to_owned).collect();
                if flag()? == classes.is_empty() {
                    let found = "`@classLabel` needs `true` and all labels, or `false` and none";
                    return Err(malformed(found, "correct it"));
                }
                self.classes = Some(classes);
            }
            _ => {}
        }
        Ok(())
    }

    fn declare_dimensions(&mut self, count: usize) -> Result<(), InputProblem> {
        match *self.dimensions.get_or_insert(count) {
            same if same == count => Ok(()),
            other => {
                let found = format!("declares {count} dimensions after {other}");
                Err(InputProblem::malformed(found, "correct one of the two tags"))
            }
        }
    }

    /// The values `[T, D]` of a line at `place`, `D`, and its label.
    fn sequence(&mut self, line: &str, place: &Place) -> Result<(Vec<f32>, usize, Labels)> {
        let malformed = |found: String, expected: &str| Error::malformed(place, found, expected);
        let mut parts: Vec<&str> = line.split(':').collect();
        let labels = match self.classes.as_deref() {
            None | Some([]) => Labels::None,
            Some(classes) => {
                let label = parts.pop().unwrap_or_default().trim();
                if !classes.iter().any(|class| class == label) {
                    let found = format!(
                        "the label {:?}, after the last colon, is not listed by `@classLabel`",
                        excerpt(label)
                    );
                    return Err(malformed(found, "correct it or add it there"));
                }
                Labels::One(label.to_owned())
            }
        };
        let width = *self.dimensions.get_or_insert(parts.len());
        if parts.len() != width || width == 0 {
            let expected = format!("expected {width}, separated by colons");
            return Err(malformed(format!("has {} dimensions", parts.len()), &expected));
        }
        let columns = (1..).zip(&parts).map(|(dimension, part)| column(place, dimension, part));
        let columns = columns.collect::<Result<Vec<Vec<f32>>>>()?;
        let steps = columns[0].len();
        if let Some(other) = columns.iter().position(|column| column.len() != steps) {
            let found = format!(
                "dimension 1 has {steps} steps, dimension {} has {}",
                other + 1,
                columns[other].len()
            );
            return Err(malformed(found, "all need the same number"));
        }
        if self.equal_length && *self.length.get_or_insert(steps) != steps {
            let declared = self.length.unwrap_or_default();
            let found = format!("has {steps} steps where {declared} are declared");
            return Err(malformed(found, "correct it, or write `@equalLength false`"));
        }
        let values = (0..steps).flat_map(|step| columns.iter().map(move |column| column[step])).collect();
        Ok((values, width, labels))
    }
}

/// The steps of dimension number `dimension` of a line.
fn column(place: &Place, dimension: usize, part: &str) -> Result<Vec<f32>> {
    let values = (1..).zip(part.split(',')).map(|(step, text)| {
        let place = || place.clone().field(format!("dimension {dimension}, step {step}"));
        number(text, "").map_err(|problem| Error::input(place(), problem))
    });
    values.collect()
}

#[cfg(test)]
#[path = "ts_tests.rs"]
mod tests;
