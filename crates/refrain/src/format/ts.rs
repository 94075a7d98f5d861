//! Labelled time series in the `.ts` format of sktime and of the UEA and UCR archive of time series classification:
//! a header of `@` tags, then one sequence a line. Its dimensions are apart by colons, their steps by commas, and
//! its label comes last:
//!
//! ```text
//! @timeStamps false
//! @dimensions 2
//! @classLabel true left right
//! @data
//! 0.1,0.2,0.3:7,8,9:left
//! ```

use std::path::Path;

use super::frames::{FrameSequence, Labels};
use super::number::{excerpt, number};
use super::read_text;
use crate::{Error, Result};

/// The sequences of a `.ts` file, their names being their numbers from 1. Tags are read without regard to case, those
/// that say nothing about the numbers are passed over. After `@classLabel false` there are no labels.
///
/// # Errors
/// As [`read_text`], and [`Error::Data`] with the line of what contradicts the header or itself: a label that
/// `@classLabel` does not list, dimensions of different lengths, another number of dimensions or steps than declared.
/// So also for values that are missing or not finite, time stamps, and numeric targets instead of classes.
pub fn read_ts(path: &Path) -> Result<Vec<FrameSequence>> {
    ts_of(path, &read_text(path)?)
}

fn ts_of(path: &Path, text: &str) -> Result<Vec<FrameSequence>> {
    let mut lines =
        (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let mut header = Header::default();
    let data = loop {
        match lines.next() {
            Some((line, text)) if text.eq_ignore_ascii_case("@data") => break line,
            Some((line, text)) => header.read(text).map_err(|message| Error::data(path, line, message))?,
            None => {
                return Err(Error::data(path, None, "has no `@data` line, which goes before the sequences"));
            }
        }
    };
    if header.classes.is_none() {
        let message = "comes before any `@classLabel`: write `@classLabel true` and all labels into the header, or \
                       `@classLabel false` if the sequences have none";
        return Err(Error::data(path, data, message));
    }
    let mut sequences = vec![];
    for (line, text) in lines {
        let (values, width, labels) =
            header.sequence(text).map_err(|message| Error::data(path, line, message))?;
        let name = (sequences.len() + 1).to_string();
        sequences.push(FrameSequence { values, width, columns: [].into(), labels, name, line: Some(line) });
    }
    if sequences.is_empty() {
        return Err(Error::data(path, data, "is followed by no sequence"));
    }
    Ok(sequences)
}

/// What the header declares, or the first sequence for the others to agree with.
#[derive(Default)]
struct Header {
    dimensions: Option<usize>,
    equal_length: bool,
    length: Option<usize>,
    /// Empty if the sequences have no labels.
    classes: Option<Vec<String>>,
}

impl Header {
    fn read(&mut self, line: &str) -> Result<(), String> {
        let Some(tag) = line.strip_prefix('@') else {
            return Err("comes before `@data`: a header line begins with `@`, a comment with `#`".to_owned());
        };
        let mut words = tag.split_whitespace();
        let (name, word) = (words.next().unwrap_or_default(), words.next());
        let flag = || match word {
            Some(word) if word.eq_ignore_ascii_case("true") => Ok(true),
            Some(word) if word.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(format!("`@{}` needs `true` or `false`", excerpt(name))),
        };
        let count = || match word.and_then(|word| word.parse().ok()) {
            Some(count) if count > 0 => Ok(count),
            _ => Err(format!("`@{}` needs a number of at least 1", excerpt(name))),
        };
        match name.to_ascii_lowercase().as_str() {
            "timestamps" if flag()? => {
                return Err("time stamps are not read: write the values alone, at equal intervals, and \
                            `@timeStamps false`"
                    .to_owned());
            }
            "targetlabel" if flag()? => {
                return Err("numeric targets are not read: use classes, declared by `@classLabel`".to_owned());
            }
            "univariate" if flag()? => self.declare_dimensions(1)?,
            "dimensions" | "dimension" => self.declare_dimensions(count()?)?,
            "equallength" => self.equal_length = flag()?,
            "serieslength" => self.length = Some(count()?),
            "classlabel" => {
                let classes: Vec<String> = words.map(str::to_owned).collect();
                if flag()? == classes.is_empty() {
                    return Err("`@classLabel` needs `true` and all labels, or `false` and none".to_owned());
                }
                self.classes = Some(classes);
            }
            _ => {}
        }
        Ok(())
    }

    fn declare_dimensions(&mut self, count: usize) -> Result<(), String> {
        match *self.dimensions.get_or_insert(count) {
            same if same == count => Ok(()),
            other => Err(format!("declares {count} dimensions after {other}: correct one of the two tags")),
        }
    }

    /// The values `[T, D]` of a line, `D`, and its label.
    fn sequence(&mut self, line: &str) -> Result<(Vec<f32>, usize, Labels), String> {
        let mut parts: Vec<&str> = line.split(':').collect();
        let labels = match self.classes.as_deref() {
            None | Some([]) => Labels::None,
            Some(classes) => {
                let label = parts.pop().unwrap_or_default().trim();
                if !classes.iter().any(|class| class == label) {
                    return Err(format!(
                        "the label `{}`, behind the last colon, is not one that `@classLabel` lists: correct it or \
                         add it there",
                        excerpt(label)
                    ));
                }
                Labels::One(label.to_owned())
            }
        };
        let width = *self.dimensions.get_or_insert(parts.len());
        if parts.len() != width || width == 0 {
            return Err(format!(
                "has {} dimensions, expected {width}, with colons between them",
                parts.len()
            ));
        }
        let columns = (1..).zip(&parts).map(|(dimension, part)| column(dimension, part));
        let columns = columns.collect::<Result<Vec<Vec<f32>>, String>>()?;
        let steps = columns[0].len();
        if let Some(other) = columns.iter().position(|column| column.len() != steps) {
            return Err(format!(
                "dimension 1 has {steps} steps, dimension {} has {}: all need the same",
                other + 1,
                columns[other].len()
            ));
        }
        if self.equal_length && *self.length.get_or_insert(steps) != steps {
            return Err(format!(
                "has {steps} steps where {} are declared: correct it, or write `@equalLength false`",
                self.length.unwrap_or_default()
            ));
        }
        let values = (0..steps).flat_map(|step| columns.iter().map(move |column| column[step])).collect();
        Ok((values, width, labels))
    }
}

/// All steps of one dimension, which is the `dimension`th of its line.
fn column(dimension: usize, part: &str) -> Result<Vec<f32>, String> {
    let values = (1..).zip(part.split(',')).map(|(step, text)| {
        number(text).map_err(|message: String| format!("dimension {dimension}, step {step}: {message}"))
    });
    values.collect()
}

#[cfg(test)]
#[path = "ts_tests.rs"]
mod tests;
