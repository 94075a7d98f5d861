//! From captions to a run: validation part, scaling, vocabulary, sizes.

use std::path::Path;

use super::augment::Augment;
use super::batches::{CaptionBatches, CaptionExample};
use super::data::{Described, InputCodec, Source, lists_images, read_described};
use super::{Caption, Description, Options};
use crate::model::{CaptionerInput, CaptionerSizes, Task};
use crate::task::Scaling;
use crate::task::split::{Digest, hold_back, one_file};
use crate::text::{TokenUnits, Tokenizer, TokenizerOptions, thousands};
use crate::train::{Config, DataSummary, Defaults, Prepared, Settings};
use crate::{Error, Result};

/// Pixels a side that images are brought to.
const SIDE: usize = 32;
/// Channels that the convolutions give.
const CHANNELS: [usize; 3] = [24, 48, 96];

pub(super) fn prepare(settings: Settings) -> Result<Prepared<Caption>> {
    let path = one_file(&settings)?;
    let images = lists_images(&path)?;
    let options = options(&settings, images)?;
    let config = Config::resolve(settings, defaults(images))?;
    let source = match options.image_size {
        Some(side) => Source::Images(side, options.images.as_deref()),
        None => Source::Vectors(None),
    };
    let all = read_described(&path, source)?;
    let width = all.first().map_or(0, |one| one.values.len());
    let held =
        config.valid.as_deref().map(|path| read_described(path, source.of_width(width))).transpose()?;
    let digest = digest(&all, held.as_deref());
    let (train, valid) = match held {
        Some(valid) => (all, valid),
        None => hold_back(all, config.valid_fraction, config.seed, |one| {
            one.file.as_ref().map(|file| file.to_string_lossy().into_owned())
        })?,
    };
    let made = TokenizerOptions {
        units: options.units,
        min_count: options.min_count,
        max_size: options.vocab_size,
        lowercase: options.lowercase,
        boundaries: true,
    };
    let tokenizer = Tokenizer::train(train.iter().map(|one| &one.text[..]), &made)?;
    let (codec, input) = match options.image_size {
        Some(side) => (
            InputCodec::Image { side },
            CaptionerInput::Picture { width: side, height: side, channels: options.channels.clone() },
        ),
        None => {
            let scaling = Scaling::of(width, train.iter().map(|one| &one.values[..]));
            (InputCodec::Vector(scaling), CaptionerInput::Vector { size: width })
        }
    };
    let sizes = CaptionerSizes {
        input,
        code_size: options.code_size,
        recurrent: config.recurrent(),
        vocab_size: tokenizer.len(),
        embedding_size: options.embedding_size,
    };
    let longest = train.iter().map(|one| tokenizer.encode(&one.text).len()).max().unwrap_or(0);
    let task = Caption::new(Description { sizes, codec, tokenizer, longest })?;
    let data = summary(&path, &task, &config, digest, (train.len(), valid.len()));
    let examples = |described: Vec<Described>| -> Vec<CaptionExample> {
        let scaled = described.into_iter().map(|one| Described { values: task.scaled(one.values), ..one });
        scaled.map(|one| task.example(&one)).collect()
    };
    let augment =
        options.image_size.filter(|_| options.augment).map(|side| Augment { side, flip: options.flip });
    let held = examples(valid);
    let train = CaptionBatches::train(examples(train), config.batch_size, config.seed, augment);
    let valid = (!held.is_empty()).then(|| CaptionBatches::valid(held, config.batch_size));
    Ok(Prepared { config, options, task, train, valid, data })
}

fn defaults(images: bool) -> Defaults {
    Defaults {
        hidden_size: if images { 256 } else { 128 },
        num_layers: 1,
        dropout: 0.3,
        batch_size: 32,
        epochs: if images { 100 } else { 25 },
        more_epochs_in_time: false,
        learning_rate: 2e-3,
        weight_decay: 0.01,
        valid_fraction: 0.1,
        patience: 20,
    }
}

fn options(settings: &Settings, images: bool) -> Result<Options> {
    let only_images = [
        ("images", settings.images.is_some()),
        ("image-size", settings.image_size.is_some()),
        ("augment", settings.augment == Some(true)),
        ("flip", settings.flip == Some(true)),
        ("channels", settings.channels.is_some()),
    ];
    if let Some((name, _)) = only_images.iter().find(|(_, given)| *given && !images) {
        return Err(Error::Config(format!("--{name} is for images: these data are vectors")));
    }
    if settings.flip == Some(true) && settings.augment != Some(true) {
        return Err(Error::Config("--flip varies images further: give it with --augment".to_owned()));
    }
    let units = settings.units.unwrap_or(TokenUnits::Char);
    let channels = || settings.channels.clone().unwrap_or_else(|| CHANNELS.to_vec());
    Ok(Options {
        images: settings.images.clone(),
        image_size: images.then(|| settings.image_size.unwrap_or(SIDE)),
        augment: settings.augment.unwrap_or(false),
        flip: settings.flip.unwrap_or(false),
        channels: if images { channels() } else { vec![] },
        code_size: settings.code_size.unwrap_or(if images { 256 } else { 128 }),
        units,
        lowercase: settings.lowercase.unwrap_or(false),
        min_count: settings.min_count.unwrap_or(1),
        vocab_size: settings.vocab_size,
        embedding_size: settings.embedding_size.unwrap_or(64),
    })
}

fn summary(
    path: &Path,
    task: &Caption,
    config: &Config,
    digest: String,
    (train, valid): (usize, usize),
) -> DataSummary {
    let unit = match task.codec {
        InputCodec::Image { .. } => "images",
        InputCodec::Vector(_) => "vectors",
    };
    let tokenizer = &task.tokenizer;
    DataSummary {
        name: format!("{}, {} {unit}", path.display(), thousands((train + valid) as u64)),
        digest,
        unit,
        target: tokenizer.units().singular(),
        train_size: train as u64,
        valid_size: valid as u64,
        vocabulary: format!("{} {}", thousands(tokenizer.len() as u64), tokenizer.units().plural()),
        batches: format!("{} {unit}", config.batch_size),
        guessing: (tokenizer.len() as f64).ln(),
        notes: vec![],
        preparation_s: 0.0,
    }
}

impl Source<'_> {
    /// The same for vectors that are known to be of this width.
    fn of_width(self, width: usize) -> Self {
        match self {
            Source::Vectors(_) => Source::Vectors(Some(width)),
            images => images,
        }
    }
}

impl Caption {
    /// A row of a batch.
    pub(super) fn example(&self, described: &Described) -> CaptionExample {
        let (start, end) = self.boundaries();
        let ids = [&[start][..], &self.tokenizer.encode(&described.text), &[end]].concat();
        CaptionExample { values: described.values.clone(), ids }
    }
}

/// Identifies the data.
fn digest(all: &[Described], held: Option<&[Described]>) -> String {
    let mut digest = Digest::default();
    for one in all.iter().chain(held.into_iter().flatten()) {
        digest.add(one.text.as_bytes());
        digest.add(&one.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }
    digest.finish()
}
