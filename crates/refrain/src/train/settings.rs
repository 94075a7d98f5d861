//! The settings of a training run. Each is defined once: the field here, the key of a configuration file, the flag of the
//! program and the row of `docs/options.md` follow from it. [`Config`] holds the effective settings.

use std::path::PathBuf;

use super::choices::{Example, Optimizer, Preset, Schedule};
use crate::format::Column;
use crate::layer::AttentionKind;
use crate::model::TaskName::{Caption, Classify, Forecast, Language, Music, Tag, Translate};
use crate::model::{ActivationKind, CellKind, PoolingKind, ResetGate, TaskName};
use crate::option::{Range, Span, Use, eval, inspect, predict, sample, serve};
use crate::text::TokenUnits;
use crate::{PrecisionChoice, options};

const DATA: &str = "Data";
const TEXT: &str = "Text";
const MODEL: &str = "Model";
const OPTIMISATION: &str = "Optimisation";
const REGULARISATION: &str = "Regularisation";
const RUN: &str = "Run";
const TAGGING: &str = "Tagging";
const TRANSLATION: &str = "Translation";
const CAPTIONING: &str = "Captioning";
const FORECASTING: &str = "Forecasting";
const MUSIC: &str = "Music";

const PRECISION: &str = "auto: bf16 where it is faster than f32";

/// The uses of an option that all commands with a model have.
const fn with_models(train: Use, bench: Use, default: &'static str) -> [Use; 7] {
    [train, sample(default), predict(default), eval(default), inspect(default), serve(default), bench]
}

/// Sizes of layers and embeddings.
const SIZES: Range = Range::between(1.0, 16_384.0);
const SIZES_OR_0: Range = Range::between(0.0, 16_384.0);

/// [`Settings`], and [`Config`] with the fields that have a second type, after `=>`: those of every task.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty $(=> $config:ty)? { $($body:tt)* })*) => {
        options! {
            /// The settings of a run, all optional.
            pub struct Settings { $($(#[doc = $doc])+ $name: $type { $($body)* })* }
        }

        /// The effective settings of a run that every task has.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "every field is the setting of the same name in `Settings`")]
        pub struct Config { $($(pub $name: $config,)?)* }

        impl From<&Config> for Settings {
            fn from(config: &Config) -> Settings {
                Settings { $($($name: <$config as Into<Option<$type>>>::into(config.$name.clone()),)?)* ..Settings::default() }
            }
        }
    };
}

settings! {
    /// Training set: texts, tab-separated labels or pairs, CoNLL, CSV, .ts, .npz, JSON, MIDI, directories; several texts are read as one
    data: Vec<PathBuf> => Option<Vec<PathBuf>> {
        heading: DATA, value_name: "DATA",
        uses: &[
            train("the built-in Latin text").common("the built-in Latin text").positional(),
            eval("").positional().required().doc("Files in the format of the training set"),
        ],
    }
    /// Task
    task: TaskName {
        heading: DATA, value_name: "TASK",
        uses: &[train("detected from the data format").common("auto")],
    }
    /// Validation set
    valid: PathBuf => Option<PathBuf> {
        heading: DATA, value_name: "FILE",
        uses: &[
            train("a part of the data: `valid_fraction`")
                .only(&[Classify, Tag, Translate, Caption, Music])
                .common("10 % of the data"),
        ],
    }
    /// Fraction of the data held out as the validation set: the end of a text or a series, else a random split
    valid_fraction: f64 => f64 {
        heading: DATA, value_name: "P", range: Range::FRACTION, conflicts: &["valid"],
        uses: &[train("0.1")],
    }
    /// Built-in text to train on
    example: Example {
        heading: DATA, value_name: "NAME",
        uses: &[train("latin").only(&[Language]).common("latin")],
    }

    /// Token units
    units: TokenUnits {
        heading: TEXT, value_name: "UNITS",
        uses: &[
            train("char; word for sentences to classify")
                .only(&[Language, Classify, Caption])
                .common("char; word to classify"),
        ],
    }
    /// Treat each line as a separate sequence, padded and masked
    lines: bool {
        heading: TEXT,
        uses: &[train("").only(&[Language])],
    }
    /// Keep byte-order marks and CRLF line endings
    raw: bool {
        heading: TEXT,
        uses: &[train("").only(&[Language]), eval("as in training").only(&[Language])],
    }
    /// Lowercase the input
    lowercase: bool {
        heading: TEXT, value_name: "BOOL",
        uses: &[train("true for words to classify or tag, else false").only(&[Classify, Tag, Translate, Caption])],
    }
    /// Maximum vocabulary size, in words or subwords
    vocab_size: usize {
        heading: TEXT, value_name: "N", range: Range::at_least(1.0),
        uses: &[train("all words; 8000 subwords").only(&[Language, Classify, Tag, Translate, Caption]), bench("65")],
    }
    /// Minimum count of a token; rarer ones become the unknown token
    min_count: u64 {
        heading: TEXT, value_name: "N", range: Range::at_least(1.0),
        uses: &[train("1; 2 for the words of many texts").only(&[Language, Classify, Tag, Translate, Caption])],
    }

    /// Recurrent cell
    cell: CellKind => CellKind {
        heading: MODEL, value_name: "CELL",
        uses: &[
            train("lstm; gru for texts of 300,000 characters or more with `time_limit` and no explicit size").common("lstm"),
            bench("lstm"),
        ],
    }
    /// Activation function of the rnn cell
    activation: ActivationKind => ActivationKind {
        heading: MODEL, value_name: "NAME",
        uses: &[train("tanh")],
    }
    /// Reset gate of the gru cell, applied after (as in PyTorch) or before the recurrent product (Cho et al. 2014)
    reset_gate: ResetGate => ResetGate {
        heading: MODEL, value_name: "NAME",
        uses: &[train("after")],
    }
    /// Hidden size: units per layer, H
    hidden_size: usize => usize {
        heading: MODEL, value_name: "N", range: SIZES,
        uses: &[
            train("depends on task, data and `time_limit`; 128 for texts, 256 from 300 kB")
                .common("auto; 128 or 256 for texts"),
            bench("256"),
        ],
    }
    /// Number of layers, L
    num_layers: usize => usize {
        heading: MODEL, value_name: "N", range: Range::between(1.0, 32.0),
        uses: &[train("2 for texts, else 1").common("2 for texts, else 1"), bench("2")],
    }
    /// Embedding dimension, E; 0 for one-hot input
    embedding_size: usize {
        heading: MODEL, value_name: "N", range: SIZES_OR_0,
        uses: &[
            train("depends on task; 64 for characters").only(&[Language, Classify, Tag, Translate, Caption]),
            bench("64"),
        ],
    }
    /// Tie the input and output embeddings (Press & Wolf 2017)
    tied_embeddings: bool {
        heading: MODEL, value_name: "BOOL",
        uses: &[train("true for word and bpe").only(&[Language])],
    }
    /// Bidirectional layers
    bidirectional: bool {
        heading: MODEL, value_name: "BOOL",
        uses: &[train("true").only(&[Classify, Tag, Translate])],
    }
    /// Layer normalisation of each layer's output (Ba, Kiros & Hinton 2016)
    layer_norm: bool => bool {
        heading: MODEL, value_name: "BOOL",
        uses: &[train("false")],
    }
    /// Pooling over time steps
    pooling: PoolingKind {
        heading: MODEL, value_name: "NAME",
        uses: &[train("max").only(&[Classify])],
    }

    /// Use a CRF output layer
    crf: bool {
        heading: TAGGING, value_name: "BOOL", implied: Some("true"),
        uses: &[train("true for BIO and IOBES tags").only(&[Tag])],
    }
    /// Column of the tags: a number from 1, -1 for the last, or a CoNLL-U name such as upos
    column: Column {
        heading: TAGGING, value_name: "COLUMN",
        uses: &[train("upos in CoNLL-U, else the last").only(&[Tag])],
    }
    /// Column of the words
    word_column: Column {
        heading: TAGGING, value_name: "COLUMN",
        uses: &[train("form in CoNLL-U, else the first").only(&[Tag])],
    }
    /// Embedding dimension of characters; 0 for words without their spelling
    char_embedding_size: usize {
        heading: TAGGING, value_name: "N", range: SIZES_OR_0,
        uses: &[train("32").only(&[Tag])],
    }
    /// Hidden size of the bidirectional LSTM over the characters of a word, per direction
    char_hidden_size: usize {
        heading: TAGGING, value_name: "N", range: SIZES,
        uses: &[train("50").only(&[Tag])],
    }
    /// Word dropout: probability of replacing a word by the unknown token
    word_dropout: f32 {
        heading: TAGGING, value_name: "P", range: Range::FRACTION,
        uses: &[train("0.05").only(&[Tag])],
    }

    /// Token units of the source
    source_units: TokenUnits {
        heading: TRANSLATION, value_name: "UNITS",
        uses: &[
            train("detected from the texts: char for single words, word for symbols separated by spaces, bpe for sentences")
                .only(&[Translate]),
        ],
    }
    /// Token units of the target
    target_units: TokenUnits {
        heading: TRANSLATION, value_name: "UNITS",
        uses: &[train("detected likewise").only(&[Translate])],
    }
    /// Attention of the decoder to the source
    attention: AttentionKind {
        heading: TRANSLATION, value_name: "NAME",
        uses: &[train("general").only(&[Translate])],
    }
    /// Scheduled sampling: probability of feeding the decoder its own prediction (Duckworth et al. 2019)
    scheduled_sampling: f32 {
        heading: TRANSLATION, value_name: "P", range: Range::between(0.0, 1.0),
        uses: &[train("0").only(&[Translate])],
    }
    /// Label smoothing (Szegedy et al. 2016)
    label_smoothing: f32 {
        heading: TRANSLATION, value_name: "P", range: Range::FRACTION,
        uses: &[train("0").only(&[Translate])],
    }

    /// Directory of the images that the captions name
    images: PathBuf {
        heading: CAPTIONING, value_name: "DIR",
        uses: &[train("the directory of the captions").only(&[Caption]), eval("the directory of the captions").only(&[Caption])],
    }
    /// Image size: side in pixels that images are scaled to
    image_size: usize {
        heading: CAPTIONING, value_name: "N", range: Range::between(1.0, 1024.0),
        uses: &[train("32").only(&[Caption])],
    }
    /// Data augmentation: shift, scale and recolour the training images at random
    augment: bool {
        heading: CAPTIONING,
        uses: &[train("").only(&[Caption])],
    }
    /// With `augment`: mirror images at random, too
    flip: bool {
        heading: CAPTIONING,
        uses: &[train("").only(&[Caption])],
    }
    /// Channels of each convolution, which halves the sides
    channels: Vec<usize> {
        heading: CAPTIONING, value_name: "N,...", range: SIZES,
        uses: &[train("24,48,96").only(&[Caption])],
    }
    /// Latent dimension: size of the vector that an input is encoded into
    latent_size: usize {
        heading: CAPTIONING, value_name: "N", range: SIZES, aliases: &["code_size"],
        uses: &[train("128; 256 for images").only(&[Caption])],
    }

    /// Columns to forecast
    columns: Vec<String> {
        heading: FORECASTING, value_name: "NAME,...",
        uses: &[train("all").only(&[Forecast])],
    }
    /// Forecast horizon: time steps ahead, all at once
    horizon: usize {
        heading: FORECASTING, value_name: "N", range: Range::at_least(1.0),
        uses: &[train("1").only(&[Forecast]), predict("as trained").only(&[Forecast])],
    }
    /// Quantiles to forecast, instead of mean and standard deviation
    quantiles: Vec<f64> {
        heading: FORECASTING, value_name: "P,...", range: Range::OPEN_FRACTION,
        uses: &[train("none").only(&[Forecast])],
    }
    /// Seasonal period in time steps; 0 for none
    season: usize {
        heading: FORECASTING, value_name: "N", range: Range::at_least(0.0),
        uses: &[train("estimated by autocorrelation").only(&[Forecast])],
    }
    /// Test set: fraction of the series, at its end, kept for eval
    test_fraction: f64 {
        heading: FORECASTING, value_name: "P", range: Range::FRACTION,
        uses: &[train("0.2").only(&[Forecast])],
    }

    /// Frames per quarter note when MIDI files are read and written
    steps_per_quarter: u32 {
        heading: MUSIC, value_name: "N", range: Range::between(1.0, 960.0),
        uses: &[train("1").only(&[Music])],
    }
    /// Data augmentation: transpose each piece by up to N semitones at random
    transpose: u8 {
        heading: MUSIC, value_name: "N", range: Range::between(0.0, 12.0),
        uses: &[train("0").only(&[Music])],
    }

    /// Batch size: sequences per update, B
    batch_size: usize => usize {
        heading: OPTIMISATION, value_name: "N", range: Range::between(1.0, 65536.0),
        uses: &[
            train("depends on task and data; 32 for texts, fewer below 60 kB").common("auto; 32 for texts"),
            bench("50"),
        ],
    }
    /// Sequence length of truncated backpropagation through time, T
    seq_length: usize {
        heading: OPTIMISATION, value_name: "N", range: Range::between(1.0, 1048576.0),
        uses: &[train("64 for texts; depends on the season for series").only(&[Language, Forecast]), bench("50; 300 to sample")],
    }
    /// Epochs: passes over the training set
    epochs: u64 => Option<u64> {
        heading: OPTIMISATION, value_name: "N", range: Range::at_least(1.0), resumable: true,
        uses: &[
            train("depends on task and data; texts: 40 below 100 kB, 25 below 300 kB, 12 below 2 MB, 8 below 10 MB, else 3")
                .common("auto"),
        ],
    }
    /// Maximum number of updates
    max_steps: u64 => Option<u64> {
        heading: OPTIMISATION, value_name: "N", range: Range::at_least(1.0), resumable: true,
        uses: &[train("no limit")],
    }
    /// Time limit, including time before --resume; sets the learning rate schedule
    time_limit: Span => Option<Span> {
        heading: OPTIMISATION, value_name: "TIME", resumable: true,
        uses: &[train("none").common("none")],
    }
    /// Optimiser
    optimizer: Optimizer => Optimizer {
        heading: OPTIMISATION, value_name: "NAME",
        uses: &[train("adamw")],
    }
    /// Peak learning rate
    learning_rate: f64 => f64 {
        heading: OPTIMISATION, value_name: "RATE", range: Range::POSITIVE,
        uses: &[
            train("depends on task, optimiser and data, for texts also on cell, hidden size and number of updates").common("auto"),
        ],
    }
    /// Learning rate schedule
    schedule: Schedule => Schedule {
        heading: OPTIMISATION, value_name: "NAME",
        uses: &[train("cosine")],
    }
    /// Warm-up: updates until the learning rate reaches its peak
    warmup_steps: u64 => Option<u64> {
        heading: OPTIMISATION, value_name: "N",
        uses: &[train("2 % of all updates, at most 200")],
    }
    /// Final learning rate of the linear and cosine schedules
    min_learning_rate: f64 => f64 {
        heading: OPTIMISATION, value_name: "RATE", range: Range::at_least(0.0),
        uses: &[train("1/30 of the peak")],
    }
    /// Factor of the step schedule
    decay_factor: f64 => f64 {
        heading: OPTIMISATION, value_name: "FACTOR", range: Range::at_least(0.0),
        uses: &[train("0.5")],
    }
    /// Epochs between two decays of the step schedule
    decay_epochs: u64 => Option<u64> {
        heading: OPTIMISATION, value_name: "N", range: Range::at_least(1.0),
        uses: &[train("1/5 of all epochs")],
    }
    /// Momentum of sgd; β₁ of adam and adamw
    momentum: f64 => f64 {
        heading: OPTIMISATION, value_name: "P", range: Range::FRACTION,
        uses: &[train("0.9; depends on cell and hidden size with `time_limit` and no explicit size")],
    }
    /// Decay of the second moment of adam and adamw, β₂
    beta2: f64 => f64 {
        heading: OPTIMISATION, value_name: "P", range: Range::FRACTION,
        uses: &[train("0.999")],
    }
    /// Gradient clipping: maximum global norm; 0 disables
    grad_clip: f64 => f64 {
        heading: OPTIMISATION, value_name: "NORM", range: Range::at_least(0.0),
        uses: &[train("1")],
    }
    /// Weight averaging: validate and save the average over about the last N updates; 0 disables
    average: u64 => u64 {
        heading: OPTIMISATION, value_name: "N",
        uses: &[train("0; 200 for forecasts")],
    }
    /// Weight classes inversely to their frequency
    class_weights: bool {
        heading: OPTIMISATION,
        uses: &[train("").only(&[Classify])],
    }

    /// Dropout probability, on each layer's output
    dropout: f32 => f32 {
        heading: REGULARISATION, value_name: "P", range: Range::FRACTION,
        uses: &[
            train("depends on task; 0.2 for texts; with `time_limit` and no explicit size, depends on cell, hidden size and epochs")
                .common("auto; 0.2 for texts"),
        ],
    }
    /// Locked (variational) dropout: one mask for all time steps (Gal & Ghahramani 2016)
    locked_dropout: bool {
        heading: REGULARISATION,
        uses: &[train("off; on for words to tag").only(&[Classify, Tag, Translate, Forecast, Music])],
    }
    /// Weight drop (DropConnect): dropout probability of recurrent weights (Merity et al. 2018)
    weight_drop: f32 => f32 {
        heading: REGULARISATION, value_name: "P", range: Range::FRACTION,
        uses: &[train("0")],
    }
    /// Weight decay (matrices only)
    weight_decay: f64 => f64 {
        heading: REGULARISATION, value_name: "RATE", range: Range::at_least(0.0),
        uses: &[train("0.01; depends on cell and hidden size with `time_limit` and no explicit size")],
    }
    /// Early-stopping patience, in validations; 0 disables
    patience: u64 => u64 {
        heading: REGULARISATION, value_name: "N", resumable: true,
        uses: &[train("depends on task; 10 for texts").common("auto; 10 for texts")],
    }

    /// Fine-tune this model, a file or run directory
    init_from: PathBuf => Option<PathBuf> {
        heading: RUN, value_name: "MODEL",
        uses: &[train("random weights").common("random weights")],
    }
    /// Random seed
    seed: u64 => u64 {
        heading: RUN, value_name: "N",
        uses: &[train("1").common("1"), sample("different each time"), predict("0").only(&[Caption])],
    }
    /// Preset; other options override it
    preset: Preset {
        heading: RUN, value_name: "NAME",
        uses: &[train("none").only(&[Language]).common("none")],
    }
    /// Run directory, never overwritten
    out: PathBuf => Option<PathBuf> {
        heading: RUN, value_name: "PATH",
        uses: &[
            train("runs/NAME").common("runs/NAME"),
            sample("none").only(&[Music]).doc("MIDI file to write"),
            inspect("report.html; the terminal for text, json and csv")
                .doc("Output file: .html, .png, .svg, .json or .csv"),
        ],
    }
    /// Threads; does not change the result
    threads: usize => usize {
        heading: RUN, value_name: "N", range: Range::between(1.0, 1024.0), resumable: true,
        uses: &with_models(train("all processors").common("all processors"), bench("all processors"), "all processors"),
    }
    /// Precision of matrix products
    precision: PrecisionChoice => PrecisionChoice {
        heading: RUN, value_name: "NAME",
        uses: &with_models(
            train(PRECISION).doc("Precision of matrix products (int8 not for training)"),
            bench("f32"),
            PRECISION,
        ),
    }
    /// Shards of a batch, computed in parallel; changes rounding only
    shards: usize => usize {
        heading: RUN, value_name: "N", range: Range::at_least(1.0),
        uses: &[train("depends on batch size and processors"), bench("as many as threads")],
    }
    /// Time between checkpoints
    checkpoint_every: Span => Span {
        heading: RUN, value_name: "TIME", resumable: true,
        uses: &[train("20s")],
    }
    /// Updates between samples; 0 disables
    sample_every: u64 => Option<u64> {
        heading: RUN, value_name: "N", resumable: true,
        uses: &[train("five samples per run").only(&[Language])],
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
