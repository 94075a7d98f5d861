//! Prepares a captioning run: validation set, scaling, vocabulary, sizes.

use refrain_kernels::Backend;

use super::augment::Augment;
use super::batches::CaptionBatches;
use super::data::{CaptionInput, Dataset, InputCodec};
use super::{Caption, Description};
use crate::model::{CaptionerInput, CaptionerSizes, Task};
use crate::number::thousands;
use crate::task::Scaling;
use crate::task::require_same;
use crate::task::sets::Sets;
use crate::text::{TokenUnits, Tokenizer, TokenizerOptions};
use crate::train::{Config, Data, DataSummary, Defaults, Prepared, Settings, TaskData, TrainableTask};
use crate::{Error, Result};

/// Default side length of images in pixels.
pub(super) const SIDE: usize = 32;
/// Default output channels of the convolutions.
const CHANNELS: [usize; 3] = [24, 48, 96];
const EMBEDDING_SIZE: usize = 64;

impl TaskData for Dataset {
    type Task = Caption;
}

impl TrainableTask for Caption {
    type Dataset = Dataset;
    type Loader = CaptionBatches;

    fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Self>> {
        prepare(settings, data, backend)
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        require_same(
            (&self.codec, &self.tokenizer) == (&other.codec, &other.tokenizer),
            "inputs or vocabulary",
        )
    }
}

fn prepare<B: Backend>(settings: &Settings, data: Data<Dataset>, backend: &B) -> Result<Prepared<Caption>> {
    let images = data.train.records().iter().any(|one| matches!(one.input, CaptionInput::Image(_)));
    check_settings(settings, images)?;
    let options = options(settings, images);
    let units = settings.units.unwrap_or(TokenUnits::Char);
    let config = Config::resolve(settings, defaults(images), backend)?;
    let sets = Sets::of(data, &config)?;
    let train = &sets.train;
    let texts = || train.records().iter().map(|one| &one.text[..]);
    let made = TokenizerOptions {
        units,
        min_count: settings.min_count.unwrap_or(1),
        max_size: settings.vocab_size,
        lowercase: settings.lowercase.unwrap_or(false),
        boundaries: true,
    };
    let tokenizer = Tokenizer::train(texts(), &made)?;
    let (codec, input) = codec(train, &options);
    let sizes = CaptionerSizes {
        input,
        code_size: settings.latent_size.unwrap_or(default_latent_size(images)),
        recurrent: config.recurrent(),
        vocab_size: tokenizer.len(),
        embedding_size: settings.embedding_size.unwrap_or(EMBEDDING_SIZE),
    };
    let longest = texts().map(|text| tokenizer.encode(text).len()).max().unwrap_or(0);
    let task = Caption::new(Description { sizes, codec, tokenizer, longest })?;
    let (tokens, units) = (task.tokenizer.len(), task.tokenizer.units());
    let data = DataSummary {
        target: units.singular(),
        vocabulary: format!("{} {}", thousands(tokens as u64), units.plural()),
        uniform_loss: (tokens as f64).ln(),
        ..sets.summary(if images { "images" } else { "vectors" }, &config)
    };
    let flip = settings.flip.unwrap_or(false);
    let augment =
        options.image_size.filter(|_| settings.augment == Some(true)).map(|side| Augment { side, flip });
    let valid_examples = task.examples(sets.valid)?;
    let train = CaptionBatches::train(task.examples(sets.train)?, config.batch_size, config.seed, augment);
    let valid =
        (!valid_examples.is_empty()).then(|| CaptionBatches::valid(valid_examples, config.batch_size));
    Ok(Prepared { config, options, task, train, valid, data })
}

/// The input encoding of a training set, and the network's input.
fn codec(train: &Dataset, options: &Settings) -> (InputCodec, CaptionerInput) {
    if let Some(side) = options.image_size {
        let channels = options.channels.clone().unwrap_or_default();
        return (InputCodec::Image { side }, CaptionerInput::Picture { width: side, height: side, channels });
    }
    let vectors = || {
        train.records().iter().filter_map(|one| match &one.input {
            CaptionInput::Vector(values) => Some(&values[..]),
            CaptionInput::Image(_) => None,
        })
    };
    let size = vectors().next().map_or(0, <[f32]>::len);
    let scaling =
        Scaling::of(size, vectors().filter(|values| values.len() == size).collect::<Vec<_>>().into_iter());
    (InputCodec::Vector(scaling), CaptionerInput::Vector { size })
}

fn defaults(images: bool) -> Defaults {
    Defaults {
        hidden_size: if images { 256 } else { 128 },
        num_layers: 1,
        dropout: 0.3,
        batch_size: 32,
        epochs: if images { 100 } else { 25 },
        time_limit_replaces_epochs: false,
        learning_rate: 2e-3,
        weight_decay: 0.01,
        valid_fraction: 0.1,
        patience: 20,
    }
}

/// Rejects image settings for vectors, and `flip` without `augment`.
fn check_settings(settings: &Settings, images: bool) -> Result<()> {
    let only_images = [
        ("images", settings.images.is_some()),
        ("image_size", settings.image_size.is_some()),
        ("augment", settings.augment == Some(true)),
        ("flip", settings.flip == Some(true)),
        ("channels", settings.channels.is_some()),
    ];
    if let Some((name, _)) = only_images.iter().find(|(_, given)| *given && !images) {
        return Err(Error::unused(name, "with vectors, only with images"));
    }
    if settings.flip == Some(true) && settings.augment != Some(true) {
        return Err(Error::unused("flip", "without `augment = true`"));
    }
    Ok(())
}

fn default_latent_size(images: bool) -> usize {
    if images { 256 } else { 128 }
}

/// Resolved settings that are not in [`Config`].
fn options(settings: &Settings, images: bool) -> Settings {
    Settings {
        images: settings.images.clone(),
        image_size: images.then(|| settings.image_size.unwrap_or(SIDE)),
        augment: settings.augment.or(Some(false)),
        flip: settings.flip.or(Some(false)),
        channels: images.then(|| settings.channels.clone().unwrap_or_else(|| CHANNELS.to_vec())),
        latent_size: settings.latent_size.or(Some(default_latent_size(images))),
        units: settings.units.or(Some(TokenUnits::Char)),
        lowercase: settings.lowercase.or(Some(false)),
        min_count: settings.min_count.or(Some(1)),
        vocab_size: settings.vocab_size,
        embedding_size: settings.embedding_size.or(Some(EMBEDDING_SIZE)),
        ..Settings::default()
    }
}
