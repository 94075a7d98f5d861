//! Prepares a run of a language model: scans the texts, builds the vocabulary, splits training and validation set.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use refrain_kernels::Backend;
use sha2::{Digest, Sha256};

use super::resolve::{TextConfig, TextSize, architecture, resolve, vocabulary};
use super::time_limit;
use super::{Dataset, Language};
use crate::data::{Batches, DataLoader, Evaluation, Lines, Sequences, Windows};
use crate::inspect::Probe;
use crate::model::Weights;
use crate::number::thousands;
use crate::sample::{self, Generator};
use crate::task::require_same;
use crate::text::{
    Corpus, EncodedText, Source, SymbolCounts, TokenUnits, Units, Vocabulary, examples, split, split_at_line,
};
use crate::train::{
    Config, Data, DataSummary, Example, Prepared, Settings, TaskData, TrainableTask, VALIDATION_TARGETS,
};
use crate::{Error, Result};

/// Tokens that are probed regularly in training.
const PROBE_TOKENS: usize = 400;

/// Rows of validation, and the tokens that each reads first to warm up its state.
const VALIDATION_ROWS: usize = 32;
const VALIDATION_WARM_UP: u64 = 256;

impl TaskData for Dataset {
    type Task = Language;
}

impl TrainableTask for Language {
    type Dataset = Dataset;
    type Loader = Batches;

    fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Self>> {
        prepare(settings, data, backend)
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        require_same(
            self.vocabulary == other.vocabulary,
            "vocabulary: the text must have the same characters (or words)",
        )
    }

    fn sample<B: Backend>(&self, backend: &B, weights: &Weights<B>, seed: u64) -> Result<Option<String>> {
        let length = match self.vocabulary.units() {
            TokenUnits::Char | TokenUnits::Byte => 200,
            TokenUnits::Word | TokenUnits::Bpe => 50,
        };
        let options =
            sample::SamplingOptions { temperature: 0.8, seed, ..sample::SamplingOptions::default() };
        let mut generator = Generator::new(backend, &self.network, weights, &self.vocabulary, self.lines);
        let stream = generator.join("", length, &options)?;
        Ok(Some(String::from_utf8_lossy(&generator.finish(stream)).into_owned()))
    }

    fn probe<B: Backend>(&self, backend: &B, weights: &Weights<B>, text: &Source) -> Result<Option<Probe>> {
        let (ids, _) = self.tokens(text.clone(), PROBE_TOKENS)?;
        Ok(Some(super::inspect::probe(backend, self, weights, &ids)))
    }
}

/// Scans the texts and resolves the settings for them.
fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Language>> {
    let Data { train: Dataset { sources, example }, valid } = data;
    if valid.is_some() {
        let context =
            "for language models, whose validation set is the end of the text: use `valid_fraction`";
        return Err(Error::unused("valid", context));
    }
    let mut settings = Settings { example, ..settings.clone() }.with_preset();
    if example.is_some() {
        settings = settings.with_example();
    }
    if example == Some(Example::Sentences) {
        return sentences(&settings, backend);
    }
    let (units, raw) = (settings.units.unwrap_or_default(), settings.raw.unwrap_or(false));
    let corpus = Corpus::scan(sources, units.symbols(), raw)?;
    let vocabulary = Arc::new(vocabulary(&settings, &corpus)?);
    let text = EncodedText::new(&corpus, vocabulary.clone())?;
    let fraction = settings.valid_fraction.unwrap_or(0.1);
    let (train, valid) = match settings.lines.unwrap_or(false) {
        true => split_at_line(&text, fraction)?,
        false => split(text.len(), fraction)?,
    };
    let share = train.end as f64 / text.len() as f64;
    let size = TextSize { text_chars: (corpus.len() as f64 * share).round() as u64, tokens: train.end };
    let selection = time_limit::choose(&settings, size, vocabulary.len(), backend)?;
    if let Some(selection) = &selection {
        settings = selection.settings.clone();
    }
    let (config, options) = resolve(&settings, size, backend)?;
    let (batches, valid_batches) = batches(&text, train.clone(), valid.clone(), &config, &options)?;
    let size_note = selection.iter().map(|selection| selection.note.clone());
    let notes = corpus.notes().iter().cloned().chain(batches.notes()).chain(size_note).collect();
    let data = DataSummary {
        name: format!("{}, {} {}", corpus.name().display(), thousands(text.len()), units.plural()),
        digest: digest(corpus.counts(), corpus.fingerprint()),
        train_size: train.end,
        valid_size: valid.end - valid.start,
        notes,
        preparation_s: selection.map_or(0.0, |selection| selection.seconds),
        ..DataSummary::default()
    };
    prepared(config, options, vocabulary, batches, valid_batches, data)
}

/// Batches of the training set, and of the validation set if it has tokens to predict.
fn batches(
    text: &EncodedText,
    train: Range<u64>,
    valid: Range<u64>,
    config: &Config,
    options: &TextConfig,
) -> Result<(Batches, Option<Batches>)> {
    if options.lines {
        let lines = Lines::new(text, train, config.batch_size, Some(config.seed))?;
        // Shuffled, so that the first batches are a fair sample if the validation set is too large to evaluate as a whole.
        let measure = || Lines::new(text, valid.clone(), config.batch_size, Some(config.seed));
        Ok((lines.into(), (!valid.is_empty()).then(measure).transpose()?.map(Batches::from)))
    } else {
        let windows = Windows::new(text, train, config.batch_size, options.seq_length)?;
        let how = Evaluation {
            rows: VALIDATION_ROWS,
            steps: options.seq_length.max(64),
            warm_up: VALIDATION_WARM_UP,
            limit: Some(VALIDATION_TARGETS),
        };
        let measure = || Windows::evaluation(text, valid.clone(), how);
        let has_targets = valid.end - valid.start > 1;
        Ok((windows.into(), has_targets.then(measure).transpose()?.map(Batches::from)))
    }
}

/// Completes the summary from the batches.
fn prepared(
    config: Config,
    options: TextConfig,
    vocabulary: Arc<Vocabulary>,
    train: Batches,
    valid: Option<Batches>,
    data: DataSummary,
) -> Result<Prepared<Language>> {
    let data = DataSummary {
        unit: vocabulary.units().plural(),
        target: vocabulary.units().singular(),
        vocabulary: match vocabulary.units() {
            TokenUnits::Char | TokenUnits::Byte => format!("{} tokens", vocabulary.len()),
            TokenUnits::Word | TokenUnits::Bpe => vocabulary.about(),
        },
        batches: format!("batch size {}, sequence length {}", train.rows(), options.seq_length),
        uniform_loss: (vocabulary.len() as f64).ln(),
        ..data
    };
    let architecture = architecture(&config, &options, vocabulary.len());
    let task = Language::of(&architecture, vocabulary, options.lines, options.raw)?;
    Ok(Prepared { config, options: Settings::from(&options), task, train, valid, data })
}

/// The three example sentences: one batch, no unknown token, no validation set.
fn sentences<B: Backend>(settings: &Settings, backend: &B) -> Result<Prepared<Language>> {
    let sentences = examples::sentences();
    let counts = SymbolCounts::of(Units::Char, &sentences.concat());
    let vocabulary = Arc::new(Vocabulary::from_counts(Units::Char, &counts, 1, false)?);
    let size = TextSize { text_chars: counts.total(), tokens: counts.total() };
    let (config, options) = resolve(settings, size, backend)?;
    if config.valid_fraction > 0.0 {
        return Err(Error::unused("valid_fraction", "by the sentences example, which has no validation set"));
    }
    let ids = sentences.iter().map(|sentence| vocabulary.encode_prompt(sentence)).collect::<Result<_>>()?;
    let data = DataSummary {
        name: "the sentences example, three of 15 characters".to_owned(),
        digest: digest(&counts, 0),
        train_size: counts.total(),
        ..DataSummary::default()
    };
    prepared(config, options, vocabulary, Sequences::new(ids)?.into(), None, data)
}

/// Texts with the same counts and fingerprint are taken to be the same.
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
