//! From labelled sequences to a run: validation part, vocabularies or scaling, labels, sizes.

use std::path::Path;
use std::sync::Arc;

use super::data::{TagExample, TagInput, TaggedInput, read_tagged};
use super::{Description, Options, Tag, TagCodec};
use crate::data::Examples;
use crate::format::Columns;
use crate::metric::is_spans;
use crate::model::{InputKind, RecurrentLayers, SpellingSizes, TaggerSizes, Task};
use crate::task::Scaling;
use crate::task::labels::LabelSet;
use crate::task::split::{Digest, hold_back, one_file};
use crate::text::{TokenUnits, Tokenizer, TokenizerOptions, thousands};
use crate::train::{Config, DataSummary, Defaults, Prepared, Settings};
use crate::{Error, Result};

/// Letters of a word that are read, half of them from its start and half from its end: longer ones are addresses.
const MAX_LETTERS: usize = 40;

pub(super) fn prepare(settings: Settings) -> Result<Prepared<Tag>> {
    let path = one_file(&settings)?;
    let columns = Columns { words: settings.word_column.clone(), tags: settings.column.clone() };
    let all = read_tagged(&path, &columns, false, &[])?;
    let features = all.first().map_or_else(|| [].into(), |first| Arc::clone(&first.columns));
    let held =
        settings.valid.as_deref().map(|path| read_tagged(path, &columns, false, &features)).transpose()?;
    let words = all.iter().any(|example| matches!(example.input, TagInput::Words(_)));
    let config = Config::resolve(settings.clone(), defaults(words, all.len()))?;
    let digest = digest(&all, held.as_deref());
    // Those that only the part to measure on has are among them.
    let tagged = all.iter().chain(held.iter().flatten());
    let labels = LabelSet::of(&path, "tag", tagged.flat_map(|example| &example.labels))?;
    let (train, valid) = match held {
        Some(valid) => (all, valid),
        None => hold_back(all, config.valid_fraction, config.seed, |example| match &example.input {
            TagInput::Words(words) => Some(words.join(" ")),
            TagInput::Frames { .. } => None,
        })?,
    };
    let mut notes = vec![];
    let crf = settings.crf.unwrap_or_else(|| {
        let spans = is_spans(labels.names());
        if spans {
            notes.push(
                "the tags spell out spans, so neighbours are judged together (--crf=false for each alone)"
                    .to_owned(),
            );
        }
        spans
    });
    let mut options = Options {
        column: settings.column.clone().filter(|_| words),
        word_column: settings.word_column.clone().filter(|_| words),
        lowercase: None,
        min_count: None,
        vocab_size: settings.vocab_size.filter(|_| words),
        embedding_size: None,
        char_embedding_size: None,
        char_hidden_size: None,
        word_dropout: None,
        bidirectional: settings.bidirectional.unwrap_or(true),
        locked_dropout: settings.locked_dropout.unwrap_or(words),
        crf,
    };
    let (codec, input, spelling) = if words {
        of_words(&train, columns, &settings, &mut options)?
    } else {
        let sequences = train.iter().filter_map(|example| match &example.input {
            TagInput::Frames { values, .. } => Some(&values[..]),
            TagInput::Words(_) => None,
        });
        let size = train.iter().map(|example| example.input.width()).max().unwrap_or(0);
        (TagCodec::Frames(Scaling::of(size, sequences).named(&features)), InputKind::Frames { size }, None)
    };
    let sizes = TaggerSizes {
        input,
        spelling,
        word_dropout: options.word_dropout.unwrap_or(0.0),
        recurrent: RecurrentLayers {
            bidirectional: options.bidirectional,
            locked_dropout: options.locked_dropout,
            ..config.recurrent()
        },
        crf,
        labels: labels.len(),
    };
    let task = Tag::new(Description { sizes, codec, labels })?;
    let unit = if words { "sentences" } else { "sequences" };
    let steps: usize = train.iter().chain(&valid).map(|example| example.labels.len()).sum();
    let data = DataSummary {
        name: format!(
            "{}, {} {unit} of {} {}",
            path.display(),
            thousands((train.len() + valid.len()) as u64),
            thousands(steps as u64),
            if words { "words" } else { "frames" }
        ),
        digest,
        unit,
        target: "tag",
        train_size: train.len() as u64,
        valid_size: valid.len() as u64,
        vocabulary: match &task.codec {
            TagCodec::Words { words, .. } => {
                format!("{} words, {} tags", thousands(words.len() as u64), task.labels.len())
            }
            TagCodec::Frames(scaling) => {
                format!("{} features, {} tags", scaling.means.len(), task.labels.len())
            }
        },
        batches: format!("{} {unit}", config.batch_size),
        guessing: (task.labels.len() as f64).ln(),
        notes,
        preparation_s: 0.0,
    };
    let held = examples(&task, config.valid.as_deref().unwrap_or(&path), &valid)?;
    let train = Examples::new(examples(&task, &path, &train)?, config.batch_size, Some(config.seed));
    let valid = (!held.is_empty()).then(|| Examples::new(held, config.batch_size, None));
    Ok(Prepared { config, options, task, train, valid, data })
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
            more_epochs_in_time: false,
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
            more_epochs_in_time: false,
            learning_rate: 3e-3,
            weight_decay: 0.01,
            valid_fraction: 0.1,
            patience: 12,
        },
    }
}

/// The vocabularies of words and of their characters, and what the network reads by them.
fn of_words(
    train: &[TaggedInput],
    columns: Columns,
    settings: &Settings,
    options: &mut Options,
) -> Result<(TagCodec, InputKind, Option<SpellingSizes>)> {
    let all = || {
        let sentences = train.iter().filter_map(|example| match &example.input {
            TagInput::Words(words) => Some(words),
            TagInput::Frames { .. } => None,
        });
        sentences.flatten().map(String::as_str)
    };
    let made = TokenizerOptions {
        units: settings.units.unwrap_or(TokenUnits::Word),
        // What occurs once cannot be told from what never does; as the unknown word it teaches what that means.
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
    let spelling = SpellingSizes { vocab_size: characters.len(), embedding_size: size, hidden_size };
    Ok((TagCodec::Words { columns, words, characters: Some(characters) }, input, Some(spelling)))
}

/// Labelled sequences in numbers.
pub(super) fn examples(task: &Tag, path: &Path, tagged: &[TaggedInput]) -> Result<Vec<TagExample>> {
    let example = |tagged: &TaggedInput| {
        let place = |at: usize, message: String| {
            Error::data(path, tagged.lines.get(at).or(tagged.lines.first()).copied(), message)
        };
        let label = |(at, label): (usize, &String)| {
            task.labels.id(label).map_err(|unknown| {
                let step = match &tagged.input {
                    TagInput::Words(words) => format!("the word {:?}", words[at]),
                    TagInput::Frames { .. } => format!("frame {}", at + 1),
                };
                place(at, format!("{step} has the tag {unknown}"))
            })
        };
        let input = task.encode(&tagged.input).map_err(|message| place(0, message))?;
        Ok(TagExample {
            labels: tagged.labels.iter().enumerate().map(label).collect::<Result<_>>()?,
            ..input
        })
    };
    tagged.iter().map(example).collect()
}

impl Tag {
    /// A sequence in numbers, every label the first.
    ///
    /// # Errors
    /// What is wrong with it, and the remedy.
    pub(super) fn encode(&self, input: &TagInput) -> Result<TagExample, String> {
        let mut example = TagExample::default();
        match (&self.codec, input) {
            (TagCodec::Words { words, characters, .. }, TagInput::Words(sentence)) => {
                if sentence.is_empty() || sentence.iter().any(String::is_empty) {
                    return Err("has no words, or an empty one: leave it out".to_owned());
                }
                example.ids = words.encode_words(sentence);
                if let Some(characters) = characters {
                    example.spelled = sentence.iter().map(|word| letters(characters.encode(word))).collect();
                }
            }
            (TagCodec::Frames(scaling), TagInput::Frames { values, width }) => {
                (example.frames, example.width) = (scaling.frames(values.clone(), *width)?, *width);
            }
            (TagCodec::Words { .. }, TagInput::Frames { .. }) => {
                return Err("is a sequence of numbers: the model reads words".to_owned());
            }
            (TagCodec::Frames(_), TagInput::Words(_)) => {
                return Err("is a sentence: the model reads sequences of numbers".to_owned());
            }
        }
        example.labels = vec![0; input.steps()];
        Ok(example)
    }
}

/// The letters of a word, without the middle of a very long one.
fn letters(mut word: Vec<u32>) -> Vec<u32> {
    if word.len() > MAX_LETTERS {
        word.drain(MAX_LETTERS / 2..word.len() - MAX_LETTERS / 2);
    }
    word
}

impl TagInput {
    /// Words or frames.
    pub fn steps(&self) -> usize {
        match self {
            TagInput::Words(words) => words.len(),
            TagInput::Frames { values, width } => values.len() / width.max(&1),
        }
    }

    fn width(&self) -> usize {
        match self {
            TagInput::Words(_) => 0,
            TagInput::Frames { width, .. } => *width,
        }
    }
}

/// Identifies the data.
fn digest(all: &[TaggedInput], held: Option<&[TaggedInput]>) -> String {
    let mut digest = Digest::default();
    for example in all.iter().chain(held.into_iter().flatten()) {
        example.labels.iter().for_each(|label| digest.add(label.as_bytes()));
        match &example.input {
            TagInput::Words(words) => words.iter().for_each(|word| digest.add(word.as_bytes())),
            TagInput::Frames { values, .. } => digest.add_numbers(values),
        }
    }
    digest.finish()
}
