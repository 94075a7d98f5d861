//! Prepares a tagging run: validation set, vocabularies or scaling, labels, sizes.

use refrain_kernels::Backend;

use super::data::{Dataset, TagExample, TagInput};
use super::{Description, Tag, TagCodec};
use crate::data::Examples;
use crate::format::Columns;
use crate::layer::CharEncoderSizes;
use crate::metric::is_spans;
use crate::model::{InputKind, RecurrentLayers, TaggerSizes, Task};
use crate::number::thousands;
use crate::task::Scaling;
use crate::task::labels::LabelSet;
use crate::task::require_same;
use crate::task::sets::{Sets, loaders};
use crate::text::{TokenUnits, Tokenizer, TokenizerOptions};
use crate::train::{Config, Data, DataSummary, Defaults, Prepared, Settings, TaskData, TrainableTask};
use crate::{Note, Result};

impl TaskData for Dataset {
    type Task = Tag;
}

impl TrainableTask for Tag {
    type Dataset = Dataset;
    type Loader = Examples<TagExample>;

    fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Self>> {
        prepare(settings, data, backend)
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        require_same((&self.codec, &self.labels) == (&other.codec, &other.labels), "labels or vocabulary")
    }
}

fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Tag>> {
    let words = data.train.records().iter().any(|one| matches!(one.input, TagInput::Words(_)));
    let config = Config::resolve(settings, defaults(words, data.train.len()), backend)?;
    // Labels that occur only in the validation set are included.
    let tagged = data.train.records().iter().chain(data.valid.iter().flat_map(Dataset::records));
    let labels = LabelSet::of(data.train.name(), "tag", tagged.flat_map(|one| &one.labels))?;
    let sets = Sets::of(data, &config)?;
    let mut notes = vec![];
    let mut options = options(settings, words, &labels, &mut notes);
    let (codec, input, spelling) = match words {
        true => of_words(&sets.train, settings, &mut options)?,
        false => of_frames(&sets.train),
    };
    let sizes = TaggerSizes {
        input,
        spelling,
        word_dropout: options.word_dropout.unwrap_or(0.0),
        recurrent: RecurrentLayers {
            bidirectional: settings.bidirectional.unwrap_or(true),
            locked_dropout: settings.locked_dropout.unwrap_or(words),
            ..config.recurrent()
        },
        crf: options.crf == Some(true),
        labels: labels.len(),
    };
    let task = Tag::new(Description { sizes, codec, labels })?;
    let tags = task.labels.len();
    let (unit, step) = if words { ("sentences", "words") } else { ("sequences", "frames") };
    let summary = sets.summary(unit, &config);
    let steps = sets.train.records().iter().chain(sets.valid.records()).map(|one| one.labels.len());
    let data = DataSummary {
        name: format!("{} of {} {step}", summary.name, thousands(steps.sum::<usize>() as u64)),
        target: "tag",
        vocabulary: match &task.codec {
            TagCodec::Words { words, .. } => {
                format!("{} words, {tags} tags", thousands(words.len() as u64))
            }
            TagCodec::Frames(scaling) => format!("{} features, {tags} tags", scaling.means.len()),
        },
        uniform_loss: (tags as f64).ln(),
        notes,
        ..summary
    };
    let valid = task.examples(&sets.valid)?;
    let (train, valid) = loaders(task.examples(&sets.train)?, valid, &config);
    Ok(Prepared { config, options, task, train, valid, data })
}

/// Resolved settings that are not in [`Config`]; [`of_words`] adds those of words.
fn options(settings: &Settings, words: bool, labels: &LabelSet, notes: &mut Vec<Note>) -> Settings {
    let crf = settings.crf.unwrap_or_else(|| {
        let spans = is_spans(labels.names());
        if spans {
            let choice = "the tags mark spans, so a CRF scores neighbouring tags together".to_owned();
            notes.push(Note::Chosen { setting: "crf", choice });
        }
        spans
    });
    Settings {
        column: settings.column.clone().filter(|_| words),
        word_column: settings.word_column.clone().filter(|_| words),
        vocab_size: settings.vocab_size.filter(|_| words),
        bidirectional: settings.bidirectional.or(Some(true)),
        locked_dropout: settings.locked_dropout.or(Some(words)),
        crf: Some(crf),
        ..Settings::default()
    }
}

/// Encoding of frames: standardised by the training set.
fn of_frames(train: &Dataset) -> (TagCodec, InputKind, Option<CharEncoderSizes>) {
    let size = train.records().iter().map(|one| one.input.width()).max().unwrap_or(0);
    let sequences = train.records().iter().filter_map(|one| match &one.input {
        TagInput::Frames { values, width } if *width == size => Some(&values[..]),
        _ => None,
    });
    let scaling = Scaling::of(size, sequences).named(train.features());
    (TagCodec::Frames(scaling), InputKind::Frames { size }, None)
}

fn defaults(words: bool, size: usize) -> Defaults {
    let batch_size = if size < 2_000 { 16 } else { 32 };
    match words {
        true => Defaults {
            hidden_size: 200,
            num_layers: 1,
            dropout: 0.33,
            batch_size,
            epochs: 12,
            time_limit_replaces_epochs: false,
            learning_rate: 2e-3,
            weight_decay: 0.01,
            valid_fraction: 0.1,
            patience: 4,
        },
        false => Defaults {
            hidden_size: 64,
            num_layers: 1,
            dropout: 0.3,
            batch_size,
            epochs: 60,
            time_limit_replaces_epochs: false,
            learning_rate: 3e-3,
            weight_decay: 0.01,
            valid_fraction: 0.1,
            patience: 12,
        },
    }
}

/// The vocabularies of words and characters, and the network's input.
fn of_words(
    train: &Dataset,
    settings: &Settings,
    options: &mut Settings,
) -> Result<(TagCodec, InputKind, Option<CharEncoderSizes>)> {
    let columns = Columns { words: settings.word_column.clone(), tags: settings.column.clone() };
    let all = || {
        let sentences = train.records().iter().filter_map(|example| match &example.input {
            TagInput::Words(words) => Some(words),
            TagInput::Frames { .. } => None,
        });
        sentences.flatten().map(String::as_str)
    };
    let made = TokenizerOptions {
        units: TokenUnits::Word,
        // Words that occur once train the unknown token.
        min_count: settings.min_count.unwrap_or(2),
        max_size: settings.vocab_size,
        lowercase: settings.lowercase.unwrap_or(true),
        boundaries: false,
    };
    let words = Tokenizer::of_tokens(all(), &made)?;
    let embedding_size = settings.embedding_size.unwrap_or(100);
    (options.lowercase, options.min_count) = (Some(made.lowercase), Some(made.min_count));
    options.embedding_size = Some(embedding_size);
    options.word_dropout = Some(settings.word_dropout.unwrap_or(0.05));
    let input = InputKind::Ids { vocab_size: words.len(), embedding_size };
    let size = settings.char_embedding_size.unwrap_or(32);
    let hidden_size = settings.char_hidden_size.unwrap_or(50);
    options.char_embedding_size = Some(size);
    if size == 0 {
        return Ok((TagCodec::Words { columns, words, characters: None }, input, None));
    }
    options.char_hidden_size = Some(hidden_size);
    let made = TokenizerOptions { units: TokenUnits::Char, ..TokenizerOptions::default() };
    let characters = Tokenizer::train(all().collect::<Vec<_>>().into_iter(), &made)?;
    let spelling = CharEncoderSizes { vocab_size: characters.len(), embedding_size: size, hidden_size };
    Ok((TagCodec::Words { columns, words, characters: Some(characters) }, input, Some(spelling)))
}
