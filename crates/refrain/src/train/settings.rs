//! What a user may ask of a run: every setting optional, under the same name as an option of the program, a key of
//! a configuration file and a field here. [`super::Config`] is what becomes of them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::PrecisionChoice;
use crate::format::Column;
use crate::layer::AttentionKind;
use crate::model::{ActivationKind, CellKind, PoolingKind, ResetGate, TaskName};
use crate::text::TokenUnits;

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// The settings of a run, all optional.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        impl Settings {
            /// These settings, and for those not given the ones of `base`.
            #[must_use]
            pub fn or(self, base: Settings) -> Settings {
                Settings { $($name: self.$name.or(base.$name),)* }
            }

            /// The names of the settings that are given and differ from those of `other`.
            pub fn changes(&self, other: &Settings) -> Vec<&'static str> {
                let mut names = vec![];
                $(if self.$name.is_some() && self.$name != other.$name {
                    names.push(stringify!($name));
                })*
                names
            }
        }
    };
}

settings! {
    /// Settings that belong together; those given here win.
    preset: Preset,
    /// What is learned; from the form of the data if absent.
    task: TaskName,
    /// The files to learn from.
    data: Vec<PathBuf>,
    /// A file to measure on and not to learn from, instead of a share of the data.
    valid: PathBuf,
    /// A built-in text instead.
    example: Example,
    /// What a symbol is.
    units: TokenUnits,
    /// Every line a sequence of its own, instead of one long text.
    lines: bool,
    /// Keep byte-order marks and CRLF as they are.
    raw: bool,
    /// Whether capital letters are read as small ones.
    lowercase: bool,
    /// The most words or word pieces.
    vocab_size: usize,
    /// Symbols rarer than this become the unknown symbol.
    min_count: u64,
    /// Share of the text, at its end, that is measured and not learned.
    valid_fraction: f64,
    /// The cell.
    cell: CellKind,
    /// The nonlinearity of an Elman cell.
    activation: ActivationKind,
    /// Where a GRU's reset gate acts.
    reset_gate: ResetGate,
    /// `H`.
    hidden_size: usize,
    /// `L`.
    num_layers: usize,
    /// `E`; 0 for one-hot input.
    embedding_size: usize,
    /// Whether a language model reads and predicts with the same vectors (Press & Wolf 2017).
    tied_embeddings: bool,
    /// Whether layers read each sequence from both ends.
    bidirectional: bool,
    /// Whether each layer's output is normalised.
    layer_norm: bool,
    /// How the outputs of all steps become one vector.
    pooling: PoolingKind,
    /// What a token of a source is, where the two sides differ.
    source_units: TokenUnits,
    /// What a token of a target is.
    target_units: TokenUnits,
    /// How a decoder attends to the source.
    attention: AttentionKind,
    /// Share of a decoder's inputs that training takes from its own predictions.
    scheduled_sampling: f32,
    /// Share of a target's probability that training deals out to all symbols alike (Szegedy et al. 2016).
    label_smoothing: f32,
    /// Whether every class counts as much as any other, however rare it is.
    class_weights: bool,
    /// Which column holds the tags.
    column: Column,
    /// Which column holds the words.
    word_column: Column,
    /// Numbers that stand for a character of a word; 0 for words without their spelling.
    char_embedding_size: usize,
    /// Units, in each direction, of the layer that reads a word's characters.
    char_hidden_size: usize,
    /// Share of the words that training takes for the unknown one.
    word_dropout: f32,
    /// Whether neighbouring tags are judged together, by a conditional random field.
    crf: bool,
    /// The folder of the images that captions name, instead of the captions' own.
    images: PathBuf,
    /// Pixels a side that images are brought to.
    image_size: usize,
    /// Whether images are shifted, stretched and coloured a little differently each time that they are learned from.
    augment: bool,
    /// Whether they may be mirrored, too.
    flip: bool,
    /// Channels that each convolution over an image gives.
    channels: Vec<usize>,
    /// Numbers that a vector or an image becomes before a text is made of it.
    code_size: usize,
    /// Frames of music a quarter note.
    steps_per_quarter: u32,
    /// The most semitones by which each piece of music is shifted, anew in every epoch.
    transpose: u8,
    /// The columns of a table to forecast; all if absent.
    columns: Vec<String>,
    /// Steps that a forecast reaches ahead.
    horizon: usize,
    /// Shares of the outcomes that lie below what is forecast, instead of means and deviations.
    quantiles: Vec<f64>,
    /// Steps after which a series repeats itself; found in the data if absent.
    season: usize,
    /// Share of a series, at its end, that is kept out of training altogether and measured in the end.
    test_fraction: f64,
    /// Share of each layer's output that training drops.
    dropout: f32,
    /// Whether all steps of a sequence drop the same.
    locked_dropout: bool,
    /// Share of the recurrent weights that each step of training drops.
    weight_drop: f32,
    /// `T`: the steps through which the gradient flows.
    seq_length: usize,
    /// `B`.
    batch_size: usize,
    /// Passes through the training part.
    epochs: u64,
    /// Most updates.
    max_steps: u64,
    /// Most time.
    time_limit: Span,
    /// The update rule.
    optimizer: Optimizer,
    /// The learning rate at its height.
    learning_rate: f64,
    /// How the learning rate goes on from there.
    schedule: Schedule,
    /// Updates over which the learning rate rises from zero.
    warmup_steps: u64,
    /// Where a linear or cosine schedule ends.
    min_learning_rate: f64,
    /// Factor of the step schedule.
    decay_factor: f64,
    /// Epochs between two steps of the step schedule.
    decay_epochs: u64,
    /// Share of earlier updates' direction that is kept: Adam's beta1, SGD's momentum.
    momentum: f64,
    /// L2 decay of matrices.
    weight_decay: f64,
    /// Largest global norm of a gradient; 0 for any.
    grad_clip: f64,
    /// Updates over which the weights are averaged; 0 for none.
    average: u64,
    /// Validations without improvement before a run stops; 0 for any number.
    patience: u64,
    /// Names all random choices.
    seed: u64,
    /// Parts into which a batch is cut; changes bits, not meaning.
    shards: usize,
    /// Threads; changes no bit.
    threads: usize,
    /// What products are computed in.
    precision: PrecisionChoice,
    /// Updates between two samples; 0 for none.
    sample_every: u64,
    /// Time between two checkpoints: what a kill can cost.
    checkpoint_every: Span,
    /// The run's directory; nothing is written without one.
    out: PathBuf,
    /// A model to go on from instead of random numbers.
    init_from: PathBuf,
}

/// Settings that belong together, by name. What a user gives beside one wins over it, and a run's `config.toml` has
/// the values and not the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// A first look: a small model, a few passes.
    Quick,
    /// Quality first: the best that twenty minutes on this machine give, which chooses the size and all that follows.
    Best,
}

/// The built-in texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Example {
    /// 49 kB of Latin prose.
    Latin,
    /// Three short sentences, treated as the first tutorial treats them.
    Sentences,
    /// Nested brackets with the depth between them, generated from the seed.
    Brackets,
}

/// An update rule, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Kingma & Ba 2015.
    Adam,
    /// Loshchilov & Hutter 2019.
    AdamW,
    /// Tieleman & Hinton 2012.
    RmsProp,
    /// Duchi et al. 2011.
    Adagrad,
    /// Stochastic gradient descent with momentum.
    Sgd,
}

/// How the learning rate changes over a run, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It falls in a straight line.
    Linear,
    /// It falls along half a cosine (Loshchilov & Hutter 2017).
    Cosine,
    /// It falls by a factor every few epochs.
    Step,
}

/// A stretch of time: `90s`, `2m`, `1.5h`, or seconds without a letter.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Span {
    /// Its length.
    pub seconds: f64,
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, unit) = match text.char_indices().last() {
            Some((at, 's')) => (&text[..at], 1.0),
            Some((at, 'm')) => (&text[..at], 60.0),
            Some((at, 'h')) => (&text[..at], 3600.0),
            _ => (text, 1.0),
        };
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(Span { seconds: number * unit }),
            _ => Err(format!("`{text}` is no time: write 90s, 2m or 1.5h")),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds {
            s if s >= 3600.0 && s % 360.0 == 0.0 => write!(f, "{}h", s / 3600.0),
            s if s >= 60.0 && s % 60.0 == 0.0 => write!(f, "{}m", s / 60.0),
            s => write!(f, "{s}s"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, seconds, written) in
            [("90", 90.0, "90s"), ("2m", 120.0, "2m"), ("1.5h", 5400.0, "1.5h"), ("0.5s", 0.5, "0.5s")]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.seconds, seconds);
            assert_eq!(span.to_string(), written);
            assert_eq!(written.parse::<Span>(), Ok(span));
        }
        for bad in ["", "m", "-2m", "0", "soon", "1e999", "NaN"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn given_settings_win_over_the_base() {
        let given = Settings { epochs: Some(3), ..Settings::default() };
        let base = Settings { epochs: Some(9), seed: Some(7), ..Settings::default() };
        let both = given.clone().or(base.clone());
        assert_eq!((both.epochs, both.seed), (Some(3), Some(7)));
        assert_eq!(given.changes(&base), ["epochs"]);
    }
}
