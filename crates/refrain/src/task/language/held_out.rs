//! The validation text of a run.

use super::files::sources;
use crate::Result;
use crate::text::{Corpus, Source, Units, split};
use crate::train::{Example, Settings};

/// Maximum number of tokens, enough for any inspection.
const MAX_TOKENS: usize = 1 << 20;

/// The text that a run with these settings held out for validation, from the start of a line; `None` without a validation set.
///
/// # Errors
/// If its files cannot be read.
pub fn held_out(settings: &Settings) -> Result<Option<Source>> {
    let settings = settings.clone().with_preset().with_example();
    if settings.example == Some(Example::Sentences) {
        return Ok(None);
    }
    let units = settings.units.unwrap_or_default();
    let corpus = Corpus::scan(sources(&settings)?, units.symbols(), settings.raw.unwrap_or(false))?;
    let (_, valid) = split(corpus.len(), settings.valid_fraction.unwrap_or(0.1))?;
    let mut symbols = vec![0; usize::try_from(valid.end - valid.start).unwrap_or(MAX_TOKENS).min(MAX_TOKENS)];
    let count = corpus.reader(valid.start)?.read(&mut symbols)?;
    let text: Vec<u8> = match corpus.units() {
        Units::Byte => symbols[..count].iter().map(|&byte| byte as u8).collect(),
        Units::Char => {
            symbols[..count].iter().filter_map(|&c| char::from_u32(c)).collect::<String>().into_bytes()
        }
    };
    // The validation set may begin within a word, part of which belongs to the training set.
    let start = text.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let name = format!("the validation set of {}", corpus.name().display());
    Ok((start < text.len()).then(|| Source::memory(name, &text[start..])))
}
