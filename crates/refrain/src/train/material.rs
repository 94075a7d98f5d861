//! From settings to batches: the texts opened and scanned, the vocabulary made, training and validation part cut.

use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::settings::{Example, Settings};
use super::{Config, sizes};
use crate::data::{Batches, Evaluation, Lines, Sequences, Windows};
use crate::text::{
    Corpus, Source, SymbolCounts, Units, Vocabulary, examples, split, split_at_line, thousands,
};
use crate::{Error, Result};

/// What a run learns from and is measured on.
pub(super) struct Material {
    pub(super) vocabulary: Arc<Vocabulary>,
    pub(super) train: Batches,
    pub(super) valid: Option<Batches>,
    /// The text, in words.
    pub(super) name: String,
    /// Identifies the text.
    pub(super) digest: String,
    pub(super) train_symbols: u64,
    pub(super) valid_symbols: u64,
    /// What the user should know about how the text was read.
    pub(super) notes: Vec<String>,
    /// Seconds of the run's time that went into choosing sizes.
    pub(super) preparation_s: f64,
}

/// Validation during training measures on about this many symbols at most, spread over the validation part.
pub(super) const VALIDATION_SYMBOLS: u64 = 250_000;
/// Lanes of validation, and the symbols each reads first to fill its state.
const VALIDATION_LANES: usize = 32;
const VALIDATION_WARM_UP: u64 = 256;

/// Opens what the settings name and resolves them for it.
pub(super) fn prepare(settings: Settings) -> Result<(Config, Material)> {
    let mut settings = settings.with_preset().with_example();
    if settings.example == Some(Example::Sentences) {
        return sentences(settings);
    }
    let (units, raw) = (settings.units.unwrap_or_default(), settings.raw.unwrap_or(false));
    let sources = match settings.example {
        Some(_) if settings.text.as_ref().is_some_and(|text| !text.is_empty()) => {
            return Err(Error::Config("both --example and a text are given: choose one".to_owned()));
        }
        Some(Example::Brackets) => {
            let text = examples::brackets(settings.seed.unwrap_or(1), examples::BRACKETS_DEFAULT_SYMBOLS);
            vec![Source::memory("the brackets example", text)]
        }
        Some(_) => {
            vec![Source::memory("the Latin example (Cicero, De finibus, book one)", examples::latin())]
        }
        None => settings.text.iter().flatten().map(Source::file).collect(),
    };
    let corpus = Corpus::scan(sources, units, raw)?;
    let fraction = settings.valid_fraction.unwrap_or(0.1);
    let (train, valid) = match settings.lines.unwrap_or(false) {
        true => split_at_line(&corpus, fraction)?,
        false => split(corpus.len(), fraction)?,
    };
    let chosen = sizes::choose(&settings, train.end, corpus.counts().iter().count().max(1))?;
    if let Some(chosen) = &chosen {
        settings = chosen.settings.clone();
    }
    let config = Config::resolve(settings, train.end)?;
    let vocabulary = Vocabulary::from_counts(units, corpus.counts(), config.min_count, true)?;
    let vocabulary = Arc::new(vocabulary);
    let (batches, valid_batches) = if config.lines {
        let lines =
            Lines::new(&corpus, vocabulary.clone(), train.clone(), config.batch_size, Some(config.seed))?;
        // Shuffled, so that the first batches are a fair sample of a part too large to measure whole.
        let shuffled = Some(config.seed);
        let measure = || Lines::new(&corpus, vocabulary.clone(), valid.clone(), config.batch_size, shuffled);
        (Batches::from(lines), (!valid.is_empty()).then(measure).transpose()?.map(Batches::from))
    } else {
        let windows =
            Windows::new(&corpus, vocabulary.clone(), train.clone(), config.batch_size, config.seq_length)?;
        let how = Evaluation {
            rows: VALIDATION_LANES,
            steps: config.seq_length.max(64),
            warm_up: VALIDATION_WARM_UP,
            limit: Some(VALIDATION_SYMBOLS),
        };
        let measure = || Windows::evaluation(&corpus, vocabulary.clone(), valid.clone(), how);
        (Batches::from(windows), (valid.end - valid.start > 1).then(measure).transpose()?.map(Batches::from))
    };
    let why_sizes = chosen.iter().map(|chosen| chosen.note.clone());
    let notes = corpus.notes().iter().cloned().chain(batches.notes()).chain(why_sizes).collect();
    let material = Material {
        name: format!("{}, {} {}", corpus.name().display(), thousands(corpus.len()), units.plural()),
        digest: digest(corpus.counts(), corpus.fingerprint()),
        vocabulary,
        train: batches,
        valid: valid_batches,
        train_symbols: train.end,
        valid_symbols: valid.end - valid.start,
        notes,
        preparation_s: chosen.map_or(0.0, |chosen| chosen.seconds),
    };
    Ok((config, material))
}

/// The three sentences of the tutorial: one batch, no unknown symbol, nothing held back.
fn sentences(settings: Settings) -> Result<(Config, Material)> {
    let sentences = examples::sentences();
    let counts = SymbolCounts::of(Units::Char, &sentences.concat());
    let vocabulary = Arc::new(Vocabulary::from_counts(Units::Char, &counts, 1, false)?);
    let config = Config::resolve(settings, counts.total())?;
    if config.valid_fraction > 0.0 {
        return Err(Error::Config(
            "the sentences example holds nothing back: leave out --valid-fraction".to_owned(),
        ));
    }
    let ids = sentences.iter().map(|sentence| vocabulary.encode_prompt(sentence)).collect::<Result<_>>()?;
    let material = Material {
        name: "the sentences example, three of 15 characters".to_owned(),
        digest: digest(&counts, 0),
        vocabulary,
        train: Sequences::new(ids)?.into(),
        valid: None,
        train_symbols: counts.total(),
        valid_symbols: 0,
        notes: vec![],
        preparation_s: 0.0,
    };
    Ok((config, material))
}

/// A text with these counts and this fingerprint is taken to be the same text.
fn digest(counts: &SymbolCounts, fingerprint: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(fingerprint.to_le_bytes());
    for (symbol, count) in counts.iter() {
        hash.update(symbol.to_le_bytes());
        hash.update(count.to_le_bytes());
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
