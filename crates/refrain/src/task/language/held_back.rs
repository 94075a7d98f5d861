//! The part of its text that a run did not learn from.

use super::files::sources;
use crate::Result;
use crate::text::{Corpus, Source, Units, split};
use crate::train::{Example, Settings};

/// The most symbols that are given: enough for anything that is looked at.
const MOST: usize = 1 << 20;

/// The text that a run with these settings held back for validation, from the start of a line on; none if it held none back.
///
/// # Errors
/// If its files cannot be read any more.
pub fn held_back(settings: &Settings) -> Result<Option<Source>> {
    let settings = settings.clone().with_preset().with_example();
    if settings.example == Some(Example::Sentences) {
        return Ok(None);
    }
    let units = settings.units.unwrap_or_default();
    let corpus = Corpus::scan(sources(&settings)?, units.symbols(), settings.raw.unwrap_or(false))?;
    let (_, held) = split(corpus.len(), settings.valid_fraction.unwrap_or(0.1))?;
    let mut symbols = vec![0; usize::try_from(held.end - held.start).unwrap_or(MOST).min(MOST)];
    let count = corpus.reader(held.start)?.read(&mut symbols)?;
    let text: Vec<u8> = match corpus.units() {
        Units::Byte => symbols[..count].iter().map(|&byte| byte as u8).collect(),
        Units::Char => {
            symbols[..count].iter().filter_map(|&c| char::from_u32(c)).collect::<String>().into_bytes()
        }
    };
    // Words do not end where characters were counted off: what is begun may have been learned from.
    let start = text.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let name = format!("what was held back of {}", corpus.name().display());
    Ok((start < text.len()).then(|| Source::memory(name, &text[start..])))
}
